"""Break-glass: one person overrides, for a short time, what protects; and the review after it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from firebreak.domain.base import Model
from firebreak.domain.device import Device

BREAK_GLASS = "break-glass"  # the role that may; nobody has it by default

# How far the clocks of two honest machines may be apart. A glass that was broken further in the
# future than that is not in force: a clock was turned back.
SKEW = timedelta(seconds=2)

Scope = Annotated[str, StringConstraints(pattern=r"^(device|site)/[a-z0-9][a-z0-9._-]{0,62}$")]


def glass_scope(*, device: str | None, site: str | None) -> str:
    """``device/<id>`` or ``site/<id>``. Raises ValueError unless exactly one is given."""
    if (device is None) == (site is None):
        raise ValueError("name either a device or a site")
    return f"device/{device}" if device is not None else f"site/{site}"


class Glass(Model):
    """A break-glass as the ledger projects it. Its end opens the review, which ends its story.

    ``review_by``: when the review is overdue, where it is still open then.
    """

    id: str = Field(pattern=r"^glass-[0-9a-f]{12}$")
    scope: Scope
    who: str = Field(min_length=1, max_length=200)  # principal id
    reason: str = Field(min_length=1, max_length=2000)
    at: AwareDatetime
    expires_at: AwareDatetime
    review_by: AwareDatetime
    ended_at: AwareDatetime | None = None
    ended_by: str = ""
    ended_why: str = ""
    reviewed_at: AwareDatetime | None = None
    reviewed_by: str = ""
    finding: str = ""

    def covers(self, device: Device) -> bool:
        """Whether it speaks of this device: by its exact id, or by the site it stands at."""
        return self.scope in (f"device/{device.id}", f"site/{device.site}")

    def in_force(self, now: datetime) -> bool:
        """Whether it overrides anything at this moment: by its own times, whoever noted its end."""
        return self.ended_at is None and self.at - SKEW <= now < self.expires_at

    def to_review(self, now: datetime) -> bool:
        """Whether it is over and nobody has closed its review."""
        return self.reviewed_at is None and (self.ended_at is not None or now >= self.expires_at)

    def overdue(self, now: datetime) -> bool:
        """Whether its review should have been closed by now."""
        return self.to_review(now) and now >= self.review_by

    @property
    def words(self) -> str:
        """For the record: which, whose and until when."""
        until = self.expires_at.astimezone(UTC)
        return f"break-glass {self.id} of {self.who} until {until:%Y-%m-%d %H:%M:%S} UTC"


class Override(Model):
    """What a break-glass overrode for one effect.

    ``interlocks``: what each engaged one said. ``gates``: whether it stood in for the people whom
    policy wants to agree.
    """

    glass: str
    who: str
    scope: str
    until: AwareDatetime
    interlocks: tuple[str, ...] = ()
    gates: bool = False
