"""The filters an expression may use: strict about types, and bounded in what they produce."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from jinja2 import Undefined

from firebreak.errors import DefinitionError

MAX_TEXT = 64 * 1024  # characters in one string that an expression makes

Filter = Callable[..., Any]


def bounded(size: int) -> None:
    """Refuse to build something larger than ``MAX_TEXT`` characters or items."""
    if size > MAX_TEXT:
        raise DefinitionError(f"the result would be larger than {MAX_TEXT} characters")


def strict(function: Filter) -> Filter:
    """The function, refusing an undefined value instead of treating it as something."""

    @wraps(function)
    def checked(*values: Any) -> Any:
        for value in values:
            if isinstance(value, Undefined):
                str(value)  # a strict Undefined raises here, naming what is missing
        return function(*values)

    return checked


def _of(kind: type[Any] | tuple[type[Any], ...], value: Any, name: str) -> Any:
    if isinstance(value, kind):
        return value
    raise DefinitionError(f"filter {name} does not take a {type(value).__name__}")


def _default(value: Any, fallback: Any) -> Any:
    return fallback if isinstance(value, Undefined) else value


def _first(value: Any) -> Any:
    return _end(value, 0, "first")


def _last(value: Any) -> Any:
    return _end(value, -1, "last")


def _end(value: Any, index: int, name: str) -> Any:
    items = _of((list, tuple), value, name)
    if not items:
        raise DefinitionError(f"filter {name} needs at least one item")
    return items[index]


def _int(value: Any) -> int:
    if isinstance(value, int):
        return int(value)
    text = _of(str, value, "int").strip()
    digits = text.removeprefix("-")
    if len(digits) > 15 or not (digits.isascii() and digits.isdigit()):  # noqa: PLR2004 - fits 2**53
        raise DefinitionError("filter int wants a whole number of up to 15 digits")
    return int(text)


def _join(value: Any, separator: Any = "") -> str:
    items = [str(item) for item in _of((list, tuple), value, "join")]
    between = _of(str, separator, "join")
    bounded(sum(map(len, items)) + len(between) * len(items))
    return str(between.join(items))


def _length(value: Any) -> int:
    return len(_of((str, list, tuple, dict), value, "length"))


def _replace(value: Any, old: Any, new: Any) -> str:
    text, old, new = (_of(str, part, "replace") for part in (value, old, new))
    bounded(len(text) + text.count(old) * len(new))
    return str(text.replace(old, new))


def _text(name: str, method: Callable[[str], str]) -> Filter:
    return lambda value: method(_of(str, value, name))


FILTERS: dict[str, Filter] = {
    "default": _default,
    "first": strict(_first),
    "int": strict(_int),
    "join": strict(_join),
    "last": strict(_last),
    "length": strict(_length),
    "lower": strict(_text("lower", str.lower)),
    "replace": strict(_replace),
    "string": strict(str),
    "trim": strict(_text("trim", str.strip)),
    "upper": strict(_text("upper", str.upper)),
}
