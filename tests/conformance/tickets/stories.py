"""Stories of one incident, as the dispatcher tells them."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

from firebreak.contracts.ledger import IncidentRow
from firebreak.contracts.people import News, Story, Weight
from firebreak.domain.hold import Hold, HoldState, hold_id
from firebreak.domain.people import Approval, ApprovalState, Gate
from firebreak.domain.plan import Plan
from firebreak.domain.record import Entry, Kind

OPENED = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
RECEIPT = b'{"payloadType": "application/vnd.in-toto+json", "signatures": []}\n'


@dataclass(frozen=True)
class Incident:
    """An incident that goes on: each method is what happens next, and gives the new story."""

    title: str = "Camera scans for open telnet ports"
    id: str = field(default_factory=lambda: f"inc-{token_hex(6)}")
    told: int = 0
    said: tuple[News, ...] = ()
    approvals: tuple[Approval, ...] = ()
    holds: tuple[Hold, ...] = ()
    status: str = "open"
    contained: bool = False
    receipt: bytes | None = None

    @property
    def story(self) -> Story:
        """As it is to be told now."""
        closed = None if self.status == "open" else OPENED + timedelta(hours=1)
        row = IncidentRow(
            id=self.id, workflow="respond/isolate/cam-17", playbook="isolate", device="cam-17",
            title=self.title, requester="sensor-1", status=self.status, contained=self.contained,
            opened_at=OPENED, closed_at=closed,
        )  # fmt: skip
        said, told = self.said, self.told
        return Story(
            self.id, row, said[told:], said[:told], self.approvals, self.holds, self.receipt
        )

    def heard(self) -> "Incident":
        """All that was said so far has been told."""
        return replace(self, told=len(self.said))

    def says(self, word: str, text: str = "", weight: Weight = Weight.PROGRESS) -> "Incident":
        """One more entry."""
        seq = len(self.said)
        entry = Entry(
            incident=self.id, key=f"k{seq}", kind=Kind.NOTE, at=OPENED + timedelta(seconds=seq),
            actor="automation", body={}, seq=seq, prev="sha256:0", hash=f"sha256:{seq}",
        )  # fmt: skip
        return replace(self, said=(*self.said, News(entry, weight, word, text)))

    def asks(
        self, severity: int = 5, *, why: str = "the device is critical", **more: Any
    ) -> "Incident":
        """People must answer."""
        asked = Approval(
            id=f"{self.id}.{len(self.approvals) + 1}", incident=self.id, step="contain",
            plans=("sha256:1",), plan_hash="sha256:2", gates=(Gate(role="soc-lead"),),
            why=why, requester="sensor-1", requested_at=OPENED, device="cam-17",
            expires_at=OPENED + timedelta(minutes=15), severity=severity,
            **{
                "summary": ("Move port 3 of sw-1 to VLAN 666",), "ways_back": ("VLAN 10",),
                "hits": ("phone-2 behind the same port",), **more,
            },
        )  # fmt: skip
        said = self.says("asks", "soc-lead, within 15 minutes", Weight.ASK)
        return replace(said, approvals=(*self.approvals, asked))

    def agreed(self) -> "Incident":
        """They did."""
        return self.says("approved", "by someone").decided(ApprovalState.APPROVED)

    def decided(self, state: ApprovalState, **more: Any) -> "Incident":
        """The latest request is settled."""
        *before, last = self.approvals
        settled = last.model_copy(update={"state": state, **more})
        return replace(self, approvals=(*before, settled))

    def contains(self) -> "Incident":
        """The device is cut off, for now."""
        plan = Plan(
            action="network.quarantine", device="cam-17", site="bench", rung="switch",
            adapter="switch-cli", target="sw-1/3", before={}, after={}, reversible=True,
            way_back="VLAN 10", risk="low", summary="Move port 3 of sw-1 to VLAN 666",
        )  # fmt: skip
        hold = Hold(
            id=hold_id("cam-17", plan.action), incident=self.id, device="cam-17",
            action=plan.action, plan=plan, owner="sensor-1", state=HoldState.ACTIVE,
            started_at=OPENED,
        )  # fmt: skip
        return replace(self.says("CONTAINED", "port 3 of sw-1"), holds=(hold,), contained=True)

    def ends(self, status: str = "completed") -> "Incident":
        """It is over, and put back."""
        said = self.says("CLOSED", status)
        contained = self.contained or status == "completed"
        return replace(said, status=status, contained=contained, holds=(), receipt=RECEIPT)
