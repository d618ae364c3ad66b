"""JSON bodies to typed objects, strictly: nothing is coerced, nothing unknown is passed over, every fault is named."""

from __future__ import annotations

import json
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin

from cattrs import Converter
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from core.clients.model import AuthMethod
from core.protocol.refusals import FieldError, InvalidFields
from core.protocol.unset import Unset
from core.users.password import Password

T = TypeVar("T")

# How much of a body that makes no sense is repeated in the answer.
MOST_UNKNOWN = 20
LONGEST_NAME = 64


class WrongType(ValueError):
    """What was expected instead."""


class RepeatedName(ValueError):
    """A JSON object holds one name twice (RFC 8259 §4: software reads that in different ways)."""


async def json_body(request: Request, shape: type[T]) -> T:
    """The body as an instance of `shape`. Raises `InvalidFields`, or `HTTPException` 415 or 400 for what is no JSON."""
    value = await json_object(request)
    try:
        return _converter.structure(value, shape)
    except ClassValidationError as error:
        raise InvalidFields(*_faults(error)) from None


async def json_object(request: Request) -> dict[str, Any]:
    """The body's members, whatever they are. Raises as `json_body`."""
    media_type = request.headers.get("content-type", "").partition(";")[0]
    if media_type.strip().lower() != "application/json":
        raise HTTPException(415, "The body's content type must be application/json")
    try:
        value = json.loads((await request.body()).decode(), object_pairs_hook=_object, parse_constant=_no_constant)
    except RepeatedName as error:
        raise InvalidFields(FieldError(str(error), "sent more than once")) from None
    except (ValueError, RecursionError):
        raise HTTPException(400, "The body is not JSON in UTF-8") from None
    if not isinstance(value, dict):
        raise InvalidFields(FieldError("body", "expected an object"))
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise RepeatedName(short(name))
        found[name] = value
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _faults(error: ClassValidationError) -> list[FieldError]:
    noted, others = error.group_exceptions()
    faults = [FieldError(note.name, _expectation(cause)) for cause, note in noted]
    for other in others:
        if isinstance(other, ForbiddenExtraKeysError):
            unknown = sorted(other.extra_fields)[:MOST_UNKNOWN]
            faults += [FieldError(short(name), "there is no such field") for name in unknown]
    return faults


def short(name: str) -> str:
    """A name that the sender made up, fit to be repeated."""
    return name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME] + "…"


def _expectation(cause: Exception) -> str:
    if isinstance(cause, KeyError):
        return "missing"
    return str(cause) if isinstance(cause, WrongType) else "malformed"


def _text(value: Any, _type: Any) -> str:
    if not isinstance(value, str):
        raise WrongType("expected a text")
    return value


def _flag(value: Any, _type: Any) -> bool:
    if not isinstance(value, bool):
        raise WrongType("expected true or false")
    return value


def _number(value: Any, _type: Any) -> int:
    """JSON has one kind of number (RFC 8259 §6): 60.0 is a whole one, to JSON Schema as well."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongType("expected a whole number")
    return value


def _object_of_json(value: Any, _type: Any) -> dict[str, object]:
    if not isinstance(value, dict):
        raise WrongType("expected an object")
    return value


def _auth_method(value: Any, _type: Any) -> AuthMethod:
    if value not in list(AuthMethod):
        raise WrongType(f"expected one of {', '.join(AuthMethod)}")
    return AuthMethod(value)


def _texts(value: Any, _type: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise WrongType("expected a list of texts")
    return tuple(value)


def _is_optional(shape: Any) -> bool:
    return get_origin(shape) is not None and Unset in get_args(shape)


def _present(value: Any, shape: Any) -> Any:
    """A field that may be left out, and was not: null is no way of that, but where the field says so."""
    parts = get_args(shape)
    if value is None and NoneType in parts:
        return None
    inner: Any = next(part for part in parts if part not in {Unset, NoneType})
    return _converter.structure(value, inner)


_converter = Converter(forbid_extra_keys=True, detailed_validation=True)
_converter.register_structure_hook(str, _text)
_converter.register_structure_hook(bool, _flag)
_converter.register_structure_hook(int, _number)
_converter.register_structure_hook(AuthMethod, _auth_method)
_converter.register_structure_hook_func(lambda shape: shape == dict[str, object], _object_of_json)
_converter.register_structure_hook(Password, lambda value, _type: Password.typed(_text(value, str)))
_converter.register_structure_hook_func(lambda shape: shape == tuple[str, ...], _texts)
_converter.register_structure_hook_func(_is_optional, _present)
