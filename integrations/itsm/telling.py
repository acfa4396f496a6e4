"""One telling: brings one ticket up to date with one story, and can be cut off anywhere."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog

from firebreak.contracts.ledger import IncidentRow
from firebreak.contracts.people import Keep, News, Story, Weight
from firebreak.domain.base import JsonObject
from firebreak.errors import Rejected, Unreachable
from integrations.itsm import marks
from integrations.itsm.facts import facts
from integrations.itsm.helpdesk import Changed, Helpdesk, Opening, Phase, Seen, phase_of
from integrations.itsm.memory import Memory
from integrations.itsm.once import Once
from integrations.itsm.text import cut, line

Render = Callable[[str, JsonObject], str]

_LOOKS = 3  # at a ticket that others change at the same time
_MOST_RECEIPT = 10 * 2**20  # bytes that every system takes
_FATAL = 6  # the end of OCSF's scale
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Voice:
    """How a channel speaks: by its templates, and with a link to each incident."""

    name: str
    render: Render
    link: Callable[[str], str]


class Telling:
    """One call of ``tell``; ``memory`` is what to know the next time."""

    def __init__(
        self,
        voice: Voice,
        desk: Helpdesk,
        story: Story,
        incident: IncidentRow,
        *,
        memory: Memory,
        keep: Keep,
    ) -> None:
        self.record = Once(memory, lambda known: keep(known.to_json()), desk.settle_s)
        self._voice = voice
        self._desk = desk
        self._story = story
        self._incident = incident
        self._phase = phase_of(story)

    @property
    def memory(self) -> Memory:
        """What is known by now."""
        return self.record.memory

    async def run(self) -> None:
        """Do all that is missing, in the order in which a reader wants it.

        Raises:
            OutcomeUnknown: something was sent and its end not seen; the next telling looks.
        """
        if self.memory.abandoned:
            return
        if not self.memory.ticket:
            await self._open()
        seen = await self._look()
        if seen is None:
            return
        await self.record.settle(self._marks)
        seen = await self._reopened(seen)
        await self._tell_news()
        await self._attach_receipt()
        await self._say_closing()
        await self._follow(seen)

    # -- the ticket -------------------------------------------------------------------------

    async def _open(self) -> None:
        """Find the incident's ticket, or make it."""
        found = await self._desk.find(self._incident.id)
        if found is not None and found not in self.memory.lost:
            there = await self._desk.marks(found, self._incident.id)
            done = tuple(sorted(mark for mark in there if not mark.startswith("entry")))
            await self.record.know(
                ticket=found, creating=False, posted=marks.highest(there), done=done
            )
            return
        subject = line(self._say("subject", ()))
        title = cut(f"{marks.tag(self._incident.id)} {subject}", self._desk.most_title)
        text = cut(self._say("opening", ()), self._desk.most_text)
        opening = Opening(self._incident.id, title, text, _severity(self._story))
        await self.record.create(partial(self._desk.create, opening))

    async def _look(self) -> Seen | None:
        """The ticket as it stands: ours, the one it was merged into, or a second one."""
        seen = await self._desk.look(self.memory.ticket)
        if seen is None:
            return await self._replace()
        if seen.ticket != self.memory.ticket:
            before = self.memory.ticket
            await self.record.know(ticket=seen.ticket, guest=True)
            words = f"Ticket {before} of this incident was merged into this one by hand. Firebreak "
            words += "goes on writing here, and leaves the status to you."
            await self.record.write(marks.MERGED, partial(self._note, marks.MERGED, words))
        return seen

    async def _replace(self) -> Seen | None:
        """Another ticket for one that is gone: once, so that nobody has to fight us."""
        lost = (*self.memory.lost, self.memory.ticket)
        log = _log.bind(channel=self._voice.name, incident=self._incident.id, tickets=lost)
        if len(lost) > 1:
            log.error("a second ticket is gone too; this incident gets no other one")
            await self.record.know(lost=lost, abandoned=True)
            return None
        log.warning("the ticket is gone: deleted, or hidden from this account; it gets another")
        await self.record.replace(Memory(lost=lost, changes=self.memory.changes))
        await self._open()
        seen = await self._desk.look(self.memory.ticket)
        if seen is None:
            raise Rejected(
                f"ticket {self.memory.ticket} was created and cannot be seen by this account: "
                "let it read what it creates"
            )
        return seen

    async def _marks(self) -> set[str]:
        return await self._desk.marks(self.memory.ticket, self._incident.id)

    # -- what is written --------------------------------------------------------------------

    async def _tell_news(self) -> None:
        fresh = [news for news in self._story.news if news.entry.seq > self.memory.posted]
        if self.memory.lost and self.memory.posted < 0:  # a new ticket for an old story
            past = [news for news in self._story.past if news.weight >= Weight.PROGRESS]
            fresh = sorted((*past, *fresh), key=lambda news: news.entry.seq)
        if not fresh:
            return
        top = fresh[-1].entry.seq
        mark = marks.entry(top)
        await self.record.write(mark, partial(self._note, mark, self._say("update", fresh)))

    async def _attach_receipt(self) -> None:
        receipt = self._receipt()
        if receipt is not None and marks.RECEIPT not in self.memory.done:
            name = marks.receipt_name(self._incident.id)
            attach = partial(self._desk.attach, self.memory.ticket, name, receipt)
            await self.record.write(marks.RECEIPT, attach)

    async def _say_closing(self) -> None:
        if self._story.ended and marks.CLOSING not in self.memory.done:
            text = self._say("closing", ())
            await self.record.write(marks.CLOSING, partial(self._note, marks.CLOSING, text))

    def _receipt(self) -> bytes | None:
        receipt = self._story.receipt if self._story.ended else None
        return receipt if receipt is not None and len(receipt) <= _MOST_RECEIPT else None

    async def _note(self, mark: str, text: str) -> None:
        stands = marks.written(self._incident.id, mark)
        body = cut(text.strip(), self._desk.most_text - len(stands) - 2)
        await self._desk.note(self.memory.ticket, stands, f"{body}\n\n{stands}")

    def _say(self, template: str, news: Sequence[News]) -> str:
        given = facts(
            self._story,
            self._incident,
            tuple(news),
            self._voice.link(self._incident.id),
            receipt=marks.receipt_name(self._incident.id) if self._receipt() else "",
            lost=self.memory.lost,
        )
        return self._voice.render(f"tickets/{template}.j2", given)

    # -- its status -------------------------------------------------------------------------

    async def _reopened(self, seen: Seen) -> Seen:
        """Open a ticket again that somebody closed too early: once, and say so."""
        for _ in range(_LOOKS):
            if not self._closed_early(seen):
                return seen
            with suppress(Changed):
                await self.record.write(marks.REOPENED, partial(self._reopen, seen))
            seen = await self._look() or seen
        raise Unreachable(f"ticket {seen.ticket} changes all the time; it is looked at again later")

    def _closed_early(self, seen: Seen) -> bool:
        ours = self.memory.phase and not self.memory.guest
        again = marks.REOPENED in self.memory.done
        if not ours or not seen.closed or self._story.ended or again:
            return False
        return not self._desk.shows(seen, Phase(self.memory.phase))

    async def _reopen(self, seen: Seen) -> None:
        words = "This ticket was closed while the response is not over. Firebreak opened it again, "
        words += "once. Close it again and it stays closed."
        try:
            await self._desk.move(seen, self._phase, words)
        except Rejected as error:
            _log.warning("the ticket cannot be opened again", ticket=seen.ticket, why=str(error))
            words = "This ticket was closed while the response is not over. Firebreak could not "
            words += "open it again, and writes what happens here all the same."
        await self.record.know(phase=self._phase.value)
        await self._note(marks.REOPENED, words)

    async def _follow(self, seen: Seen) -> None:
        """Bring the status after the incident, unless a person has taken it over."""
        if self.memory.guest or self.memory.phase == self._phase.value:
            return
        for _ in range(_LOOKS):
            now = await self._desk.look(seen.ticket)  # what was just written changed it
            if now is None or (now.closed and not self._desk.shows(now, self._phase)):
                break  # closed by hand, and it stays so
            try:
                if not self._desk.shows(now, self._phase):
                    words = self._say("closing", ()) if self._story.ended else ""
                    await self._desk.move(now, self._phase, words)
            except Changed:
                continue
            break
        else:
            raise Unreachable(f"ticket {seen.ticket} changes all the time; it is tried again later")
        await self.record.know(phase=self._phase.value)


def _severity(story: Story) -> int:
    """The highest severity that the story names (OCSF, 0 to 6); 0 when nobody said."""
    said = [approval.severity for approval in story.approvals]
    for news in (*story.past, *story.news):
        severity = news.entry.body.get("severity")
        if isinstance(severity, int):
            said.append(max(severity, 0))
    return min(max(said, default=0), _FATAL)
