"""When a value means "hands off": stated so that a value nobody thought of never means "go on"."""

from typing import Annotated, Self

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from firebreak.domain.base import Model

Number = StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)]
Scalar = StrictBool | Number | StrictStr


class EngagedWhen(Model):
    """One comparison; ``above`` and ``below`` may stand together. The bounds are free."""

    equals: Scalar | None = None
    unless: Scalar | None = Field(default=None, alias="not")
    above: Number | None = None
    below: Number | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        bounds = self.above is not None or self.below is not None
        if (self.equals is not None) + (self.unless is not None) + bounds != 1:
            raise ValueError("give one of equals, not, and above or below (or both of these)")
        if self.above is not None and self.below is not None and self.below > self.above:
            raise ValueError("below lies above `above`: no value would ever be free")
        return self

    @property
    def expected(self) -> Scalar | None:
        """The value it is compared with for equality; None for bounds."""
        return self.equals if self.equals is not None else self.unless

    def __str__(self) -> str:
        if self.equals is not None:
            return f"equals {self.equals!r}"
        if self.unless is not None:
            return f"is not {self.unless!r}"
        bounds = (("above", self.above), ("below", self.below))
        return "is " + " or ".join(f"{name} {at!r}" for name, at in bounds if at is not None)


class Compared(Model):
    """A value and how to judge it.

    ``values`` lists every value there can be, ``range`` the bounds of what the sensor can say.
    What lies outside is nonsense, and nonsense is engaged. ``equals`` needs the list (unless it
    compares with true or false) and ``above`` and ``below`` need the range, because there every
    value nobody thought of would otherwise be free. ``not`` needs neither.
    """

    engaged_when: EngagedWhen
    values: tuple[Scalar, ...] = Field(default=(), min_length=1)
    range: tuple[Number, Number] | None = None

    @model_validator(mode="after")
    def _nonsense_can_be_told(self) -> Self:
        when = self.engaged_when
        if when.expected is None:
            self._check_range(when)
        else:
            self._check_values(when)
        return self

    def _check_range(self, when: EngagedWhen) -> None:
        if self.values:
            raise ValueError("values go with equals or not; above and below take range")
        if self.range is None:
            raise ValueError("give range: [lowest, highest] that the sensor can say")
        low, high = self.range
        bounds = [bound for bound in (when.above, when.below) if bound is not None]
        if not all(low <= bound <= high for bound in bounds) or low >= high:
            raise ValueError("range must go up and hold the bounds of engaged_when")

    def _check_values(self, when: EngagedWhen) -> None:
        if self.range is not None:
            raise ValueError("range goes with above or below; equals and not take values")
        listed = any(same(when.expected, value) for value in self.values)
        needed = when.equals is not None and not isinstance(when.equals, bool)
        if needed and not self.values:
            raise ValueError("give values: every value there can be, so that others are nonsense")
        if self.values and not listed:
            raise ValueError(f"values do not list {when.expected!r}, which engaged_when names")


def same(one: object, other: object) -> bool:
    """Equal and of one kind: true is not the number 1, and ``"3"`` is not 3."""
    return kind_of(one) is not None and kind_of(one) == kind_of(other) and one == other


def kind_of(value: object) -> str | None:
    """``flag``, ``number`` or ``text``; None for anything else."""
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else None
