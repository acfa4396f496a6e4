"""A compiled playbook: what the interpreter runs and what travels in a response's input.

Everything an author may abbreviate is spelled out here, other playbooks are inlined, and durations
are seconds. A ``Program`` is a value: its digest pins exactly what a response will do.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from firebreak.domain.base import Model, digest
from firebreak.domain.device import Slug
from firebreak.domain.people import Level

StepId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Expression = str  # a bare expression: `alert.severity >= 4`
Template = JsonValue  # JSON whose strings may hold {{ expressions }}


class Step(Model):
    """What every step has. ``when`` false: the step is skipped and the ledger says so."""

    id: StepId
    when: Expression | None = None
    on_failure: tuple["AnyStep", ...] = ()
    line: int = 0  # where the author wrote it


class Until(Model):
    """Repeat an observation every ``every_s`` until ``that`` is true of its ``result``."""

    do: str
    inputs: dict[str, Template] = Field(default_factory=dict)
    that: Expression
    every_s: int = Field(default=30, ge=1)


class HoldSpec(Model):
    """How long a control stays in force, and what may end it early."""

    for_s: int = Field(ge=1)
    until: Until | None = None


class Do(Step):
    """One action on one device (the alert's device unless ``device`` names another).

    ``until`` with ``within_s``: the action is repeated until the expression is true of ``result``.
    ``ladder`` is never empty for a control; the compiler fills it and ``quick`` in. ``chosen``:
    the author named no ladder, so the engine may leave rungs out that are too much for the device.
    """

    kind: Literal["do"] = "do"
    action: str
    device: Template = None
    ladder: tuple[str, ...] = ()
    chosen: bool = False
    inputs: dict[str, Template] = Field(default_factory=dict)
    hold: HoldSpec | None = None
    until: Expression | None = None
    every_s: int = Field(default=10, ge=1)
    within_s: int | None = Field(default=None, ge=1)
    irreversible: bool = False  # the author knows that there is no way back
    quick: bool = False


class Release(Step):
    """End the holds of earlier steps (all of this response's when ``of`` is empty)."""

    kind: Literal["release"] = "release"
    of: tuple[StepId, ...] = ()


class Approve(Step):
    """Ask people before the steps named in ``plan`` run; their answer binds to those plans.

    ``levels``: who may answer in place of ``role``, after how long. Silence is a no.
    """

    kind: Literal["approve"] = "approve"
    role: str
    quorum: int = Field(default=1, ge=1, le=10)
    within_s: int = Field(default=900, ge=1)
    levels: tuple[Level, ...] = ()
    remind_s: int | None = Field(default=None, ge=1)
    plan: tuple[StepId, ...] = ()
    reason: Template = ""


class Parallel(Step):
    """Branches side by side. It fails when a branch fails, after all have ended."""

    kind: Literal["parallel"] = "parallel"
    branches: tuple[tuple["AnyStep", ...], ...]


class ForEach(Step):
    """The same steps for each item of a list, at most ``limit`` items, ``at_once`` side by side.

    More items than ``limit`` is a failure before anything is done, never a silent cut.
    """

    kind: Literal["for_each"] = "for_each"
    items: Expression
    name: StepId
    limit: int = Field(ge=1, le=1000)
    at_once: int = Field(default=1, ge=1, le=50)
    steps: tuple["AnyStep", ...]


class When(Step):
    """A choice: ``then`` if ``test`` is true, else ``otherwise``."""

    kind: Literal["when"] = "when"
    test: Expression
    then: tuple["AnyStep", ...]
    otherwise: tuple["AnyStep", ...] = ()


class Wait(Step):
    """Let time pass, durably."""

    kind: Literal["wait"] = "wait"
    seconds: int = Field(ge=1)


class Set(Step):
    """Name values for later steps: ``vars.<name>``."""

    kind: Literal["set"] = "set"
    values: dict[StepId, Template]


class Run(Step):
    """Another playbook, inlined at compile time, with its own inputs and step names."""

    kind: Literal["run"] = "run"
    playbook: Slug
    version: int
    inputs: dict[str, Template] = Field(default_factory=dict)
    steps: tuple["AnyStep", ...]


AnyStep = Annotated[
    Do | Release | Approve | Parallel | ForEach | When | Wait | Set | Run,
    Field(discriminator="kind"),
]


class Input(Model):
    """A value the starter may give with ``--set``."""

    type: Literal["string", "integer", "number", "boolean", "list", "object"] = "string"
    default: JsonValue = None
    required: bool = False
    summary: str = ""


class Program(Model):
    """One playbook, ready to run."""

    name: Slug
    version: int = Field(ge=1)
    summary: str
    inputs: dict[StepId, Input] = Field(default_factory=dict)
    triggers: tuple[Expression, ...] = ()
    steps: tuple[AnyStep, ...]

    @property
    def digest(self) -> str:
        """``sha256:<hex>`` of the whole program."""
        return digest(self.to_json())

    def every_step(self) -> Iterator["AnyStep"]:
        """All steps in the order they are written, those inside others too."""
        return _every(self.steps)


def _every(steps: Iterable["AnyStep"]) -> Iterator["AnyStep"]:
    for step in steps:
        yield step
        match step:
            case Parallel():
                inside: tuple[tuple[AnyStep, ...], ...] = step.branches
            case ForEach() | Run():
                inside = (step.steps,)
            case When():
                inside = (step.then, step.otherwise)
            case _:
                inside = ()
        for each in (*inside, step.on_failure):
            yield from _every(each)


for _model in (Do, Release, Approve, Parallel, ForEach, When, Wait, Set, Run, Program):
    _model.model_rebuild()
