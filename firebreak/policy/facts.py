"""What policies may ask about beside the plan: the blast radius so far, and change windows.

Both cost a look elsewhere, so only what the policies mention is looked up.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from firebreak.contracts.ledger import Ledger
from firebreak.contracts.policy import Blast, Policy, Question
from firebreak.domain.device import Device
from firebreak.domain.limits import Usage
from firebreak.domain.people import Decision
from firebreak.policy.blast_radius import BlastRadius
from firebreak.policy.rules import WHOLE

BLAST, CHANGE_WINDOW = "blast", "change_window"

ChangeWindow = Callable[[Device], Awaitable[bool]]
Mentions = Callable[[], frozenset[str]]


class Facts:
    """Asks policy with the facts that it mentions.

    Args:
        ledger: knows the reservations.
        blast_radius: knows the scopes of a device.
        mentions: the attributes of ``context`` that the policies use now.
        change_window: whether one is open for a device; None: there are none.
        clock: the time now, aware.
    """

    def __init__(
        self,
        ledger: Ledger,
        blast_radius: BlastRadius,
        mentions: Mentions,
        change_window: ChangeWindow | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._blast_radius = blast_radius
        self._mentions = mentions
        self._change_window = change_window
        self._clock = clock

    async def decide(self, policy: Policy, question: Question) -> Decision:
        """The decision. Raises LedgerUnavailable.

        Policies can change while the facts are looked up: then they are looked up again, so that
        none ever decides without a fact that it asks for.
        """
        while True:
            wanted = self._mentions()
            decision = policy.decide(await self._filled(question, wanted))
            if self._mentions() <= wanted:
                return decision

    async def _filled(self, question: Question, wanted: frozenset[str]) -> Question:
        facts: dict[str, object] = {}
        if wanted & {BLAST, WHOLE}:
            facts[BLAST] = await self._blast(question)
        if wanted & {CHANGE_WINDOW, WHOLE} and self._change_window is not None:
            facts[CHANGE_WINDOW] = await self._change_window(question.device)
        return question.model_copy(update=facts) if facts else question

    async def _blast(self, question: Question) -> Blast:
        """How many others are held, or about to be, where the device would be one more."""
        device, plan = question.device, question.plan
        place = plan.place if plan else None
        scopes = self._blast_radius.scopes(device, place.switch if place else None)
        used = {
            usage.scope: usage
            for usage in await self._ledger.usage(
                self._clock(), scopes=scopes.values(), but=device.id
            )
        }
        found = {kind: used.get(scope, Usage(scope=scope)) for kind, scope in scopes.items()}
        none = Usage(scope="")
        return Blast.model_validate(
            {
                "site": found["site"].at_once,
                "class": found["class"].at_once,
                "switch": found.get("switch", none).at_once,
                "redundancy_group": found.get("group", none).at_once,
                "last_hour": found["site"].last_hour,
            }
        )
