"""Looks a value and its time up in a JSON document that anybody may have written."""

import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NoReturn

from firebreak.errors import Rejected

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse(body: bytes, source: str) -> Any:
    """The document. NaN, infinities and repeated names are no JSON here.

    Raises:
        Rejected: it is none, or nested too deep. Nothing of it is quoted.
    """
    try:
        return json.loads(body, object_pairs_hook=_once, parse_constant=_no)
    except (ValueError, RecursionError):
        raise Rejected(f"{source} sent no JSON that can be read") from None


def find(document: Any, pointer: str, source: str) -> object:
    """What stands at an RFC 6901 pointer.

    Raises:
        Rejected: nothing does.
    """
    here = document
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict) and name in here:
            here = here[name]
        elif isinstance(here, list) and _INDEX.fullmatch(name):
            here = here[int(name)] if int(name) < len(here) else _missing(pointer, source)
        else:
            _missing(pointer, source)
    return here


def moment(value: object, unit: Literal["s", "ms"]) -> datetime | None:
    """RFC 3339 text with its zone, or a number of seconds or milliseconds since 1970.

    None for anything else.
    """
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found if found.utcoffset() is not None else None
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return _EPOCH + timedelta(seconds=value / (1000 if unit == "ms" else 1))
    except (ValueError, OverflowError):
        return None
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice")
    return found


def _no(constant: str) -> NoReturn:
    raise ValueError(constant)


def _missing(pointer: str, source: str) -> NoReturn:
    raise Rejected(f"{source} has nothing at {pointer}")
