"""Keeps the change requests of an incident up to date: one for each request for approval."""

from functools import partial

import structlog

from firebreak.contracts.people import Story
from firebreak.domain.people import Approval
from firebreak.errors import AuthFailed, Rejected
from integrations.itsm import marks
from integrations.itsm.change import ChangeDesk, Course, Turn, course_of, proposal, words
from integrations.itsm.memory import Memory, Trace
from integrations.itsm.once import Once
from integrations.itsm.text import cut

_log = structlog.get_logger(__name__)


async def keep_changes(
    desk: ChangeDesk, story: Story, ticket: Once[Memory], *, channel: str, link: str
) -> None:
    """Bring every change request of the story up to date.

    One that is refused does not hold up the others. What is known of each is kept beside what is
    known of the ticket.

    Raises:
        Rejected, AuthFailed: one was refused; the others have been seen to.
        OutcomeUnknown: something was sent and its end not seen; the next telling looks.
    """
    refused: Rejected | AuthFailed | None = None
    for approval in story.approvals:
        try:
            await _Changing(desk, story, approval, ticket, channel=channel, link=link).run()
        except (Rejected, AuthFailed) as error:  # 403 is also how a data policy says no
            refused = refused or error
    if refused is not None:
        raise refused


class _Changing:
    """One change request in one telling."""

    def __init__(
        self,
        desk: ChangeDesk,
        story: Story,
        approval: Approval,
        ticket: Once[Memory],
        *,
        channel: str,
        link: str,
    ) -> None:
        self._desk = desk
        self._story = story
        self._approval = approval
        self._ticket = ticket
        self._link = link
        self._log = _log.bind(channel=channel, approval=approval.id)
        known = ticket.memory.changes.get(approval.id, Trace())
        self._record = Once(known, self._keep, desk.settle_s)

    async def run(self) -> None:
        """Do what is missing."""
        course = course_of(self._story, self._approval)
        known = self._record.memory
        if known.abandoned or (known.phase == course.value and not known.posting):
            return
        if not known.ticket:
            await self._open()
        seen = await self._desk.look(self._record.memory.ticket)
        if seen is None:
            self._log.warning("the change request is gone: deleted, or hidden from this account")
            await self._record.know(abandoned=True)
            return
        if known.posting:
            await self._record.settle(self._marks)
            seen = await self._desk.look(seen.ticket) or seen  # what was cut off came to pass
        turn = await self._turn(course)
        await self._record.write(course.value, partial(self._desk.move, seen, turn))
        await self._record.know(phase=course.value)

    async def _open(self) -> None:
        """Find it, or make it."""
        found = await self._desk.find(self._approval.id)
        if found is not None:
            await self._record.know(ticket=found, creating=False)
            return
        ticket = self._ticket.memory.ticket
        asked = proposal(self._story, self._approval, ticket, self._link)
        await self._record.create(partial(self._desk.create, asked))

    async def _turn(self, course: Course) -> Turn:
        """What to write. A note may stand there though the state was refused after it."""
        incident = self._approval.incident
        mark = marks.written(incident, course.value)
        said = words(self._story, self._approval, course)
        body = cut(said, self._desk.most_text - len(mark) - 2)
        note = "" if course.value in await self._marks() else f"{body}\n\n{mark}"
        row = self._story.incident
        return Turn(course, note, body, completed=row is not None and row.status == "completed")

    async def _marks(self) -> set[str]:
        return await self._desk.marks(self._record.memory.ticket, self._approval.incident)

    async def _keep(self, known: Trace) -> None:
        changes = {**self._ticket.memory.changes, self._approval.id: known}
        await self._ticket.know(changes=changes)
