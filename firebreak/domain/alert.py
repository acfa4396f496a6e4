"""What a detector said, normalized (OCSF Detection Finding, class 2004, in spirit)."""

from datetime import datetime
from enum import IntEnum

from pydantic import AwareDatetime, Field

from firebreak.domain.base import Model
from firebreak.domain.device import Ip, Mac, Slug


class Severity(IntEnum):
    """OCSF ``severity_id``."""

    UNKNOWN = 0
    INFORMATIONAL = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5
    FATAL = 6


class Alert(Model):
    """One finding. ``id`` is a fingerprint: the same finding sent twice has the same id.

    ``src_ip``, ``dest_ip`` and ``src_mac`` are as the detector saw them; ``devices`` holds the
    inventory ids they resolved to, the one to respond to first. The raw record stays in the
    ledger's alert table and never enters a workflow.
    """

    id: str = Field(pattern=r"^[a-z0-9-]+:[0-9a-f]{16,64}$")
    source: Slug
    title: str = Field(max_length=300)
    category: str = Field(default="", max_length=300)
    time: AwareDatetime
    severity: Severity
    confidence: int = Field(default=50, ge=0, le=100)
    technique: str = Field(default="", max_length=20)
    src_ip: Ip | None = None
    dest_ip: Ip | None = None
    src_mac: Mac | None = None
    devices: tuple[Slug, ...] = ()


def oldest(alerts: tuple[Alert, ...]) -> datetime | None:
    """When the first of these was seen: the start of every time-to-contain."""
    return min((a.time for a in alerts), default=None)
