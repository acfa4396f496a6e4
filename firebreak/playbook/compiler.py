"""From a written playbook to a Program: abbreviations spelled out, other playbooks inlined."""

from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import JsonValue

from firebreak.domain.people import Level
from firebreak.playbook import program, schema
from firebreak.playbook.catalogue import Catalogue, Param
from firebreak.playbook.lint import Playbooks, lint
from firebreak.playbook.outline import Node, outline
from firebreak.playbook.problems import InvalidPlaybookError
from firebreak.playbook.reading import Authored, Report, read_text


class Programs(Playbooks, Protocol):
    """Other playbooks, compiled."""

    def program(self, name: str) -> program.Program:
        """A playbook without problems, ready to run."""
        ...


def compile_source(
    text: str, *, file: str, catalogue: Catalogue, library: Programs
) -> program.Program:
    """The program of a playbook's text. ``file`` is what problems call it.

    Raises:
        InvalidPlaybookError: there are problems; it holds all of them.
    """
    authored = read_text(text, file)
    problems = lint(authored, catalogue, library)
    if problems:
        raise InvalidPlaybookError(problems)
    return lower(authored, catalogue, library)


def lower(authored: Authored, catalogue: Catalogue, library: Programs) -> program.Program:
    """The program of a playbook that lint found nothing wrong with."""
    written = authored.playbook
    return program.Program(
        name=written.playbook,
        version=written.version,
        summary=written.summary,
        inputs={name: _input(declared) for name, declared in written.inputs.items()},
        triggers=tuple(trigger.when for trigger in written.triggers),
        steps=_Lowering(authored, catalogue, library).all(),
    )


class _Lowering:
    """Turns the steps of one playbook into a program's."""

    def __init__(self, authored: Authored, catalogue: Catalogue, library: Programs) -> None:
        self._authored = authored
        self._catalogue = catalogue
        self._library = library

    def all(self) -> tuple[program.AnyStep, ...]:
        return self._steps(outline(self._authored.playbook, Report(self._authored.document)))

    def _steps(self, nodes: tuple[Node, ...]) -> tuple[program.AnyStep, ...]:
        return tuple(self._step(node) for node in nodes)

    def _step(self, node: Node) -> program.AnyStep:
        step = node.step
        plain: dict[str, Any] = {
            "id": node.id,
            "line": self._authored.document.line(node.place),
            "when": step.when if isinstance(step, schema.Guarded) else None,
            "on_failure": self._steps(node.failure),
        }
        blocks = [self._steps(block.nodes) for block in node.blocks]
        match step:
            case schema.Do():
                return self._do(step, plain)
            case schema.Run():
                return self._run(step, plain)
            case schema.Parallel():
                return program.Parallel(**plain, branches=tuple(blocks))
            case schema.ForEach():
                return _for_each(step, plain, blocks[0])
            case schema.Choice():
                return program.When(**plain, test=step.when, then=blocks[0], otherwise=blocks[1])
            case _:
                return _leaf(step, plain)

    def _do(self, step: schema.Do, plain: dict[str, Any]) -> program.Do:
        action = self._catalogue[step.do]
        return program.Do(
            **plain,
            action=action.name,
            device=step.device,
            ladder=tuple(step.ladder) or action.ladder,
            chosen=bool(action.ladder) and not step.ladder,
            inputs=_with_defaults(action.inputs, step.inputs),
            hold=self._hold(step.hold),
            until=step.until,
            every_s=step.every,
            within_s=step.within,
            irreversible=step.irreversible,
            quick=action.quick,
        )

    def _hold(self, hold: schema.TimeBox | None) -> program.HoldSpec | None:
        if hold is None:
            return None
        if isinstance(hold, int):
            return program.HoldSpec(for_s=hold)
        return program.HoldSpec(for_s=hold.for_, until=self._until(hold.until))

    def _until(self, until: schema.Until | None) -> program.Until | None:
        if until is None:
            return None
        inputs = _with_defaults(self._catalogue[until.do].inputs, until.inputs)
        return program.Until(do=until.do, inputs=inputs, that=until.that, every_s=until.every)

    def _run(self, step: schema.Run, plain: dict[str, Any]) -> program.Run:
        other = self._library.program(step.run)
        return program.Run(
            **plain,
            playbook=other.name,
            version=other.version,
            inputs={**{n: declared.default for n, declared in other.inputs.items()}, **step.inputs},
            steps=other.steps,
        )


def _leaf(step: schema.Step, plain: dict[str, Any]) -> program.AnyStep:
    """A step that needs nothing but itself."""
    match step:
        case schema.Release():
            return program.Release(**plain, of=tuple(step.of))
        case schema.Approve(approve=ask):
            return program.Approve(
                **plain,
                role=ask.role,
                quorum=ask.quorum,
                within_s=ask.within,
                levels=tuple(
                    Level(role=role, after_s=after_s, instead_of=(ask.role,))
                    for role, after_s in ask.levels
                ),
                remind_s=ask.remind,
                plan=tuple(step.plan),
                reason=ask.reason,
            )
        case schema.Wait():
            return program.Wait(**plain, seconds=step.wait)
        case schema.Set():
            return program.Set(**plain, values=step.set)
        case _:
            raise TypeError(f"no compiled form of {type(step).__name__}")


def _for_each(
    step: schema.ForEach, plain: dict[str, Any], steps: tuple[program.AnyStep, ...]
) -> program.ForEach:
    return program.ForEach(
        **plain,
        items=step.for_each,
        name=step.as_,
        limit=step.max,
        at_once=step.at_once,
        steps=steps,
    )


def _with_defaults(
    declared: Mapping[str, Param], given: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """What is left out and has a default is pinned with the program."""
    defaults = {name: p.default for name, p in declared.items() if p.default is not None}
    return {**defaults, **given}


def _input(declared: schema.Input) -> program.Input:
    return program.Input(
        type=declared.type,
        default=declared.default,
        required=declared.required,
        summary=declared.summary,
    )
