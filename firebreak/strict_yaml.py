"""YAML as a security tool reads it: plain, unambiguous data, and the line of every error.

No aliases, tags, merge keys, duplicate keys or second documents, and only the unambiguous scalars
of the YAML 1.2 core schema: `no` is a string here and `12:34:56:00:00:17` is a MAC address, not a
number in base 60. Parsing is libyaml's, because an estate of 10,000 devices takes ruamel.yaml's
pure parser 20 seconds and libyaml one.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml  # type: ignore[import-untyped]  # PyYAML ships no types
from pydantic import BaseModel, JsonValue, ValidationError

from firebreak.errors import DefinitionError

Place = tuple[str | int, ...]
Mark = tuple[int, int]  # line and column, both from 1
ModelT = TypeVar("ModelT", bound=BaseModel)

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 30
SHOWN_PROBLEMS = 10

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS: dict[str, JsonValue] = {"": None, "~": None, "null": None, "true": True, "false": False}
# pydantic's words for these are about Python.
_IN_YAML_WORDS = {
    "string_type": "must be text; put it in quotes",
    "tuple_type": "must be a list: one `- ` for each item",
    "model_type": "must be a mapping: `name: value` pairs",
    "dict_type": "must be a mapping: `name: value` pairs",
    "missing": "is required",
    "extra_forbidden": "is no field of this",
}
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?[0-9]{1,17}\.[0-9]{1,17}")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\ufffd]")


class YamlError(DefinitionError):
    """The text is not YAML as it is read here: what is wrong, and where."""

    def __init__(self, name: str, mark: Mark, problem: str) -> None:
        """Say it as ``file:line: problem``."""
        super().__init__(f"{name}:{mark[0]}: {problem}")
        self.mark = mark
        self.problem = problem


class Document:
    """A read file: its ``data``, and where in the text each part of it stands."""

    def __init__(self, name: str, text: str) -> None:
        """Read ``text``. Raises DefinitionError, naming ``name`` and the line."""
        self.name = name
        self._marks: dict[Place, Mark] = {}
        self._keys: dict[Place, Mark] = {}
        self._events = _events(name, text)
        self.data = self._document()

    def line(self, place: Place) -> int:
        """The line of a value, or of the innermost thing around it that is in the text."""
        return self.mark(place)[0]

    def mark(self, place: Place) -> Mark:
        """Line and column of a value, or of the innermost thing around it that is in the text."""
        while place and place not in self._marks:
            place = place[:-1]
        return self._marks.get(place, (1, 1))

    def key_mark(self, place: Place) -> Mark:
        """Line and column of the key that a value stands under, or of the value itself."""
        return self._keys.get(place) or self.mark(place)

    def error(self, place: Place, message: str) -> DefinitionError:
        """An error about one place: ``file:line: path: message``."""
        path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place).lstrip(".")
        return _error(self.name, self.mark(place), f"{path}: {message}" if path else message)

    def validate(self, model: type[ModelT]) -> ModelT:
        """The data as a model. Raises DefinitionError with a line for each problem found."""
        return self.part((), model, self.data)

    def part(self, place: Place, model: type[ModelT], data: object) -> ModelT:
        """What stands at ``place``, or some of it, as a model. Raises like ``validate``."""
        try:
            return model.model_validate(data)
        except ValidationError as error:
            raise self.problems(error, place) from None

    def problems(self, error: ValidationError, place: Place = ()) -> DefinitionError:
        """What a model said of the data at ``place``, with a line for each problem."""
        found = error.errors(include_url=False, include_context=False, include_input=False)
        said = [str(self._problem((*place, *p["loc"]), p["type"], p["msg"])) for p in found]
        more = len(said) - SHOWN_PROBLEMS
        tail = [f"and {more} more problems"] if more > 0 else []
        return DefinitionError("\n".join([*said[:SHOWN_PROBLEMS], *tail]))

    def _problem(self, place: Place, kind: str, message: str) -> DefinitionError:
        message = _IN_YAML_WORDS.get(kind, message.removeprefix("Value error, "))
        if place:
            return self.error(place, message)
        # A rule about the whole file names what it is about: point at the last of those names.
        words = set(re.findall(r"[^\s,]+", message))
        named = [p for p in self._marks if _at(self.data, p) in words]
        return self.error(named[-1] if named else (), message)

    def _document(self) -> JsonValue:
        for event in self._events:
            if isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
                continue
            if isinstance(event, yaml.StreamEndEvent):
                raise _error(self.name, (1, 1), "the file is empty")
            value = self._node(event, ())
            self._expect_end()
            return value
        raise _error(self.name, (1, 1), "the file is empty")

    def _expect_end(self) -> None:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                raise self._at(event, "a second document; put it in a file of its own")

    def _at(self, event: Any, message: str) -> DefinitionError:
        return _error(self.name, _mark(event.start_mark), message)

    def _node(self, event: Any, place: Place) -> JsonValue:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self._at(event, "anchors and aliases are not accepted; write the value out")
        if event.tag is not None and event.tag != "!":
            raise self._at(event, "tags are not accepted; write plain data")
        if len(place) > MAX_DEPTH:
            raise self._at(event, f"nested deeper than {MAX_DEPTH} levels")
        self._marks[place] = _mark(event.start_mark)
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event.value) if event.implicit[0] else str(event.value)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(place)
        return self._sequence(place)

    def _mapping(self, place: Place) -> JsonValue:
        found: dict[str, JsonValue] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if not isinstance(event, yaml.ScalarEvent) or event.anchor is not None:
                raise self._at(event, "a key must be plain text")
            key = str(event.value)
            if key in found:
                raise self._at(event, f"{key[:100]!r} is given twice")
            if key == "<<" and event.implicit[0]:
                raise self._at(event, "merge keys are not accepted; write the values out")
            self._keys[(*place, key)] = _mark(event.start_mark)
            found[key] = self._node(next(self._events), (*place, key))
        return found

    def _sequence(self, place: Place) -> JsonValue:
        found: list[JsonValue] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            found.append(self._node(event, (*place, len(found))))
        return found


def read(path: Path, *, max_bytes: int = MAX_BYTES) -> Document:
    """Read a file. Raises DefinitionError when it is missing, too large or not strict YAML."""
    try:
        with path.open("rb") as file:
            raw = file.read(max_bytes + 1)
    except OSError as error:
        raise DefinitionError(f"{path}: cannot be read: {error.strerror}") from error
    if len(raw) > max_bytes:
        raise DefinitionError(f"{path}: larger than {max_bytes} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _error(str(path), (line, 1), "not UTF-8 text") from error
    return Document(str(path), text)


def _events(name: str, text: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = _mark(error.problem_mark) if error.problem_mark else (1, 1)
        raise _error(name, mark, str(error.problem)) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _error(name, (line, 1), "a character that YAML does not allow") from error


def _scalar(text: str) -> JsonValue:
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if first.isdigit() or first in "+-":
        if _INT.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
    return text


def _at(data: JsonValue, place: Place) -> str | None:
    value: Any = data
    for part in place:
        value = value[part]
    return value if isinstance(value, str) else None


def _mark(mark: Any) -> Mark:
    return mark.line + 1, mark.column + 1


def _error(name: str, mark: Mark, message: str) -> YamlError:
    return YamlError(name, mark, _printable(message))


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
