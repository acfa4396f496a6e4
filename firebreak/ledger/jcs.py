"""Reads RFC 8785 text back to values that have this very form again."""

import json
from collections.abc import Callable
from typing import Any

_EXACT = 2**53


def loads(text: str, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """The value of canonical text; ``pairs`` makes its objects, as in ``json.loads``.

    RFC 8785 writes a large floating-point number without fraction or exponent (``1e17`` as
    ``100000000000000000``). Read as an integer it would be outside of what RFC 8785 can write.

    Raises:
        ValueError: not JSON, or NaN or an infinity.
    """
    return json.loads(text, parse_int=_number, parse_constant=_no_constant, object_pairs_hook=pairs)


def _number(digits: str) -> float:
    whole = int(digits)
    return whole if -_EXACT < whole < _EXACT else float(digits)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
