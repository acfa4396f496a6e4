"""A ticket system as a channel, the same whoever made it."""

from firebreak.contracts.people import Keep, Story
from firebreak.domain.base import JsonObject
from firebreak.errors import OutcomeUnknown, Unreachable
from integrations.itsm.change import ChangeDesk
from integrations.itsm.changing import keep_changes
from integrations.itsm.helpdesk import Helpdesk
from integrations.itsm.memory import Memory
from integrations.itsm.telling import Telling, Voice


class TicketChannel:
    """One ticket an incident. News of the installation itself makes none.

    Args:
        voice: how it speaks.
        desk: the ticket system; closed with the channel.
        changes: its change requests, reached over the same connections; None: without them.
    """

    def __init__(self, voice: Voice, desk: Helpdesk, changes: ChangeDesk | None = None) -> None:
        self._voice = voice
        self._desk = desk
        self._changes = changes

    async def tell(self, story: Story, known: JsonObject, keep: Keep) -> JsonObject:
        """See Channel."""
        if story.incident is None:
            return known
        memory = Memory.model_validate(known)
        telling = Telling(self._voice, self._desk, story, story.incident, memory=memory, keep=keep)
        try:
            await telling.run()
            await self._tell_changes(telling, story)
        except OutcomeUnknown as error:
            raise Unreachable(f"{error}; it is looked for before it is written again") from error
        return telling.memory.to_json()

    async def _tell_changes(self, telling: Telling, story: Story) -> None:
        if self._changes is None or telling.memory.abandoned:
            return
        link = self._voice.link(story.chain)
        await keep_changes(
            self._changes, story, telling.record, channel=self._voice.name, link=link
        )

    async def close(self) -> None:
        """See Channel."""
        await self._desk.close()
