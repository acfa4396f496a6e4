"""A ticket system as a channel, the same whoever made it."""

from firebreak.contracts.people import Keep, Story
from firebreak.domain.base import JsonObject
from firebreak.errors import OutcomeUnknown, Unreachable
from integrations.itsm.helpdesk import Helpdesk
from integrations.itsm.memory import Memory
from integrations.itsm.telling import Telling, Voice


class TicketChannel:
    """One ticket an incident. News of the installation itself makes none.

    Args:
        voice: how it speaks.
        desk: the ticket system; closed with the channel.
    """

    def __init__(self, voice: Voice, desk: Helpdesk) -> None:
        self._voice = voice
        self._desk = desk

    async def tell(self, story: Story, known: JsonObject, keep: Keep) -> JsonObject:
        """See Channel."""
        if story.incident is None:
            return known
        memory = Memory.model_validate(known)
        telling = Telling(self._voice, self._desk, story, story.incident, memory=memory, keep=keep)
        try:
            await telling.run()
        except OutcomeUnknown as error:
            raise Unreachable(f"{error}; it is looked for before it is written again") from error
        return telling.memory.to_json()

    async def close(self) -> None:
        """See Channel."""
        await self._desk.close()
