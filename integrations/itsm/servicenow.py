"""ServiceNow: the incident table over the Table API, files over the Attachment API.

Source: ServiceNow's "REST API reference", Table API and Attachment API. Documented, not run:
numbers of states, lengths of fields and close codes are those of a new instance, and settings.
"""

import re
from http import HTTPStatus

from pydantic import Field

from firebreak.domain.base import JsonObject
from firebreak.errors import Rejected
from integrations.itsm import marks
from integrations.itsm.api import Api
from integrations.itsm.helpdesk import Opening, Phase, Seen
from integrations.itsm.settings import ServiceNow
from integrations.network.rest import Shape, segment
from integrations.network.rest_auth import Basic, Key

_TABLE = "/api/now/table/incident"
_FILES = "/api/now/attachment"
_MOST_SHORT = 160
_MOST_LONG = 4000
# Between these a journal field shows HTML instead of text.
_CODE = re.compile(r"\[(/?)code\]", re.IGNORECASE)


class _Record(Shape):
    sys_id: str = Field(min_length=1)
    state: str = ""


class _One(Shape):
    result: _Record


class _Some(Shape):
    result: list[_Record]


class _Journal(Shape):
    work_notes: str = ""


class _Notes(Shape):
    result: _Journal


class _Files(Shape):
    result: list[object]


class ServiceNowDesk:
    """The incident table of one instance. See Helpdesk."""

    most_text = _MOST_LONG
    most_title = _MOST_SHORT

    def __init__(self, name: str, settings: ServiceNow) -> None:
        self._settings = settings
        self._api = Api(f"ServiceNow ({name})", settings, _credential(settings))

    @property
    def settle_s(self) -> float:
        """See Helpdesk."""
        return self._settings.settle_s

    async def find(self, incident: str) -> str | None:
        """By ``correlation_id``, which is there for that."""
        marks.tag(incident)  # no id of ours could end the condition
        params: dict[str, str | int] = {
            "sysparm_query": f"correlation_id={incident}^ORDERBYsys_created_on",
            "sysparm_fields": "sys_id,state",
            "sysparm_limit": 1,
        }
        found = (await self._api.ask(_TABLE, params)).shaped(_Some).result
        return found[0].sys_id if found else None

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
        answer = await self._api.change("POST", _TABLE, body)
        return answer.shaped(_One).result.sys_id

    async def look(self, ticket: str) -> Seen | None:
        """404 also means that a rule hides the record; nobody can tell the two apart."""
        params = {"sysparm_fields": "sys_id,state", "sysparm_display_value": "false"}
        answer = await self._api.ask(_path(ticket), params, accept=(HTTPStatus.NOT_FOUND,))
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        record = answer.shaped(_One).result
        return Seen(record.sys_id, record.state, record.state in self._settings.closed)

    async def marks(self, ticket: str, incident: str) -> set[str]:
        """Shown with display values, ``work_notes`` holds every work note."""
        params = {"sysparm_fields": "work_notes", "sysparm_display_value": "true"}
        notes = (await self._api.ask(_path(ticket), params)).shaped(_Notes).result.work_notes
        there = set(marks.found(incident, (notes,)))
        query = f"table_sys_id={segment(ticket)}^file_name={marks.receipt_name(incident)}"
        answer = await self._api.ask(_FILES, {"sysparm_query": query, "sysparm_limit": 1})
        if answer.shaped(_Files).result:
            there.add(marks.RECEIPT)
        return there

    async def note(self, ticket: str, mark: str, text: str) -> None:
        """A work note: staff see it, callers do not."""
        del mark  # it is in the text
        await self._api.change("PATCH", _path(ticket), {"work_notes": _uncoded(text)})

    async def attach(self, ticket: str, name: str, content: bytes) -> None:
        """See Helpdesk."""
        params = {"table_name": "incident", "table_sys_id": ticket, "file_name": name}
        await self._api.change(
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
            body |= {**self._settings.on_resolve, "close_notes": _uncoded(text)[:_MOST_LONG]}
        answer = await self._api.change("PATCH", _path(seen.ticket), body)
        if answer.shaped(_One).result.state != wanted:
            raise Rejected(f"{self._api.system} did not set the state {wanted}, and says no reason")

    def shows(self, seen: Seen, phase: Phase) -> bool:
        """See Helpdesk."""
        return seen.status == self._settings.statuses.of(phase)

    async def close(self) -> None:
        """See Helpdesk."""
        await self._api.close()


def _path(ticket: str) -> str:
    return f"{_TABLE}/{segment(ticket)}"


def _uncoded(text: str) -> str:
    return _CODE.sub(r"(\1code)", text)


def _credential(settings: ServiceNow) -> Basic | Key:
    if settings.token is not None:
        return Key(settings.token, "Bearer ")
    if settings.username is None or settings.password is None:
        raise ValueError("checked when the settings were read")
    return Basic(settings.username, settings.password)
