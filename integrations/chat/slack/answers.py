"""Votes from buttons: handed to the desk, which alone decides whether they count."""

from firebreak.contracts.people import Desk
from firebreak.domain.people import Approval, ApprovalState, Principal, Verdict, Vote
from firebreak.errors import BadInput, Forbidden
from integrations.chat.slack.blocks import Message
from integrations.chat.slack.card import Ref, gates
from integrations.chat.slack.markup import plain_when
from integrations.chat.slack.replies import say


class Answers:
    """Puts votes, and says what became of them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._voting: set[tuple[str, str]] = set()

    async def put(self, who: Principal, ref: Ref | None, verdict: Verdict, reason: str) -> Message:
        """Vote once, however often somebody clicks. Raises what the desk raises, and BadInput."""
        if ref is None:
            raise BadInput("this button is not one of ours")
        vote = (ref.approval, who.id)
        if vote in self._voting:  # a second click, before the first was counted
            return say("You have answered already", "Your answer is being counted.")
        self._voting.add(vote)
        try:
            return await self._vote(who, ref, verdict, reason)
        finally:
            self._voting.discard(vote)

    async def show(self, who: Principal, ref: Ref | None) -> Approval:
        """The request behind a button. Raises what the desk raises, and BadInput."""
        if ref is None:
            raise BadInput("this button is not one of ours")
        return await self._desk.approval(who, ref.approval)

    async def _vote(self, who: Principal, ref: Ref, verdict: Verdict, reason: str) -> Message:
        asked = await self._desk.approval(who, ref.approval)
        if earlier := _vote_of(who, asked):
            return _already(earlier, asked)
        try:
            now = await self._desk.decide(who, ref.approval, ref.plan_hash, verdict, reason)
        except Forbidden:
            # The vote may have got in by another way while we asked.
            asked = await self._desk.approval(who, ref.approval)
            if earlier := _vote_of(who, asked):
                return _already(earlier, asked)
            raise
        if verdict is Verdict.DENY:
            return say(f"You denied {now.step} on {now.device}", f"State: {now.state.value}")
        if now.state is ApprovalState.PENDING:
            return say(
                f"You agreed to {now.step} on {now.device}",
                f"It still waits for others: {gates(now.gates)} must agree in all.",
            )
        return say(f"You agreed to {now.step} on {now.device}", f"State: {now.state.value}")


def _vote_of(who: Principal, asked: Approval) -> Vote | None:
    return next((vote for vote in asked.votes if vote.who.id == who.id), None)


def _already(vote: Vote, asked: Approval) -> Message:
    said = "agreed" if vote.verdict is Verdict.APPROVE else "said no"
    return say(
        "You have answered already",
        f"You {said} at {plain_when(vote.at)}; the request is {asked.state.value}.",
    )
