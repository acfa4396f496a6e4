"""What a source outside said about the state of a process, before anyone has judged it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Reading:
    """A value as it came. Nothing about it is to be believed yet.

    ``value`` is of any type. ``at`` is when it was true by the source's own word: None when the
    source does not say. ``where`` names the variable for people: ``ns=2;s=Press3.State``.
    """

    value: object
    at: datetime | None
    where: str
