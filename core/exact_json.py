"""JSON read and written without losing a digit, and read without trusting who wrote it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import NoReturn

_LONGEST_NUMBER = 400  # characters; what is longer is hostile, and a row of its own pays for it


def read(body: bytes) -> object:
    """The value that a UTF-8 body holds: dict, list, str, bool, None, and Decimal for every number.

    A number too long or too large to be a figure comes as Decimal infinity, which `core.figures` refuses, so that it
    costs its own row and not the page. Of a repeated key the last counts. Raises ValueError with a reason for an empty
    body, bytes that aren't UTF-8, text that isn't JSON, NaN and Infinity (JSON knows neither), nesting too deep.
    """
    if not body.strip():
        raise ValueError("the body is empty")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("the body is not UTF-8") from None
    try:
        value: object = json.loads(text, parse_float=_number, parse_int=_number, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        # Not json's own sentence: what stands in the body is not for a message.
        raise ValueError(f"the body is not JSON (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise ValueError("the body is nested too deep") from None
    return value


def _number(text: str) -> Decimal:
    try:
        return Decimal(text) if len(text) <= _LONGEST_NUMBER else Decimal("Infinity")
    except InvalidOperation:
        return Decimal("Infinity")


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"the body holds {name}, which JSON does not know")


def written(value: object) -> str:
    """A value as JSON: a Decimal as the number with its digits, a datetime as ISO 8601. Raises ValueError on NaN."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is no JSON number")
        return format(value, "f")
    if isinstance(value, datetime):
        return json.dumps(value.isoformat())
    if isinstance(value, Mapping):
        return (
            f"{{{', '.join(f'{json.dumps(str(key), ensure_ascii=False)}: {written(v)}' for key, v in value.items())}}}"
        )
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(written, value))}]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
