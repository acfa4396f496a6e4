"""From the text of a playbook file to its checked model, with the place of every problem."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from firebreak.playbook import schema
from firebreak.playbook.problems import InvalidPlaybookError, Problem
from firebreak.strict_yaml import Document, Mark, Place, YamlError

MAX_BYTES = 256 * 1024
MAX_VALUES = 20_000  # keys and items are checked one by one; no person writes this many
MAX_PROBLEMS = 100  # of one file; the first ones are enough to start repairing
MAX_INTEGER = 2**53 - 1  # beyond this JSON readers disagree

_HINTS = {
    "max": "say how many items a for_each may take at most",
    "as": "name the item, and use it as {{ name }}",
    "within": "an approval that nobody answers is denied after this time",
    "plan": "name the later steps that people agree to",
}
_CODES = {
    "extra_forbidden": "unknown-field",
    "missing": "missing-field",
    "step_kind": "step-kind",
    "empty_field": "empty-field",
}


@dataclass(frozen=True)
class Authored:
    """A playbook as written: its model, and the file that places point into."""

    document: Document
    playbook: schema.Playbook


class Report:
    """Collects the problems of one file."""

    def __init__(self, document: Document) -> None:
        """Places are looked up in ``document``."""
        self._document = document
        self.problems: list[Problem] = []

    def add(self, place: Place, code: str, message: str, hint: str = "") -> None:
        """A problem with the value at ``place``."""
        self._put(self._document.mark(place), code, message, hint)

    def add_key(self, place: Place, code: str, message: str, hint: str = "") -> None:
        """A problem with the key that the value at ``place`` stands under."""
        self._put(self._document.key_mark(place), code, message, hint)

    def _put(self, mark: Mark, code: str, message: str, hint: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(_problem(self._document.name, mark, code, message, hint))


def read_text(text: str, file: str) -> Authored:
    """A playbook from text. ``file`` is what problems call it.

    Raises:
        InvalidPlaybookError: not strict YAML, too large, or not in the shape of the schema.
    """
    try:
        raw = text.encode()
    except UnicodeEncodeError as error:
        raise _broken(file, (1, 1), "the text holds half a character (a lone surrogate)") from error
    return read_bytes(raw, file)


def read_bytes(raw: bytes, file: str) -> Authored:
    """As ``read_text``, from UTF-8 bytes."""
    if len(raw) > MAX_BYTES:
        raise _broken(file, (1, 1), f"a playbook is at most {MAX_BYTES // 1024} KiB")
    try:
        document = Document(file, raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _broken(file, (line, 1), "not UTF-8 text") from error
    except YamlError as error:
        raise _broken(file, error.mark, error.problem) from error
    if sum(1 for _ in _values(document.data, ())) > MAX_VALUES:
        raise _broken(file, (1, 1), f"a playbook has at most {MAX_VALUES} values")
    report = Report(document)
    _check_numbers(document.data, report)
    playbook = _validate(document, report)
    if playbook is None or report.problems:
        raise InvalidPlaybookError(report.problems)
    return Authored(document, playbook)


def closest(word: str, known: list[str]) -> str:
    """A hint when ``word`` looks like a slip for something known."""
    found = get_close_matches(word, known, n=1)
    return f"did you mean {found[0]!r}?" if found else ""


def _validate(document: Document, report: Report) -> schema.Playbook | None:
    try:
        return schema.Playbook.model_validate(document.data)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False)[:MAX_PROBLEMS]:
            _report(detail, document.data, report)
    return None


def _report(detail: ErrorDetails, data: Any, report: Report) -> None:
    kind, message = detail["type"], detail["msg"].removeprefix("Value error, ")
    code = _CODES.get(kind, "wrong-value")
    place = _place(detail["loc"], data)
    last = str(detail["loc"][-1]) if detail["loc"] else ""
    if kind == "missing":
        report.add(place, code, f"`{last}` is missing", _HINTS.get(last, ""))
    elif kind == "extra_forbidden":
        report.add_key(place, code, f"unknown field {last!r}", closest(last, _FIELDS))
    elif kind == "empty_field":
        place = (*place, detail.get("ctx", {})["key"])
        report.add_key(place, code, message, "give it one, or remove the key")
    elif kind == "step_kind":
        report.add(place, code, message)
    else:
        name = next((part for part in reversed(place) if isinstance(part, str)), "the file")
        report.add(place, code, f"{name}: {message[:1].lower()}{message[1:]}")


def _place(location: tuple[str | int, ...], data: Any) -> Place:
    """The part of an error's location that is in the file; the rest are pydantic's own tags."""
    place: list[str | int] = []
    for part in location:
        inside = isinstance(data, dict) and part in data
        index = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if inside or index:
            data = data[part]
            place.append(part)
    return tuple(place)


def _check_numbers(data: Any, report: Report) -> None:
    for place, value in _values(data, ()):
        if isinstance(value, int) and abs(value) > MAX_INTEGER:
            report.add(place, "wrong-value", f"a number is larger than {MAX_INTEGER}")


def _values(data: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    yield place, data
    inside: Iterable[tuple[str | int, Any]] = ()
    if isinstance(data, dict):
        inside = data.items()
    elif isinstance(data, list):
        inside = enumerate(data)
    for part, value in inside:
        yield from _values(value, (*place, part))


def _broken(file: str, mark: Mark, message: str) -> InvalidPlaybookError:
    return InvalidPlaybookError([_problem(file, mark, "not-a-playbook", message)])


def _problem(file: str, mark: Mark, code: str, message: str, hint: str = "") -> Problem:
    line, column = mark
    return Problem(
        file=file,
        line=line,
        column=column,
        code=code,
        message=_printable(message),
        hint=_printable(hint),
    )


def _printable(text: str) -> str:
    """One line that cannot steer a terminal: messages quote what authors wrote."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _field_names() -> list[str]:
    models = [m for m in vars(schema).values() if isinstance(m, type) and issubclass(m, BaseModel)]
    fields = [(name, info) for model in models for name, info in model.model_fields.items()]
    return sorted({info.alias or name for name, info in fields})


_FIELDS = _field_names()
