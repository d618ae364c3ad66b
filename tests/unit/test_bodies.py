"""JSON bodies: nothing is coerced, nothing unknown passes, every fault is named."""

from __future__ import annotations

import json

import pytest
from attrs import AttrsInstance, fields_dict
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from core.protocol.refusals import InvalidFields
from core.protocol.unset import UNSET
from core.users.password import Password
from entrypoints.http.bodies import json_body
from entrypoints.http.users import NewUser, OwnPatch, PasswordChange, UserPatch

NO_TEXT: list[object] = [None, 1, True, [], {}, ["a"]]
NO_FLAG: list[object] = [None, 0, 1, "true", "", [], {}]
NO_TEXTS: list[object] = [None, "admin", 1, {}, [1], [None], [["a"]], {"a": 1}]

GOOD = {"username": "alice", "email": "a@example.com", "password": "correct horse battery"}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def request(body: bytes, media_type: str | None = "application/json") -> Request:
    headers = [] if media_type is None else [(b"content-type", media_type.encode())]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(scope, receive)


async def faults(value: object, shape: type[object]) -> dict[str, str]:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    with pytest.raises(InvalidFields) as caught:
        await json_body(request(body), shape)
    return {error.field: error.message for error in caught.value.errors}


async def status(body: bytes, media_type: str | None = "application/json") -> int:
    with pytest.raises(HTTPException) as caught:
        await json_body(request(body, media_type), OwnPatch)
    return caught.value.status_code


async def test_a_body_becomes_a_typed_object() -> None:
    user = await json_body(request(json.dumps({**GOOD, "roles": ["a"], "is_active": False}).encode()), NewUser)
    assert user == NewUser("alice", "a@example.com", Password.typed("correct horse battery"), ("a",), is_active=False)


async def test_what_is_left_out_keeps_its_default() -> None:
    assert (await json_body(request(json.dumps(GOOD).encode()), NewUser)).roles == ()
    assert await json_body(request(b"{}"), UserPatch) == UserPatch(UNSET, UNSET, UNSET, UNSET)


async def test_every_missing_field_is_named() -> None:
    assert await faults({}, NewUser) == {"username": "missing", "email": "missing", "password": "missing"}
    assert await faults({"current_password": "x"}, PasswordChange) == {"new_password": "missing"}


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        *(("email", value, "expected a text") for value in NO_TEXT),
        *(("password", value, "expected a text") for value in NO_TEXT),
        *(("is_active", value, "expected true or false") for value in NO_FLAG),
        *(("roles", value, "expected a list of texts") for value in NO_TEXTS),
    ],
)
@pytest.mark.parametrize("shape", [NewUser, UserPatch])
async def test_another_type_is_refused_by_name_and_never_coerced(
    shape: type[object], field: str, value: object, expected: str
) -> None:
    others = GOOD if shape is NewUser else {}
    assert await faults({**others, field: value}, shape) == {field: expected}


@pytest.mark.parametrize(
    "field", ["hashed_password", "is_active", "roles", "id", "username", "updated_at", "", "a\ud800"]
)
async def test_an_unknown_field_is_refused_by_name(field: str) -> None:
    assert await faults({"email": "a@example.com", field: True}, OwnPatch) == {field: "there is no such field"}


async def test_all_faults_are_named_together() -> None:
    found = await faults({"email": 1, "password": "x" * 8, "b": 1, "a": 1}, NewUser)
    assert found == {
        "username": "missing",
        "email": "expected a text",
        "a": "there is no such field",
        "b": "there is no such field",
    }


@pytest.mark.parametrize("body", [b'{"email": "a", "email": "b"}', b'{"email": {"email": 1, "email": 2}}'])
async def test_a_name_sent_twice_is_refused_by_name(body: bytes) -> None:
    assert await faults(body, OwnPatch) == {"email": "sent more than once"}


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"text"', b"true", b'[{"email": "a"}]'])
async def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    assert await faults(body, OwnPatch) == {"body": "expected an object"}


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{", b"{'email': 1}", b'{"email": "a",}', b"\xff", b'{"email": "\xff"}', b"{}{}", b"\xef\xbb\xbf{}",
        b'{"email": NaN}', b'{"email": Infinity}', b'{"email": -Infinity}', b'{"email": ' + b"1" * 5000 + b"}",
        b"[" * 30_000, b'{"a":' * 10_000, '{"email": "a"}'.encode("utf-16"),
    ],
)  # fmt: skip
async def test_what_is_no_json_in_utf_8_is_a_400(body: bytes) -> None:
    assert await status(body) == 400


@pytest.mark.parametrize("media", [None, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
async def test_another_media_type_is_a_415(media: str | None) -> None:
    assert await status(b'{"email": "a"}', media) == 415


@pytest.mark.parametrize("media", ["application/json; charset=utf-8", "Application/JSON", "application/json ;x=y"])
async def test_parameters_and_case_of_the_media_type_do_not_matter(media: str) -> None:
    assert (await json_body(request(b'{"email": "a"}', media), OwnPatch)).email == "a"


@given(st.binary(), st.sampled_from([NewUser, UserPatch, OwnPatch, PasswordChange]))
async def test_any_bytes_are_an_object_or_refused(body: bytes, shape: type[object]) -> None:
    try:
        await json_body(request(body), shape)
    except InvalidFields as refusal:
        faulty: object = refusal.errors
    except HTTPException as refusal:
        faulty = refusal.status_code == 400
    else:
        faulty = True
    assert faulty


@given(st.data(), st.sampled_from([NewUser, UserPatch, OwnPatch, PasswordChange]))
async def test_any_json_is_an_object_of_the_right_types_or_refused(
    data: st.DataObject, shape: type[AttrsInstance]
) -> None:
    names = st.sampled_from([*fields_dict(shape), "unknown"])
    value = data.draw(st.dictionaries(names, JSON, max_size=6))
    text = json.dumps(value)
    try:
        made = await json_body(request(text.encode()), shape)
    except InvalidFields as refusal:
        named: object = refusal.errors
    except HTTPException:
        named = "NaN" in text or "Infinity" in text
    else:
        kept = {name: getattr(made, name) for name in value}
        named = all(
            isinstance(kept[name], Password) or kept[name] == (tuple(sent) if isinstance(sent, list) else sent)
            for name, sent in value.items()
        )
    assert named
