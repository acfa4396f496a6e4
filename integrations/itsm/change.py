"""Change requests: what one says of a request for approval, and what a system must do for it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from firebreak.contracts.people import Story
from firebreak.domain.people import Approval, ApprovalState, Verdict
from integrations.itsm import marks
from integrations.itsm.helpdesk import Phase, Seen, phase_of
from integrations.itsm.text import line

_NO_WAY = "there is no way back"


class Course(StrEnum):
    """How far a request for approval is, as its change request shows it."""

    ASKED = "asked"  # people must answer
    AGREED = "agreed"  # they agreed, or silence is enough
    FAILED = "failed"  # agreed, and the response ended without success: a person must look
    DONE = "done"  # agreed, the response has ended, and nothing of it is in force
    DROPPED = "dropped"  # denied, out of time, or void


def course_of(story: Story, approval: Approval) -> Course:
    """How far a request of the story is."""
    if approval.state is ApprovalState.PENDING:
        return Course.ASKED
    if approval.state not in (ApprovalState.APPROVED, ApprovalState.UNOPPOSED):
        return Course.DROPPED
    if not story.ended:
        return Course.AGREED
    return Course.FAILED if phase_of(story) is Phase.FAILED else Course.DONE


@dataclass(frozen=True)
class Proposal:
    """A new change request. ``ticket`` is the incident's; texts are harmless and not cut yet."""

    approval: str
    ticket: str
    title: str
    text: str
    plan: str
    back: str
    hits: str
    why: str


@dataclass(frozen=True)
class Turn:
    """What a change request is to show next. ``note`` "" when it stands there already."""

    course: Course
    note: str
    words: str  # the same without its mark
    completed: bool  # the response did all that it was asked for


class ChangeDesk(Protocol):
    """The change requests of one ticket system. Raises as Helpdesk does."""

    @property
    def settle_s(self) -> float:
        """How long after a write that was not answered it may still show up."""
        ...

    @property
    def most_text(self) -> int:
        """Characters that one note can hold."""
        ...

    async def find(self, approval: str) -> str | None:
        """The oldest change request of a request for approval."""
        ...

    async def create(self, proposal: Proposal) -> str:
        """A new one's id."""
        ...

    async def look(self, change: str) -> Seen | None:
        """As it stands; None when it is gone, or hidden from this account."""
        ...

    async def marks(self, change: str, incident: str) -> set[str]:
        """What Firebreak has written there, by mark."""
        ...

    async def move(self, seen: Seen, turn: Turn) -> None:
        """Bring it forward, never back, and write the note with the last step."""
        ...


def proposal(story: Story, approval: Approval, ticket: str, link: str) -> Proposal:
    """What to say of a request for approval."""
    device = line(approval.device) or (line(story.incident.device) if story.incident else "")
    plans = [line(each) for each in approval.summary]
    first = plans[0] if plans else line(approval.step)
    title = f"{marks.tag(approval.incident)} {device}: {first}"
    return Proposal(
        approval=approval.id,
        ticket=ticket,
        title=title,
        text=_text(approval, device, link),
        plan="\n".join(plans),
        back="\n".join(line(each) or _NO_WAY for each in approval.ways_back) or _NO_WAY,
        hits="\n".join(line(each) for each in approval.hits) or "nothing else that is known",
        why=line(approval.why),
    )


def words(story: Story, approval: Approval, course: Course) -> str:
    """Why it is where it is."""
    device = line(approval.device)
    match course:
        case Course.ASKED:
            return f"Waiting for {_roles(approval)} until {approval.expires_at.isoformat()}."
        case Course.AGREED if approval.state is ApprovalState.UNOPPOSED:
            return "Nobody objected in time, and policy lets that be enough."
        case Course.AGREED:
            return f"Approved by {_voters(approval, Verdict.APPROVE)}."
        case Course.FAILED:
            return f"The response has ended without success. A person must look at {device}."
        case Course.DONE:
            status = story.incident.status if story.incident else ""
            return f"The response has ended ({line(status)}); nothing of it is in force any more."
        case Course.DROPPED:
            return f"Canceled: {_dropped(approval)}."


def _text(approval: Approval, device: str, link: str) -> str:
    requesters = approval.requesters or (approval.requester,)
    facts = {
        "Request": approval.id,
        "Incident": approval.incident,
        "Alert": line(approval.title),
        "Device": device,
        "Step": line(approval.step),
        "Asked by": ", ".join(line(each) for each in requesters),
        "Asked at": approval.requested_at.isoformat(),
        "Answers by": f"{_roles(approval)}, until {approval.expires_at.isoformat()}",
        "Follows": line(approval.replaces),
        "Details": line(link),
    }
    said = "\n".join(f"{name}: {value}" for name, value in facts.items() if value)
    return (
        f"Firebreak does this only when people agree.\n\n{said}\n\n"
        "This record carries no authority: answer in Firebreak or in chat."
    )


def _roles(approval: Approval) -> str:
    return " and ".join(f"{gate.quorum} x {line(gate.role)}" for gate in approval.gates)


def _voters(approval: Approval, verdict: Verdict) -> str:
    said = [vote for vote in approval.votes if vote.verdict is verdict]
    with_reasons = (
        f"{line(vote.who.id)} ({line(vote.reason)})" if vote.reason else line(vote.who.id)
        for vote in said
    )
    return ", ".join(with_reasons) or "nobody on record"


def _dropped(approval: Approval) -> str:
    match approval.state:
        case ApprovalState.DENIED:
            return f"denied by {_voters(approval, Verdict.DENY)}"
        case ApprovalState.EXPIRED:
            return f"not enough people agreed until {approval.expires_at.isoformat()}"
        case _ if approval.change is not None:
            change = approval.change
            reason = f" ({line(change.reason)})" if change.reason else ""
            return f"void, since {line(change.who)} wants another plan{reason}"
        case _:
            return "void, since the plan changed or the response ended before it was decided"
