"""What schemathesis must not do: end the account it is logged in as. All that came after would be refused."""

from __future__ import annotations

import os
import uuid
from typing import Any

import schemathesis


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case[Any], _kwargs: dict[str, Any]) -> None:
    if case.method in {"PATCH", "DELETE"} and case.path_parameters.get("id") == os.environ["WATCHWORD_OWN_ID"]:
        case.path_parameters["id"] = str(uuid.uuid4())
