"""The approval card: what somebody woken at 3 a.m. reads on a phone, and answers."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from firebreak.domain.people import Approval, ApprovalState, Gate, Verdict, Vote
from integrations.chat.slack.blocks import (
    Block,
    Button,
    Message,
    buttons,
    fact,
    facts,
    fit,
    header,
    listed,
    ours,
    small,
)
from integrations.chat.slack.markup import fallback, mention, plain_when, when

APPROVE, DENY, DETAILS = "firebreak_approve", "firebreak_deny", "firebreak_details"

_OVER = {
    ApprovalState.APPROVED: "Approved",
    ApprovalState.DENIED: "Denied",
    ApprovalState.UNOPPOSED: "Done without an answer, as policy allows",
    ApprovalState.EXPIRED: "Expired, too few agreed in time",
    ApprovalState.VOID: "Void, it is no longer asked",
}


class Ref(NamedTuple):
    """What a button carries: names, and no authority."""

    approval: str
    plan_hash: str

    def text(self) -> str:
        """As a button's value."""
        return f"{self.approval} {self.plan_hash}"

    @classmethod
    def parse(cls, value: str) -> "Ref | None":
        """From a button's value; None when it is nothing of ours."""
        approval, _, plan_hash = value.partition(" ")
        fits = approval and plan_hash.startswith("sha256:") and value.isprintable()
        return cls(approval, plan_hash) if fits else None


def card(approval: Approval, asked: Sequence[str]) -> Message:
    """The card as the request stands now. ``asked``: user ids to mention."""
    if approval.state is ApprovalState.PENDING:
        return _open(approval, asked)
    return _closed(approval)


def _open(approval: Approval, asked: Sequence[str]) -> Message:
    called = " ".join(mention(user) for user in asked)
    first = approval.summary[0] if approval.summary else approval.step
    answer_by = f"Answer by {when(approval.expires_at)}."
    blocks = [
        header(f"Approve? {_about(approval)}"),
        ours(f"{called} {answer_by}" if called else answer_by),
        listed("What will happen, and how it is undone", [("", one) for one in approval.summary]),
        facts(
            [
                ("Also hits", "; ".join(approval.hits) or "nothing else that is known"),
                ("Why you are asked", approval.why),
                ("Incident", f"{approval.title} (severity {approval.severity})"),
                ("Asked for by", approval.requester),
                ("Who must agree", gates(approval.gates)),
                ("Agreed so far", _agreed(approval.votes)),
                ("If nobody answers", if_silent(approval)),
                ("Follows", approval.replaces),
            ]
        ),
        _row(approval),
        small(f"{approval.id}, plan {approval.plan_hash[:19]}"),
    ]
    # The lock screen shows its beginning: first what, and then who.
    text = f"Approve? {fallback(first)} ({fallback(approval.title)}) {called}".strip()
    return Message(text=text, blocks=fit(blocks))


def _row(approval: Approval) -> Block:
    value = Ref(approval.id, approval.plan_hash).text()
    first = approval.summary[0] if approval.summary else approval.step
    more = f" and {len(approval.summary) - 1} more" if len(approval.summary) > 1 else ""
    return buttons(
        # It acts at once: a thumb on a phone gets a second look.
        Button(APPROVE, "Approve", value, "primary", confirm=f"This will be done: {first}{more}"),
        Button(DENY, "Deny", value, "danger"),
        Button(DETAILS, "Details", value),
    )


def _closed(approval: Approval) -> Message:
    word = _OVER[approval.state]
    answers = [
        (
            f"{vote.who.id} {'agreed' if vote.verdict is Verdict.APPROVE else 'said no'}",
            f"{plain_when(vote.at)}{f': {vote.reason}' if vote.reason else ''}",
        )
        for vote in approval.votes
    ]
    blocks = [
        header(f"{word}: {_about(approval)}"),
        listed("It was about", [("", one) for one in approval.summary]),
        listed("Answers", answers) if answers else fact("Answers", "none"),
        small(f"{approval.id}, asked {plain_when(approval.requested_at)}"),
    ]
    return Message(text=fallback(f"{word}: {_about(approval)}"), blocks=fit(blocks))


def gates(wanted: Iterable[Gate]) -> str:
    """``1 x on-call and 2 x soc-lead``: distinct people."""
    return " and ".join(f"{gate.quorum} x {gate.role}" for gate in wanted)


def if_silent(approval: Approval) -> str:
    """What happens when nobody answers: who is asked next, and the end."""
    ahead = approval.levels[approval.reached :]
    asks = [f"{level.role} is asked after {-(-level.after_s // 60)} min" for level in ahead]
    end = "it is done anyway" if approval.on_timeout == "allow" else "it is denied"
    return ", then ".join([*asks, f"at {plain_when(approval.expires_at)} {end}"])


def _agreed(votes: Iterable[Vote]) -> str:
    yes = [v.who.id for v in votes if v.verdict is Verdict.APPROVE]
    return ", ".join(yes) or "nobody yet"


def _about(approval: Approval) -> str:
    return f"{approval.step} on {approval.device}" if approval.device else approval.step
