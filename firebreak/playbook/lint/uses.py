"""Lint of one expression or template: whether it is one, and whether what it reads exists."""

from collections.abc import Iterator

from pydantic import JsonValue

from firebreak.errors import DefinitionError
from firebreak.playbook.expressions import evaluate, expressions_in, names
from firebreak.playbook.lint.scope import Scope, known, lost
from firebreak.playbook.reading import Report, closest
from firebreak.strict_yaml import Place


class Uses:
    """Checks what expressions read against what is visible, and reports."""

    def __init__(self, ids: frozenset[str], report: Report) -> None:
        """``ids``: every step of the playbook, for a better message."""
        self._ids = ids
        self._report = report

    def condition(self, expression: str, place: Place, scope: Scope) -> None:
        """An expression that must be true or false, and not always the same."""
        self.expression(expression, place, scope)
        if used(expression) != frozenset():
            return
        try:
            value = evaluate(expression, {})
        except DefinitionError as error:
            self._report.add(place, "not-an-expression", str(error))
            return
        if isinstance(value, bool):
            message = f"this is always {str(value).lower()}: there is nothing to decide"
            self._report.add(place, "constant-condition", message)
        else:
            self._report.add(place, "not-boolean", "a condition must be true or false")

    def expression(self, expression: str, place: Place, scope: Scope) -> None:
        """An expression of any type."""
        try:
            paths = names(expression)
        except DefinitionError as error:
            self._report.add(place, "not-an-expression", str(error))
            return
        asked = scope.sure_of_alert() if "alert" in paths else scope
        for path in sorted(paths):
            self._path(path, place, asked)

    def template(self, template: JsonValue, place: Place, scope: Scope) -> None:
        """A value whose strings may hold expressions."""
        for where, text in strings(template, place):
            try:
                found = expressions_in(text)
            except DefinitionError as error:
                self._report.add(where, "not-an-expression", str(error))
                continue
            for expression in found:
                self.expression(expression, where, scope)

    def literal(self, template: JsonValue, place: Place) -> None:
        """A value that may hold no expression."""
        for where, text in strings(template, place):
            if "{{" in text:
                message = "a hold looks with fixed inputs; expressions are not accepted here"
                self._report.add(where, "not-literal", message)

    def known_when_asked(
        self, template: JsonValue, place: Place, asked: Scope, scope: Scope
    ) -> None:
        """People agree to a plan: all that it is made of must be known when they are asked."""
        for where, text in strings(template, place):
            for path in sorted(_used_in(text)):
                parts = path.split(".")
                if lost(scope.shape, parts) is None and lost(asked.shape, parts) is not None:
                    message = f"`{path}` is not known yet when people are asked about this step"
                    self._report.add(where, "plan-too-early", message, "ask later")

    def _path(self, path: str, place: Place, scope: Scope) -> None:
        parts = path.split(".")
        missing = lost(scope.shape, parts)
        if missing is not None:
            self._undefined(parts, missing, place, scope)
        elif path == "steps":
            self._report.add(place, "unclear-step", "name the step: `steps.<id>`")
        elif parts[0] == "alert" and not scope.alert_sure:
            message = f"`{path}`: without triggers there may be no alert"
            hint = "add `triggers`, or ask first: `when: alert is not none`"
            self._report.add(place, "no-alert", message, hint)

    def _undefined(self, parts: list[str], index: int, place: Place, scope: Scope) -> None:
        missing = ".".join(parts[: index + 1])
        if parts[0] == "steps" and index == 1 and parts[1] in self._ids:
            message = f"`{missing}` is read where step {parts[1]!r} has not surely run"
            hint = "only an action before it on the same path can be read"
            self._report.add(place, "too-early", message, hint)
            return
        near = known(scope.shape, parts[:index])
        hint = closest(parts[index], near) or f"there are: {', '.join(near) or 'none'}"
        self._report.add(place, "undefined-name", f"`{missing}` is not defined here", hint)


def used(expression: str) -> frozenset[str] | None:
    """The names an expression reads, or None when it is no expression."""
    try:
        return names(expression)
    except DefinitionError:
        return None


def strings(template: JsonValue, place: Place) -> Iterator[tuple[Place, str]]:
    """Every string of a template, with its place."""
    if isinstance(template, str):
        yield place, template
    elif isinstance(template, list):
        for index, item in enumerate(template):
            yield from strings(item, (*place, index))
    elif isinstance(template, dict):
        for key, item in template.items():
            yield from strings(item, (*place, key))


def _used_in(text: str) -> frozenset[str]:
    try:
        found = expressions_in(text)
    except DefinitionError:
        return frozenset()
    return frozenset[str]().union(*(used(expression) or () for expression in found))
