"""What an author writes, as pydantic models: the source of the published JSON Schema.

Abbreviations are allowed here and spelled out by the compiler.
"""

from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue, Tag, model_validator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema
from typing_extensions import TypeAliasType

from firebreak.playbook.catalogue import ValueType
from firebreak.playbook.fields import (
    ActionName,
    Duration,
    Expression,
    Name,
    Slug,
    Template,
    Text,
)

MAX_STEPS = 1000  # of a whole playbook, those it runs included: it travels in every response

# The key that makes a step what it is. A `when` with `then` is a choice; alone it is a guard.
KINDS = ("do", "approve", "parallel", "for_each", "then", "wait", "set", "run")


class Written(BaseModel):
    """Part of a playbook file: unknown fields, loose types and empty fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    nullable: ClassVar[frozenset[str]] = frozenset()  # keys whose value may be null

    @model_validator(mode="before")
    @classmethod
    def _nothing_left_empty(cls, value: Any) -> Any:
        """An empty ``when:`` must not mean "always"."""
        if isinstance(value, dict):
            for key in value:
                if value[key] is None and key not in cls.nullable:
                    raise PydanticCustomError("empty_field", "`{key}` has no value", {"key": key})
        return value


class Until(Written):
    """An observation that is repeated until ``that`` is true of its ``result``."""

    do: ActionName
    inputs: dict[str, JsonValue] = Field(default_factory=dict, alias="with")
    that: Expression
    every: Duration = Field(default=30, json_schema_extra={"default": "30s"})


class Hold(Written):
    """How long a control stays in force, and what ends it early."""

    for_: Duration = Field(alias="for")
    until: Until | None = None


# A tag holds a colon, so that no field can have its name: reading.py tells them apart.
TimeBox: TypeAlias = Annotated[
    Annotated[Hold, Tag(":hold")] | Annotated[Duration, Tag(":duration")],
    Discriminator(lambda hold: ":hold" if isinstance(hold, dict | Hold) else ":duration"),
]


class Step(Written):
    """What every step may have."""

    id: Name | None = Field(default=None, description="Name for `steps.<id>`; derived if not given")
    on_failure: "Steps" = Field(
        default_factory=list,
        description="Steps to run if this one fails; the playbook then goes on",
    )


class Guarded(Step):
    """A step that may be skipped."""

    when: Expression | None = Field(default=None, description="Run the step only if this is true")


class Do(Guarded):
    """One action."""

    do: ActionName
    device: str | None = Field(
        default=None, min_length=1, description="Inventory id; the alert's device if absent"
    )
    inputs: dict[str, Template] = Field(default_factory=dict, alias="with")
    ladder: list[str] = Field(
        default_factory=list, min_length=1, description="Methods to try, in order; all if absent"
    )
    hold: TimeBox | None = Field(
        default=None, description="How long a control stays in force; it is then put back"
    )
    until: Expression | None = Field(
        default=None, description="Repeat the observation until this is true of `result`"
    )
    every: Duration = Field(default=10, json_schema_extra={"default": "10s"})
    within: Duration | None = None
    irreversible: bool = Field(
        default=False, description="Needed for an action that has no way back"
    )


class Release(Guarded):
    """End holds: put back what was there before."""

    do: Literal["release"]
    of: list[Name] = Field(
        default_factory=list, min_length=1, description="Steps whose holds end; all if absent"
    )


class Level(Written):
    """Who may answer too when nobody has for that long."""

    role: Slug
    after: Duration


# Tags as for TimeBox. A role alone: the roles share the time evenly.
Escalation: TypeAlias = Annotated[
    Annotated[Level, Tag(":level")] | Annotated[Slug, Tag(":role")],
    Discriminator(lambda level: ":level" if isinstance(level, dict | Level) else ":role"),
]


class Question(Written):
    """Who must agree, until when, and who is asked when they do not answer."""

    role: Slug
    quorum: int = Field(default=1, ge=1, le=10)
    within: Duration = Field(default=900, json_schema_extra={"default": "15m"})
    escalate: list[Escalation] = Field(
        default_factory=list,
        min_length=1,
        max_length=10,
        description="Who may answer instead, in order: roles, or roles each `after` a time",
    )
    remind: Duration | None = Field(
        default=None, description="How often whoever has not answered is asked again"
    )
    reason: Text = ""
    otherwise: Literal["deny"] = "deny"

    @model_validator(mode="after")
    def _before_it_expires(self) -> Self:
        levels = self.levels
        roles = [role for role, _ in levels]
        if len(set(roles)) < len(roles) or self.role in roles:
            raise PydanticCustomError("role_twice", "a role is asked once; `escalate` names others")
        if len({isinstance(level, str) for level in self.escalate}) > 1:
            raise PydanticCustomError("mixed_levels", "give every level an `after`, or none")
        times = [0, *(after for _, after in levels), self.within]
        if any(later <= sooner for sooner, later in pairwise(times)):
            raise PydanticCustomError(
                "level_order", "levels come one after the other, before `within` is over"
            )
        if self.remind is not None and self.remind >= self.within:
            raise PydanticCustomError("remind_late", "`remind` is shorter than `within`")
        return self

    @property
    def levels(self) -> tuple[tuple[str, int], ...]:
        """Roles with the seconds after which they may answer too."""
        parts = len(self.escalate) + 1
        return tuple(
            (level, self.within * place // parts)
            if isinstance(level, str)
            else (level.role, level.after)
            for place, level in enumerate(self.escalate, start=1)
        )


class Approve(Guarded):
    """Ask people before the steps in ``plan`` run."""

    approve: Question
    plan: list[Name] = Field(min_length=1, description="Ids of the later steps to agree on")


class Parallel(Guarded):
    """Branches side by side."""

    parallel: list["Branch"] = Field(min_length=2)


class ForEach(Guarded):
    """The same steps for each item of a list."""

    for_each: Expression
    as_: Name = Field(alias="as")
    max: int = Field(ge=1, le=1000, description="More items than this is a failure")
    at_once: int = Field(default=1, ge=1, le=50)
    steps: "Steps"


class Choice(Step):
    """One way or the other."""

    when: Expression
    then: "Steps"
    otherwise: "Steps" = Field(default_factory=list, alias="else")


class Wait(Guarded):
    """Let time pass."""

    wait: Duration


class Set(Guarded):
    """Name values for later steps: ``vars.<name>``."""

    set: dict[Name, Template] = Field(min_length=1)


class Run(Guarded):
    """Another playbook, with inputs of its own."""

    run: Slug
    inputs: dict[str, Template] = Field(default_factory=dict, alias="with")


def _kind(step: Any) -> str | None:
    """Which kind of step this is, by the one key that says so."""
    if not isinstance(step, dict):
        return None
    found = [kind for kind in KINDS if kind in step]
    if len(found) != 1:
        return None
    return ":release" if step.get("do") == "release" else f":{found[0]}"


# Everything the engine dispatches on; program.py has the compiled twin of each.
AnyStep = TypeAliasType(
    "AnyStep",
    Annotated[
        Annotated[Do, Tag(":do")]
        | Annotated[Release, Tag(":release")]
        | Annotated[Approve, Tag(":approve")]
        | Annotated[Parallel, Tag(":parallel")]
        | Annotated[ForEach, Tag(":for_each")]
        | Annotated[Choice, Tag(":then")]
        | Annotated[Wait, Tag(":wait")]
        | Annotated[Set, Tag(":set")]
        | Annotated[Run, Tag(":run")],
        Discriminator(
            _kind,
            custom_error_type="step_kind",
            custom_error_message=f"a step has exactly one of {', '.join(KINDS)}",
        ),
    ],
)
Steps = TypeAliasType("Steps", Annotated[list[AnyStep], Field(min_length=1, max_length=MAX_STEPS)])
Branch = TypeAliasType(
    "Branch",
    Annotated[
        Annotated[Steps, Tag(":steps")] | Annotated[AnyStep, Tag(":step")],
        Discriminator(lambda branch: ":steps" if isinstance(branch, list) else ":step"),
    ],
)


class Input(Written):
    """A value the starter may give."""

    nullable = frozenset({"default"})

    type: ValueType = "string"
    default: JsonValue = None
    required: bool = False
    summary: Text = ""


class Trigger(Written):
    """An alert that this is true of starts the playbook."""

    when: Expression


class Playbook(Written):
    """A playbook file."""

    playbook: Slug
    version: int = Field(ge=1)
    summary: Text = Field(min_length=1)
    inputs: dict[Name, Input] = Field(default_factory=dict)
    triggers: list[Trigger] = Field(default_factory=list)
    steps: Steps


class _Published(GenerateJsonSchema):
    """A field may be left out, and never be null: see Written."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        published = super().default_schema(schema)
        return {k: v for k, v in published.items() if k != "default" or v is not None}


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a playbook file, as published in ``playbooks/schema.json``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Playbook.model_json_schema(by_alias=True, schema_generator=_Published),
    }
