"""Between the clock on the wall and the moments it stands for, over every change of the clocks."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


def reading(at: datetime, zone: ZoneInfo) -> datetime:
    """What the clock on the wall says at a moment, without a zone."""
    return at.astimezone(zone).replace(tzinfo=None)


@lru_cache(maxsize=8192)  # a rota asks for the same few times with every request
def instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The first moment, in UTC, at which the clock on the wall says ``local`` or later.

    A time that comes twice is its first; one that is leaped over is the leap itself. So later
    times are never earlier moments, which Python's own reading of leaped times does not hold to.
    """
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= second:
        return first
    before, after = second, first  # PEP 495: in a gap, fold=1 is the moment before it
    while after - before > _SECOND:
        middle = before + (after - before) // (2 * _SECOND) * _SECOND
        if reading(middle, zone) >= local:
            after = middle
        else:
            before = middle
    return after
