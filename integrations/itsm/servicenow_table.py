"""Records of one ServiceNow table, over the Table API: what incidents and changes have in common.

Source: ServiceNow's "REST API reference", Table API. Documented, not run.
"""

import re
from http import HTTPStatus

from pydantic import Field

from firebreak.domain.base import JsonObject
from firebreak.errors import Rejected
from integrations.itsm.api import Api
from integrations.network.rest import Shape, segment

MOST_SHORT = 160  # characters of short_description
MOST_LONG = 4000
# Between these a journal field shows HTML instead of text.
_CODE = re.compile(r"\[(/?)code\]", re.IGNORECASE)
_CORRELATION = re.compile(r"[A-Za-z0-9.-]{1,100}")


class Record(Shape):
    """What is read of a record."""

    sys_id: str = Field(min_length=1)
    state: str = ""


class _Found(Record):
    correlation_id: str


class _One(Shape):
    result: Record


class _Some(Shape):
    result: list[_Found]


class _Journal(Shape):
    work_notes: str = ""


class _Notes(Shape):
    result: _Journal


class Table:
    """One table that extends ``task``. What it raises is what Api raises.

    Args:
        api: of the instance; whoever made it closes it.
        name: of the table.
    """

    def __init__(self, api: Api, name: str) -> None:
        self._api = api
        self.name = name

    async def find(self, correlation: str) -> str | None:
        """The oldest record of a ``correlation_id``, which is there for that.

        Raises:
            ValueError: that text could end the condition.
        """
        if not _CORRELATION.fullmatch(correlation):
            raise ValueError("not an id of ours")
        params: dict[str, str | int] = {
            "sysparm_query": f"correlation_id={correlation}^ORDERBYsys_created_on",
            "sysparm_fields": "sys_id,state,correlation_id",
            "sysparm_limit": 1,
        }
        found = (await self._api.ask(self._path(), params)).shaped(_Some).result
        # A condition that an instance does not understand is left out: that finds any record.
        return next((each.sys_id for each in found if each.correlation_id == correlation), None)

    async def create(self, body: JsonObject) -> str:
        """A new record's sys_id."""
        return (await self._api.change("POST", self._path(), body)).shaped(_One).result.sys_id

    async def look(self, sys_id: str) -> Record | None:
        """404 also means that a rule hides the record; nobody can tell the two apart."""
        params = {"sysparm_fields": "sys_id,state", "sysparm_display_value": "false"}
        answer = await self._api.ask(self._path(sys_id), params, accept=(HTTPStatus.NOT_FOUND,))
        return None if answer.status == HTTPStatus.NOT_FOUND else answer.shaped(_One).result

    async def notes(self, sys_id: str) -> str:
        """Every work note: shown with display values, the field holds them all."""
        params = {"sysparm_fields": "work_notes", "sysparm_display_value": "true"}
        return (await self._api.ask(self._path(sys_id), params)).shaped(_Notes).result.work_notes

    async def change(self, sys_id: str, body: JsonObject) -> None:
        """Set fields; a ``state`` among them is seen to be set.

        Raises:
            Rejected: the state was left as it was.
        """
        answer = await self._api.change("PATCH", self._path(sys_id), body)
        wanted = body.get("state")
        if wanted is not None and answer.shaped(_One).result.state != wanted:
            raise Rejected(f"{self._api.system} did not set the state {wanted}, and says no reason")

    def _path(self, sys_id: str = "") -> str:
        path = f"/api/now/table/{self.name}"
        return f"{path}/{segment(sys_id)}" if sys_id else path


def uncoded(text: str) -> str:
    """The text without what makes a journal show HTML."""
    return _CODE.sub(r"(\1code)", text)
