"""The change requests of a ServiceNow under test, and what is denied to them."""

from dataclasses import dataclass
from typing import Any

from firebreak.domain.people import ApprovalState, Principal, Verdict, Vote
from tests.conformance.tickets.bench import Bench
from tests.conformance.tickets.stories import OPENED, Incident
from tests.documented.servicenow_changes import Changes

GROUP = {"assignment_group": "5f0"}


@dataclass
class Instance:
    """A ServiceNow channel that writes change requests, and their table."""

    bench: Bench
    table: Changes

    async def tell(self, incident: Incident, **settings: Any) -> None:
        """One telling."""
        await self.bench.tell(incident.story, self.bench.channel(**settings))

    def only(self) -> dict[str, str]:
        """The one change request."""
        (record,) = self.table.records.values()
        return record

    def notes(self, sys_id: str = "") -> list[str]:
        """The work notes of one of them."""
        return self.table.journal[sys_id or self.only()["sys_id"]]

    def went(self) -> list[str]:
        """The states of the only one."""
        return self.table.went[self.only()["sys_id"]]


def denied(incident: Incident, reason: str = "not during the shift") -> Incident:
    (asked,) = incident.approvals
    vote = Vote(
        approval=asked.id, plan_hash=asked.plan_hash, who=Principal(id="ana"),
        verdict=Verdict.DENY, reason=reason, at=OPENED,
    )  # fmt: skip
    return incident.decided(ApprovalState.DENIED, votes=(vote,)).says("denied", "by ana")
