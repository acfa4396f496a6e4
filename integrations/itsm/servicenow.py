"""ServiceNow: the incident table over the Table API, files over the Attachment API.

Source: ServiceNow's "REST API reference", Table API and Attachment API. Documented, not run:
numbers of states, lengths of fields and close codes are those of a new instance, and settings.
"""

from firebreak.domain.base import JsonObject
from integrations.itsm import marks
from integrations.itsm.api import Api
from integrations.itsm.helpdesk import Opening, Phase, Seen
from integrations.itsm.servicenow_table import MOST_LONG, MOST_SHORT, Table, uncoded
from integrations.itsm.settings import ServiceNow
from integrations.network.rest import Shape, segment
from integrations.network.rest_auth import Basic, Key

_FILES = "/api/now/attachment"


class _Files(Shape):
    result: list[object]


class ServiceNowDesk:
    """The incident table of one instance. See Helpdesk."""

    most_text = MOST_LONG
    most_title = MOST_SHORT

    def __init__(self, name: str, settings: ServiceNow) -> None:
        self._settings = settings
        self.api = Api(f"ServiceNow ({name})", settings, _credential(settings))
        self._incidents = Table(self.api, "incident")

    @property
    def settle_s(self) -> float:
        """See Helpdesk."""
        return self._settings.settle_s

    async def find(self, incident: str) -> str | None:
        """By ``correlation_id``."""
        return await self._incidents.find(incident)

    async def create(self, opening: Opening) -> str:
        """See Helpdesk."""
        settings = self._settings
        body: JsonObject = {
            **settings.fields,
            "short_description": opening.title,
            "description": opening.text,
            "urgency": str(settings.urgency[opening.severity]),
            "impact": str(settings.impact[opening.severity]),
            "correlation_id": opening.incident,
            "correlation_display": "Firebreak",
        }
        return await self._incidents.create(body)

    async def look(self, ticket: str) -> Seen | None:
        """See Table.look."""
        record = await self._incidents.look(ticket)
        if record is None:
            return None
        return Seen(record.sys_id, record.state, record.state in self._settings.closed)

    async def marks(self, ticket: str, incident: str) -> set[str]:
        """In the work notes, and by the name of the file."""
        there = marks.found(incident, (await self._incidents.notes(ticket),))
        query = f"table_sys_id={segment(ticket)}^file_name={marks.receipt_name(incident)}"
        answer = await self.api.ask(_FILES, {"sysparm_query": query, "sysparm_limit": 1})
        if answer.shaped(_Files).result:
            there.add(marks.RECEIPT)
        return there

    async def note(self, ticket: str, mark: str, text: str) -> None:
        """A work note: staff see it, callers do not."""
        del mark  # it is in the text
        await self._incidents.change(ticket, {"work_notes": uncoded(text)})

    async def attach(self, ticket: str, name: str, content: bytes) -> None:
        """See Helpdesk."""
        params = {"table_name": self._incidents.name, "table_sys_id": ticket, "file_name": name}
        await self.api.change(
            "POST",
            f"{_FILES}/file",
            content=content,
            params=params,
            headers={"Content-Type": "application/json"},
        )

    async def move(self, seen: Seen, phase: Phase, text: str) -> None:
        """See Helpdesk. A resolved record gets the closing words as its ``close_notes``."""
        wanted = self._settings.statuses.of(phase)
        body: JsonObject = {"state": wanted}
        if wanted in self._settings.closed:
            body |= {**self._settings.on_resolve, "close_notes": uncoded(text)[:MOST_LONG]}
        await self._incidents.change(seen.ticket, body)

    def shows(self, seen: Seen, phase: Phase) -> bool:
        """See Helpdesk."""
        return seen.status == self._settings.statuses.of(phase)

    async def close(self) -> None:
        """See Helpdesk."""
        await self.api.close()


def _credential(settings: ServiceNow) -> Basic | Key:
    if settings.token is not None:
        return Key(settings.token, "Bearer ")
    if settings.username is None or settings.password is None:
        raise ValueError("checked when the settings were read")
    return Basic(settings.username, settings.password)
