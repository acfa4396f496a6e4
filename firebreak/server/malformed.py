"""What is wrong with a request that cannot be read, in words of people.

Where and why, never the input itself: it may hold anything.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from firebreak.domain.durations import duration

_KEY = "[key]"  # how pydantic says that it means a key and not its value
_SECONDS = "_s"  # how the name of a duration in seconds ends
_NAMES = {
    "by_s": "the extension (by_s)",
    "finding": "the finding",
    "for_s": "the time (for_s)",
    "glass": "the id of a break-glass",
    "hold_s": "the hold (hold_s)",
    "plan_hash": "the hash of the plan (plan_hash)",
    "reason": "the reason",
    "status": "the status",
}
_LOOKS = {
    "glass": "glass- and twelve hex digits, such as glass-0123456789ab",
    "plan_hash": "sha256: and 64 hex digits, as the request shows it",
    _KEY: "a name of lower-case letters, digits and _",
}
_NAME = "a name of lower-case letters, digits and . _ -, at most 63 of them"


def told(problems: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each of pydantic's errors as a sentence."""
    places = [tuple(problem["loc"]) for problem in problems]
    return [
        _told(problem)
        for problem, place in zip(problems, places, strict=True)
        # A list of which no part can be read is called too short as well.
        if problem["type"] != "too_short" or not any(_is_within(at, place) for at in places)
    ]


def _is_within(place: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(place) > len(outer) and place[: len(outer)] == outer


def _told(problem: Mapping[str, Any]) -> str:
    where: Sequence[int | str] = problem["loc"][1:]
    kind, context = str(problem["type"]), problem.get("ctx", {})
    if kind == "json_invalid":
        return f"the body is no JSON: {context.get('error', '')} at character {where[0]}"
    say = _SAYS.get(kind)
    if say is not None:
        return f"{_name(where)} {say(where, context)}"
    wanted = next((what for begin, what in _KINDS.items() if kind.startswith(begin)), None)
    if wanted is not None:
        return f"{_name(where)} must be {wanted}"
    return f"{_name(where)}: {str(problem['msg']).removeprefix('Value error, ')}"


def _name(where: Sequence[int | str]) -> str:
    """The field: ``the reason``, ``requests.3.approval``."""
    parts = [str(part) for part in where if part != _KEY]
    return ".".join([*parts[:-1], _NAMES.get(parts[-1], parts[-1])]) if parts else "the body"


def _looks(where: Sequence[int | str], _: Mapping[str, Any]) -> str:
    return f"must be {_LOOKS.get(str(where[-1]), _NAME)}"


def _short(_: Sequence[int | str], context: Mapping[str, Any]) -> str:
    least = context["min_length"]
    return "must not be empty" if least == 1 else f"must have at least {least}"


def _long(what: str) -> Callable[[Sequence[int | str], Mapping[str, Any]], str]:
    return lambda _, context: f"must have at most {context['max_length']:,} {what}"


def _least(where: Sequence[int | str], context: Mapping[str, Any]) -> str:
    return f"must be at least {_amount(where, context['ge'])}"


def _most(where: Sequence[int | str], context: Mapping[str, Any]) -> str:
    return f"must be at most {_amount(where, context['le'])}"


def _amount(where: Sequence[int | str], bound: float) -> str:
    if str(where[-1]).endswith(_SECONDS):
        return duration(int(bound))
    return f"{bound:g}"


def _one_of(_: Sequence[int | str], context: Mapping[str, Any]) -> str:
    return f"must be {str(context['expected']).replace(chr(39), '')}"


_SAYS: Mapping[str, Callable[[Sequence[int | str], Mapping[str, Any]], str]] = {
    "missing": lambda _, __: "is missing",
    "extra_forbidden": lambda _, __: "is no field of it",
    "string_pattern_mismatch": _looks,
    "string_too_short": _short,
    "string_too_long": _long("characters"),
    "too_short": _short,
    "too_long": _long("entries"),
    "greater_than_equal": _least,
    "less_than_equal": _most,
    "literal_error": _one_of,
    "enum": _one_of,
}

# By how the type of the error begins.
_KINDS = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "date": "a time with its zone, such as 2026-03-01T03:00:00Z",
    "timezone": "a time with its zone, such as 2026-03-01T03:00:00Z",
    "tuple": "a list",
    "list": "a list",
    "dict": "an object",
    "model": "an object",
}
