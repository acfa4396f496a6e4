"""How a channel stands: what people are shown of it."""

from enum import StrEnum

from pydantic import AwareDatetime

from firebreak.domain.base import Model


class ChannelStanding(StrEnum):
    """``STANDBY``: it is told only when another channel fails."""

    OK = "ok"
    BEHIND = "behind"  # something waits, and nothing has gone wrong
    FAILING = "failing"
    STANDBY = "standby"


class ChannelStatus(Model):
    """One channel, as one server sees it. ``failures`` and ``told`` are counted since it started.

    ``backlog``: chains with news that the channel has not been told.
    """

    name: str
    kind: str
    tells: str
    standing: ChannelStanding
    backlog: int
    oldest: AwareDatetime | None = None  # entry of the oldest news that waits
    failing_since: AwareDatetime | None = None
    last_told: AwareDatetime | None = None
    last_error: str = ""
    failures: int = 0
    told: int = 0
    instead: str | None = None
