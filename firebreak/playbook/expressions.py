"""Expressions and templates of playbooks: pure, deterministic, bounded, and never Python.

They run inside workflows. A value is looked up, compared and joined; it is never rendered again
and never read as a literal, so hostile alert text stays text.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateError, Undefined, UndefinedError
from jinja2.environment import TemplateExpression
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import JsonValue

from firebreak.errors import DefinitionError
from firebreak.playbook.filters import FILTERS, bounded, strict
from firebreak.playbook.grammar import MAX_INTEGER, parse, paths

MAX_VALUE = 1024 * 1024  # characters and items of one value, all levels together
MAX_VALUE_DEPTH = 32
SHOWN = 200  # characters of an expression in an error


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox, where a dot is a look-up in JSON data and nothing else."""

    intercepted_binops = frozenset({"+", "-"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, cache_size=0, keep_trailing_newline=True)
        self.globals.clear()
        self.filters = dict(FILTERS)
        shipped: dict[str, Any] = self.tests
        self.tests = {name: shipped[name] for name in ("defined", "undefined")}
        self.tests |= {name: strict(shipped[name]) for name in ("none", "in")}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """An item of a mapping, never an attribute of a Python object."""
        return self._look_up(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """An item of a mapping or a list."""
        return self._look_up(obj, argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Add or subtract numbers; join two texts or two lists of bounded size."""
        del context
        if _number(left) and _number(right):
            return left + right if operator == "+" else left - right
        if operator == "+" and type(left) is type(right) and isinstance(left, str | list | tuple):
            bounded(len(left) + len(right))
            return left + right
        for value in (left, right):
            if isinstance(value, Undefined):
                str(value)  # raises, naming what is missing
        kinds = f"{type(left).__name__} and {type(right).__name__}"
        raise DefinitionError(f"`{operator}` does not work on {kinds}; `~` joins texts")

    def _look_up(self, obj: Any, key: Any) -> Any:
        if isinstance(obj, Undefined):
            str(obj)  # raises, naming what is missing
        if isinstance(obj, Mapping) and isinstance(key, str) and key in obj:
            return obj[key]
        in_list = isinstance(obj, Sequence) and not isinstance(obj, str)
        if in_list and type(key) is int and -len(obj) <= key < len(obj):
            return obj[key]
        return self.undefined(obj=obj, name=key)


_ENVIRONMENT = _Environment()


@dataclass(frozen=True)
class _Compiled:
    run: TemplateExpression
    paths: tuple[tuple[str, ...], ...]


def evaluate(expression: str, context: Mapping[str, JsonValue]) -> JsonValue:
    """The value of a bare expression such as ``alert.severity >= 4``.

    Raises:
        DefinitionError: it is no expression, a name is not defined, types do not fit, or the
            value is not plain JSON of bounded size.
    """
    return _value(expression, context, _Budget())


def truth(expression: str, context: Mapping[str, JsonValue]) -> bool:
    """Whether an expression is true. A value that is neither true nor false is an error.

    Raises:
        DefinitionError: as ``evaluate``, or the value is not a boolean.
    """
    value = evaluate(expression, context)
    if not isinstance(value, bool):
        kind = type(value).__name__
        raise DefinitionError(f"`{_short(expression)}` must be true or false, and is a {kind}")
    return value


def render(template: JsonValue, context: Mapping[str, JsonValue]) -> JsonValue:
    """A template's value: lists and objects item by item, keys untouched.

    A string that is exactly one ``{{ expression }}`` becomes the expression's own value; any other
    string stays a string, in which each expression is replaced by its text.

    Raises:
        DefinitionError: as ``evaluate``, or the text holds ``{%``, ``{#`` or an unclosed ``{{``.
    """
    return _render(template, context, _Budget())


@lru_cache(maxsize=4096)
def names(expression: str) -> frozenset[str]:
    """The names an expression reads, with constant fields: ``steps.contain.outcome``.

    Raises:
        DefinitionError: it is no expression.
    """
    return frozenset(".".join(path) for path in _compile(expression).paths)


@lru_cache(maxsize=4096)
def expressions_in(text: str) -> tuple[str, ...]:
    """The expressions within one template string, in order.

    Raises:
        DefinitionError: it is no template.
    """
    return tuple(part for part, is_expression in _split(text) if is_expression)


def bare(text: str) -> str:
    """An expression without the ``{{ }}`` an author may have put around it."""
    try:
        parts = _split(text)
    except DefinitionError:
        return text
    return parts[0][0] if len(parts) == 1 and parts[0][1] else text


class _Budget:
    """How much a value may still hold."""

    def __init__(self) -> None:
        self._left = MAX_VALUE

    def spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise DefinitionError(f"a value is larger than {MAX_VALUE} characters")


@lru_cache(maxsize=4096)
def _compile(expression: str) -> _Compiled:
    tree = parse(_ENVIRONMENT, expression)
    try:
        run = _ENVIRONMENT.compile_expression(expression, undefined_to_none=False)
    except (TemplateError, SyntaxError, RecursionError) as error:
        raise DefinitionError(f"not an expression: {error}") from error
    return _Compiled(run, tuple(paths(tree)))


def _value(expression: str, context: Mapping[str, JsonValue], budget: _Budget) -> JsonValue:
    compiled = _compile(expression)
    for path in compiled.paths:
        if path[0] not in context:
            raise DefinitionError(f"`{path[0]}` is not defined, in `{_short(expression)}`")
    try:
        return _plain(compiled.run(dict(context)), budget)
    except UndefinedError as error:
        what = _missing(compiled.paths, context) or str(error)
        raise DefinitionError(f"{what}, in `{_short(expression)}`") from error
    except (TemplateError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise DefinitionError(f"`{_short(expression)}` has no value: {error}") from error


def _short(expression: str) -> str:
    return expression if len(expression) <= SHOWN else expression[:SHOWN] + "..."


def _missing(wanted: tuple[tuple[str, ...], ...], context: Mapping[str, JsonValue]) -> str:
    """Which of the names does not exist, said with its full path."""
    for path in wanted:
        value: Any = context
        for depth, part in enumerate(path):
            if value is None:
                return f"`{'.'.join(path[:depth])}` is null here, so it has no `{part}`"
            inside = isinstance(value, Mapping) and part in value
            index = isinstance(value, list) and part.isdecimal() and int(part) < len(value)
            if not (inside or index):
                return f"`{'.'.join(path[: depth + 1])}` is not defined"
            value = value[part] if inside else value[int(part)]
    return ""


def _render(template: JsonValue, context: Mapping[str, JsonValue], budget: _Budget) -> JsonValue:
    if isinstance(template, list):
        return [_render(item, context, budget) for item in template]
    if isinstance(template, dict):
        return {key: _render(item, context, budget) for key, item in template.items()}
    if not isinstance(template, str):
        return template
    parts = _split(template)
    if len(parts) == 1 and parts[0][1]:
        return _value(parts[0][0], context, budget)
    texts = (str(_value(part, context, budget)) if is_expr else part for part, is_expr in parts)
    return _plain("".join(texts), budget)


@lru_cache(maxsize=4096)
def _split(text: str) -> tuple[tuple[str, bool], ...]:
    """A template string as (text, is it an expression) in order."""
    if "{%" in text or "{#" in text:
        raise DefinitionError("only {{ expressions }} are accepted in a template, no {% or {#")
    if "{{" not in text:
        return ((text, False),)
    parts: list[tuple[str, bool]] = []
    inside: list[str] | None = None
    try:
        for _, kind, value in _ENVIRONMENT.lexer.tokeniter(text, None):
            if kind == "variable_begin":
                inside = []
            elif kind == "variable_end":
                parts.append(("".join(inside or ()).strip(), True))
                inside = None
            elif inside is None:
                parts.append((value, False))
            else:
                inside.append(value)
    except TemplateError as error:
        raise DefinitionError(f"not a template: {error}") from error
    if inside is not None:
        raise DefinitionError("a {{ is not closed by }}")
    return tuple(parts)


def _plain(value: Any, budget: _Budget, depth: int = MAX_VALUE_DEPTH) -> JsonValue:
    """A copy as plain JSON. Raises DefinitionError for anything else."""
    if isinstance(value, Undefined):
        str(value)  # raises, as every use of it does
    if depth == 0:
        raise DefinitionError(f"a value is nested deeper than {MAX_VALUE_DEPTH} levels")
    budget.spend(len(value) if isinstance(value, str) else 1)
    if isinstance(value, str):
        bounded(len(value))
        return value
    if value is None or isinstance(value, bool):
        return value
    if _number(value):
        return _bounded_number(value)
    if isinstance(value, list | tuple):
        return [_plain(item, budget, depth - 1) for item in value]
    if isinstance(value, Mapping):
        for key in value:
            budget.spend(len(_key(key)))
        return {key: _plain(item, budget, depth - 1) for key, item in value.items()}
    raise DefinitionError(f"a {type(value).__name__} is not plain JSON")


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    raise DefinitionError(f"the key {key!r} of an object is not text")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bounded_number(value: float) -> float:
    fits = abs(value) <= MAX_INTEGER if isinstance(value, int) else math.isfinite(value)
    if not fits:
        raise DefinitionError(f"a number is larger than {MAX_INTEGER}")
    return value
