"""``/firebreak ...``: what people type, turned into calls of the desk and answers in words."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from firebreak.contracts.engine import Start
from firebreak.contracts.ledger import IncidentRow
from firebreak.contracts.people import Desk
from firebreak.domain.halt import Halt
from firebreak.domain.hold import Hold
from firebreak.domain.people import Approval, Principal
from firebreak.errors import BadInput, NotFound
from integrations.chat.slack.blocks import Message
from integrations.chat.slack.card import gates
from integrations.chat.slack.markup import clean, plain_when, unescape
from integrations.chat.slack.replies import say

ISOLATE = "isolate"  # the shipped playbook behind the command
EVERYWHERE = frozenset({"all", "everywhere"})
_MOST_REASON = 2000
_MOST_TYPED = 4000

HELP = (
    ("/firebreak isolate", "opens a form; or: isolate DEVICE REASON"),
    ("/firebreak release", "DEVICE REASON (or a hold's id): puts it back, and proves it"),
    ("/firebreak run", "PLAYBOOK DEVICE REASON"),
    ("/firebreak status", "what is open, held and waiting; or: status DEVICE"),
    ("/firebreak approvals", "what waits for an answer"),
    ("/firebreak incidents", "the latest, closed ones too"),
    ("/firebreak halt", "all REASON, or SITE REASON: no new effect starts"),
    ("/firebreak resume", "all REASON, or SITE REASON: a second person lets effects go on"),
)

Handler = Callable[[Principal, list[str]], Awaitable[Message]]


def words_of(text: object) -> list[str]:
    """What was typed, word by word."""
    return unescape(str(text or ""))[:_MOST_TYPED].split()


class Commands:
    """Every sub-command that needs no form."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._handlers: Mapping[str, Handler] = {
            "isolate": self._isolate,
            "release": self._release,
            "run": self._run,
            "status": self._status,
            "approvals": self._approvals,
            "incidents": self._incidents,
            "halt": self._halt,
            "resume": self._resume,
        }

    async def run(self, who: Principal, words: list[str]) -> Message:
        """Carry it out. Raises what the desk raises, and BadInput with the way to write it."""
        name = words[0].lower() if words else "help"
        handler = self._handlers.get(name)
        if handler is not None:
            return await handler(who, words[1:])
        if name != "help":
            raise BadInput(f"there is no command {clean(name)[:40]!r}")
        return say("Firebreak", *HELP, hint=f"You are {who.id}.")

    async def isolate(self, who: Principal, device: str, reason: str) -> Message:
        """Start the containment of a device, from the form or the command."""
        return await self._start(who, ISOLATE, device, reason)

    async def _isolate(self, who: Principal, words: list[str]) -> Message:
        device, reason = _named(words, "isolate DEVICE REASON")
        return await self.isolate(who, device, reason)

    async def _run(self, who: Principal, words: list[str]) -> Message:
        how = "run PLAYBOOK DEVICE REASON"
        playbook, rest = _first(words, how)
        device, reason = _named(rest, how)
        if playbook not in await self._desk.playbooks(who):
            known = ", ".join(await self._desk.playbooks(who))
            raise NotFound(f"there is no playbook {playbook}; there are: {known}")
        return await self._start(who, playbook, device, reason)

    async def _start(self, who: Principal, playbook: str, device: str, reason: str) -> Message:
        start = Start(playbook=playbook, device=device, requester=who, reason=reason)
        started = await self._desk.start(who, start)
        return say(
            f"{playbook} runs for {device}",
            ("incident", started.incident),
            ("because", reason),
            hint="It is not contained yet: its thread in the channel says when it is.",
        )

    async def _release(self, who: Principal, words: list[str]) -> Message:
        target, reason = _named(words, "release DEVICE REASON")
        holds = await self._desk.holds(who)
        mine = [hold for hold in holds if target in (hold.device, hold.id)]
        if not mine:
            raise NotFound(f"nothing is in force on {target}")
        if len(mine) > 1:
            return say(
                f"More than one thing is in force on {target}",
                *[("release", f"{hold.id} REASON") for hold in mine],
                hint="Name the one you mean.",
            )
        ended = await self._desk.release(who, mine[0].id, reason)
        return say(f"{ended.id} is {ended.state.value}", ended.plan.way_back or ended.plan.summary)

    async def _status(self, who: Principal, words: list[str]) -> Message:
        only = words[0] if words else ""
        rows = await self._desk.incidents(who, open_only=True)
        holds = await self._desk.holds(who)
        waiting = await self._desk.approvals(who)
        lines = [
            *[(r.device, _row(r)) for r in rows],
            *[(h.device, _held(h)) for h in holds],
            *[(a.device, f"{a.step} waits for {gates(a.gates)} ({a.id})") for a in waiting],
        ]
        lines = [line for line in lines if only in ("", line[0])]
        title = f"Firebreak: {only or 'now'}"
        return say(title, *(lines or [("", "nothing is open, held or waiting")]))

    async def _approvals(self, who: Principal, _: list[str]) -> Message:
        waiting = await self._desk.approvals(who)
        lines = [(f"{a.step} on {a.device}", _asked(a)) for a in waiting]
        hint = "Answer on the card in the channel: it shows the whole plan." if lines else ""
        return say("Waiting for an answer", *(lines or [("", "nothing")]), hint=hint)

    async def _incidents(self, who: Principal, _: list[str]) -> Message:
        rows = await self._desk.incidents(who, open_only=False)
        lines = [(r.device, _row(r)) for r in rows]
        return say("Incidents, newest first", *(lines or [("", "none")]))

    async def _halt(self, who: Principal, words: list[str]) -> Message:
        place, reason = _named(words, "halt all REASON, or halt SITE REASON")
        halts = await self._desk.halt(who, _site(place), reason)
        return say("Halted: no new effect starts", *map(_halted, halts))

    async def _resume(self, who: Principal, words: list[str]) -> Message:
        place, reason = _named(words, "resume all REASON, or resume SITE REASON")
        halts = await self._desk.resume(who, _site(place), reason)
        if halts:
            return say("Resumed; these halts still stand", *map(_halted, halts))
        return say("Resumed: effects go on, no halt stands")


