"""Lint of `do` steps against the catalogue: action, rungs, inputs, hold, way back, repetition."""

from pydantic import JsonValue

from firebreak.errors import DefinitionError
from firebreak.playbook import schema
from firebreak.playbook.catalogue import Action, ActionKind, Catalogue, Param, ValueType
from firebreak.playbook.expressions import expressions_in
from firebreak.playbook.inputs import fits, kind_of
from firebreak.playbook.reading import Report, closest
from firebreak.strict_yaml import Place


def check_do(step: schema.Do, place: Place, catalogue: Catalogue, report: Report) -> None:
    """Everything about one action that does not depend on the steps around it."""
    action = _action(step.do, (*place, "do"), catalogue, report)
    if action is None:
        return
    check_inputs(action.inputs, step.inputs, place, f"action {action.name}", report)
    _check_ladder(step, action, place, report)
    _check_way_back(step, action, place, report)
    _check_until(step, action, place, report)
    if isinstance(step.hold, schema.Hold) and step.hold.until is not None:
        _check_hold_until(step.hold.until, (*place, "hold", "until"), catalogue, report)


def check_inputs(
    declared: dict[str, Param] | dict[str, schema.Input],
    given: dict[str, JsonValue],
    place: Place,
    what: str,
    report: Report,
) -> None:
    """Names, presence and literal types. What is one {{ expression }} is checked when it runs."""
    for name, value in given.items():
        where = (*place, "with", name)
        param = declared.get(name)
        if param is None:
            hint = closest(name, list(declared)) or f"it has: {', '.join(declared) or 'none'}"
            report.add_key(where, "unknown-input", f"{what} has no input {name!r}", hint)
        elif value is None and param.required:
            report.add(where, "wrong-type", f"{name} must be {param.type}, not null")
        elif value is not None and not _may_fit(param.type, value):
            report.add(where, "wrong-type", f"{name} must be {param.type}, not {kind_of(value)}")
    for name, param in declared.items():
        if param.required and param.default is None and name not in given:
            report.add(place, "missing-input", f"{what} needs input {name!r}", "give it in `with`")


def _may_fit(kind: ValueType, value: JsonValue) -> bool:
    return fits(kind, value) or (isinstance(value, str) and _is_lone(value))


def _is_lone(text: str) -> bool:
    """Whether a template is one expression, whose type shows only when it runs."""
    try:
        found = expressions_in(text)
    except DefinitionError:
        return True  # reported where names are checked
    return len(found) == 1 and text.startswith("{{") and text.endswith("}}")


def _action(name: str, place: Place, catalogue: Catalogue, report: Report) -> Action | None:
    if name in catalogue:
        return catalogue[name]
    known = sorted(catalogue.actions)
    hint = closest(name, known) or f"there are: {', '.join(known)}"
    report.add(place, "unknown-action", f"no action named {name!r}", hint)
    return None


def _check_ladder(step: schema.Do, action: Action, place: Place, report: Report) -> None:
    for index, rung in enumerate(step.ladder):
        where = (*place, "ladder", index)
        if rung not in action.ladder:
            hint = f"there are: {', '.join(action.ladder) or 'none'}"
            report.add(where, "unknown-rung", f"{action.name} has no rung {rung!r}", hint)
        elif rung in step.ladder[:index]:
            report.add(where, "repeated-rung", f"rung {rung!r} is in the ladder twice")


def _check_way_back(step: schema.Do, action: Action, place: Place, report: Report) -> None:
    if step.hold is not None and (action.kind is not ActionKind.CONTROL or not action.reversible):
        why = "has no way back" if not action.reversible else "is not a control"
        report.add_key((*place, "hold"), "no-hold-possible", f"{action.name} {why}; remove `hold`")
    if action.reversible:
        if step.irreversible:
            report.add_key(
                (*place, "irreversible"), "not-irreversible", f"{action.name} has a way back"
            )
        if action.kind is ActionKind.CONTROL and step.hold is None:
            message = f"{action.name} changes the device and nothing would put it back"
            report.add(place, "no-hold", message, "say for how long, for example `hold: 4h`")
    elif not step.irreversible:
        message = f"{action.name} has no way back, and the step does not say so"
        report.add(place, "no-way-back", message, "write `irreversible: true` and ask people first")


def _check_until(step: schema.Do, action: Action, place: Place, report: Report) -> None:
    if step.until is None:
        for key in ("every", "within"):
            if key in step.model_fields_set:
                report.add_key((*place, key), "no-until", f"`{key}` does nothing without `until`")
        return
    if step.within is None:
        hint = "say when to give up, for example `within: 30m`"
        report.add_key((*place, "until"), "unending", "`until` without `within` may not end", hint)
    if action.kind is not ActionKind.OBSERVE:
        message = f"`until` repeats the action, and {action.name} is not an observation"
        report.add_key((*place, "until"), "repeated-effect", message)


def _check_hold_until(
    until: schema.Until, place: Place, catalogue: Catalogue, report: Report
) -> None:
    action = _action(until.do, (*place, "do"), catalogue, report)
    if action is None:
        return
    if action.kind is not ActionKind.OBSERVE:
        message = f"a hold ends on an observation, and {action.name} is none"
        report.add((*place, "do"), "repeated-effect", message)
    check_inputs(action.inputs, until.inputs, place, f"action {action.name}", report)
