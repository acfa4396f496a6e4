"""Rotas: who is on duty when, by the clock on the wall of one time zone."""

import re
from datetime import datetime, time, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, field_validator, model_validator

from firebreak.domain.base import Model, SecretRef
from firebreak.domain.device import Slug
from firebreak.domain.estate import HttpApi

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_LOCAL = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")
_CLOCK = re.compile(r"[0-9]{2}:[0-9]{2}")
_HOURS = re.compile(r"([1-9][0-9]{0,3})h")
_NAMED = {"daily": timedelta(days=1), "weekly": timedelta(weeks=1)}
_LONGEST = timedelta(weeks=8)


def _local_time(value: object) -> datetime:
    if isinstance(value, str) and _LOCAL.fullmatch(value):
        return datetime.fromisoformat(value)
    raise ValueError("write it like 2026-01-31T09:00, by the clock of the rota's time zone")


def _time_of_day(value: object) -> time:
    if isinstance(value, str) and _CLOCK.fullmatch(value):
        return time.fromisoformat(value)
    raise ValueError('write it like "09:00"')


def _rotation(value: object) -> timedelta:
    if isinstance(value, str) and value in _NAMED:
        return _NAMED[value]
    found = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if found is None or not timedelta(hours=int(found[1])) <= _LONGEST:
        raise ValueError("write daily, weekly or a number of hours from 1h to 1344h (8 weeks)")
    return timedelta(hours=int(found[1]))


LocalTime = Annotated[datetime, BeforeValidator(_local_time)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
Rotation = Annotated[timedelta, BeforeValidator(_rotation)]


class Hours(Model):
    """When a layer counts: on these days, each from ``since`` until ``until``.

    An ``until`` that is not after ``since`` is on the day that follows.
    """

    days: tuple[Day, ...] = Field(default=DAYS, min_length=1)
    since: TimeOfDay = Field(default=time(0), alias="from")
    until: TimeOfDay = Field(default=time(0), alias="to")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("say when: days, from, to")
        return self


class Layer(Model):
    """Members who take turns from ``start`` on.

    The clock hands over every ``rotation`` at the time of day of ``start``; with ``handoff`` at
    that one, the first turn being longer or shorter by the difference.
    """

    start: LocalTime
    rotation: Rotation
    handoff: TimeOfDay | None = None
    members: tuple[Slug, ...] = Field(min_length=1, max_length=200)
    only: Hours | None = None

    @model_validator(mode="after")
    def _whole_days(self) -> Self:
        if self.handoff is not None and self.rotation % timedelta(days=1):
            raise ValueError("handoff is for rotations of whole days; move start instead")
        return self

    @property
    def anchor(self) -> datetime:
        """The moment that turns are counted from, by the clock on the wall."""
        return datetime.combine(self.start, self.handoff or self.start.time())


class Override(Model):
    """Somebody else for a while."""

    since: LocalTime = Field(alias="from")
    until: LocalTime = Field(alias="to")
    person: Slug

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.since >= self.until:
            raise ValueError("it ends before it begins: `to` must be after `from`")
        return self


class PagerDutySchedule(HttpApi):
    """A schedule that is kept in PagerDuty.

    An answer is asked for again after ``cache_s``. When PagerDuty cannot be asked, the last answer
    counts until it is ``keep_s`` old.
    """

    url: str = Field(
        default="https://api.pagerduty.com", pattern=r"^https://[^\s/@?#]+(/[^\s@?#]*)?$"
    )
    timeout_s: float = Field(default=5.0, gt=0, le=30)
    schedule: str = Field(pattern=r"^[A-Z0-9]{2,40}$")
    token: SecretRef
    cache_s: float = Field(default=60.0, ge=1, le=3600)
    keep_s: float = Field(default=4 * 3600.0, ge=60, le=7 * 86400)


class Rota(Model):
    """Who holds one role when.

    Of what covers a moment the last that is written counts, and overrides before layers. Where
    nothing does, and where nobody can say, the ``fallback`` is on duty.
    """

    role: Slug
    time_zone: str = "UTC"
    layers: tuple[Layer, ...] = Field(default=(), max_length=50)
    pagerduty: PagerDutySchedule | None = None
    overrides: tuple[Override, ...] = Field(default=(), max_length=1000)
    fallback: tuple[Slug, ...] = Field(min_length=1, max_length=50)

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{name!r} is no time zone; write it like Europe/Berlin") from None
        return name

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if bool(self.layers) == (self.pagerduty is not None):
            raise ValueError("give either layers or pagerduty")
        if self.layers and "time_zone" not in self.model_fields_set:
            raise ValueError("say by whose clock it hands over: time_zone, like Europe/Berlin")
        return self
