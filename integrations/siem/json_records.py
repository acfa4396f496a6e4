"""JSON records out of a hostile body: one bad record never costs the ones beside it."""

import json
import math
import re
from typing import Any, NoReturn

from pydantic import JsonValue

from firebreak.contracts.sources import BadRecord
from firebreak.domain.base import JsonObject
from firebreak.errors import BadInput

MAX_RECORDS = 20_000
MAX_RECORD_CHARACTERS = 1024 * 1024
MAX_DEPTH = 64
LARGEST_INTEGER = 2**53  # beyond it JSON numbers are not exact everywhere (RFC 8259, section 6)

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class MisreadError(ValueError):
    """A record that cannot be read. The message names fields and types, never their content."""


def read_records(body: bytes) -> tuple[list[tuple[int, JsonObject]], list[BadRecord]]:
    """The objects of a body (one object, an array of them, or one a line) with their positions.

    What would be legal JSON and cannot be stored everywhere is made storable instead of refused:
    NUL and lone surrogates become U+FFFD, numbers beyond 2**53 become strings.

    Raises:
        BadInput: the body is empty, or holds more than 20,000 records.
    """
    # splitlines() would also cut at U+2028 and its like, which may stand inside a JSON string.
    text = body.decode("utf-8-sig", errors="replace").strip()
    if not text:
        raise BadInput("the body is empty; send one JSON object a line, or an array of them")
    values = _whole(text)
    if values is None:
        values = [_line(line) for line in text.split("\n") if line.strip()]
    if len(values) > MAX_RECORDS:
        raise BadInput(f"more than {MAX_RECORDS} records in one request; send them in parts")
    good: list[tuple[int, JsonObject]] = []
    bad: list[BadRecord] = []
    for index, value in enumerate(values):
        try:
            good.append((index, _record(value)))
        except MisreadError as problem:
            bad.append(BadRecord(index=index, reason=str(problem)))
    return good, bad


def _whole(text: str) -> list[Any] | None:
    try:
        value = _loads(text)
    except MisreadError:
        return None
    return value if isinstance(value, list) else [value]


def _line(line: str) -> Any:
    """The value of a line, or the MisreadError that stands for it."""
    if len(line) > MAX_RECORD_CHARACTERS:
        return MisreadError(f"longer than {MAX_RECORD_CHARACTERS} characters")
    try:
        return _loads(line)
    except MisreadError as problem:
        return problem


def _record(value: Any) -> JsonObject:
    if isinstance(value, MisreadError):
        raise value
    if not isinstance(value, dict):
        raise MisreadError(f"a record must be a JSON object, not {kind(value)}")
    return {_storable_text(name): _storable(item, 1) for name, item in value.items()}


def _loads(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant, strict=False)
    except RecursionError:
        raise MisreadError(f"nested deeper than {MAX_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        raise MisreadError(f"not JSON: {error.msg} at character {error.pos}") from None
    except ValueError:  # an integer of more digits than Python converts
        raise MisreadError("not JSON: a number with too many digits") from None


def _no_constant(_name: str) -> NoReturn:
    raise MisreadError("not JSON: NaN and Infinity are no JSON numbers")


def _storable(value: Any, depth: int) -> JsonValue:
    if depth > MAX_DEPTH:
        raise MisreadError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, str):
        return _storable_text(value)
    if isinstance(value, dict):
        return {_storable_text(name): _storable(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_storable(item, depth + 1) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    exact = math.isfinite(value) if isinstance(value, float) else abs(value) <= LARGEST_INTEGER
    return value if exact else str(value)


def _storable_text(text: str) -> str:
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def kind(value: JsonValue) -> str:
    """What JSON calls the type of a value."""
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")
