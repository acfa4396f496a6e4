"""People files for tests, and moments to ask about."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firebreak.contracts.people import OnCall
from firebreak.domain.rota import Rota
from firebreak.errors import FirebreakError

PEOPLE = """\
people:
  - id: ops-a
    name: The first
    emails: [Ops-A@example.com]
    accounts: {token: [oncall], slack: [U0OPSA], pagerduty: [PUSERA], oidc: [sub-a]}
    roles: [analyst]
    teams: [night]
  - id: ops-b
    emails: [ops-b@example.com]
  - id: lead
    roles: [soc-lead, analyst]
"""
ROTAS = """\
rotas:
  - role: on-call
    time_zone: Europe/Berlin
    layers:
      - {start: 2026-01-05T09:00, rotation: daily, members: [ops-a, ops-b]}
    fallback: [lead]
"""
PAGERDUTY = """\
rotas:
  - role: on-call
    pagerduty: {schedule: PSCHED1, token: env:PD_TOKEN}
    fallback: [lead]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "people.yaml"
    path.write_text(text)
    return path


def rota(**fields: Any) -> Rota:
    """A rota of ops-a and ops-b, with ``lead`` for its holes."""
    common = {"role": "on-call", "time_zone": "Europe/Berlin", "fallback": ["lead"]}
    return Rota.model_validate({**common, **fields})


def layer(start: str = "2026-01-05T09:00", rotation: str = "daily", **more: Any) -> dict[str, Any]:
    return {"start": start, "rotation": rotation, "members": ["ops-a", "ops-b"], **more}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Schedule:
    """A schedule kept elsewhere: says what it was told to, or fails."""

    def __init__(self, *calls: OnCall, failure: FirebreakError | None = None) -> None:
        self.calls = list(calls)
        self.failure = failure
        self.asked: list[tuple[datetime, datetime]] = []
        self.closed = False

    async def on_call(self, since: datetime, until: datetime) -> Sequence[OnCall]:
        self.asked.append((since, until))
        if self.failure is not None:
            raise self.failure
        return self.calls

    async def close(self) -> None:
        self.closed = True


class Clock:
    """A clock that nobody sets, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now
