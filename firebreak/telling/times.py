"""Times as people read them."""

from datetime import datetime


def clock(at: datetime) -> str:
    """A time of day on this machine's clock."""
    return at.astimezone().strftime("%H:%M:%S")


def zoned_clock(at: datetime) -> str:
    """The same with its zone: for people who may be somewhere else."""
    return at.astimezone().strftime("%H:%M:%S %Z")
