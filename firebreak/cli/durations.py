"""Durations and times as people write and read them."""

import re
from datetime import datetime

from firebreak.cli.exits import ProblemError
from firebreak.telling.times import clock

__all__ = ["clock", "moment", "seconds"]

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def seconds(duration: str) -> int:
    """``2h``, ``90m``, ``1d12h`` in seconds.

    Raises:
        ProblemError: it is not a duration, or nothing at all.
    """
    parts = re.findall(r"([0-9]{1,6})([dhms])", duration)
    total = sum(int(number) * _UNITS[unit] for number, unit in parts)
    if not total or "".join(number + unit for number, unit in parts) != duration:
        raise ProblemError(
            f"{duration!r} is not a duration", "write it like 2h, 90m or 1d12h", error="bad-input"
        )
    return total


def moment(at: datetime | None) -> str:
    """Date and time on this machine's clock, with its zone; "" for never."""
    return "" if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