def _first(words: list[str], how: str) -> tuple[str, list[str]]:
    if not words:
        raise BadInput(f"write /firebreak {how}")
    return words[0], words[1:]


def _named(words: list[str], how: str) -> tuple[str, str]:
    """A name and a reason: nothing is done without a reason in the record."""
    name, rest = _first(words, how)
    reason = reason_of(" ".join(rest))
    if not reason:
        raise BadInput(f"say why, it goes into the record: /firebreak {how}")
    return name, reason


def reason_of(text: Any) -> str:
    """A reason as it is recorded: one line without hidden characters; "" when nothing is said."""
    reason = clean(str(text or ""))[:_MOST_REASON]
    return reason if any(c.isalnum() for c in reason) else ""


def _site(place: str) -> str | None:
    return None if place.lower() in EVERYWHERE else place


def _row(row: IncidentRow) -> str:
    stands = "contained" if row.contained else "NOT contained"
    return f"{row.status}, {stands}, {plain_when(row.opened_at)}: {row.title} ({row.id})"


def _asked(asked: Approval) -> str:
    until = plain_when(asked.expires_at)
    return f"{gates(asked.gates)} until {until}: {'; '.join(asked.summary)} ({asked.id})"


def _held(hold: Hold) -> str:
    until = f" until {plain_when(hold.expires_at)}" if hold.expires_at else ""
    return f"{hold.action} is {hold.state.value}{until} ({hold.id})"


def _halted(halt: Halt) -> tuple[str, str]:
    return halt.where, f"by {halt.by}: {halt.reason}"
