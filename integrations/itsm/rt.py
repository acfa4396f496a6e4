"""Request Tracker 5 over REST 2.0.

Source: https://docs.bestpractical.com/rt/5.0.7/RT/REST2.html. RT answers 200 to a change that it
did not make, with a sentence about why; so each change is read back.
"""

from base64 import b64encode
from http import HTTPStatus

from pydantic import Field

from firebreak.domain.base import JsonObject
from firebreak.errors import Rejected
from integrations.itsm import marks
from integrations.itsm.api import Api
from integrations.itsm.helpdesk import Changed, Opening, Phase, Seen
from integrations.itsm.settings import RequestTracker
from integrations.network.rest import Answer, Shape, segment
from integrations.network.rest_answers import plain
from integrations.network.rest_auth import Key

_API = "/REST/2.0"
_PAGE = 100  # RT gives no more at once
_MOST_PAGES = 50
_DELETED = "deleted"


class _Id(Shape):
    id: int


class _Ticket(_Id):
    status: str = Field(alias="Status")


class _Found(_Id):
    subject: str = Field(alias="Subject")


class _Tickets(Shape):
    items: list[_Found]


class _Attachment(Shape):
    subject: str | None = Field(default=None, alias="Subject")
    filename: str | None = Field(default=None, alias="Filename")


class _Attachments(Shape):
    items: list[_Attachment]


class RtDesk:
    """One queue. See Helpdesk."""

    most_text = 60_000
    most_title = 200  # a column of RT's table of tickets

    def __init__(self, name: str, settings: RequestTracker) -> None:
        self._settings = settings
        self._api = Api(f"RT ({name})", settings, Key(settings.token, "token "))

    @property
    def settle_s(self) -> float:
        """See Helpdesk."""
        return self._settings.settle_s

    async def find(self, incident: str) -> str | None:
        """By the custom field, or else by the start of the subject.

        A search for a field that RT does not have finds nothing, and says nothing.
        """
        tag, field = marks.tag(incident), self._settings.custom_field
        if field is not None:
            named = await self._search(f"'CF.{{{field}}}' = '{incident}'")
            if named:
                return str(named[0].id)
        tagged = await self._search(f"Subject LIKE '{tag}'")
        # Anybody can write a tag somewhere into a subject, by mail even.
        return next((str(each.id) for each in tagged if each.subject.startswith(tag)), None)

    async def _search(self, condition: str) -> list[_Found]:
        """Tickets of the queue, oldest first; merged and deleted ones are not found."""
        query = f"{condition} AND Queue = '{self._settings.queue}'"
        order: dict[str, str | int] = {"orderby": "id", "per_page": _PAGE}
        params = {"query": query, "fields": "Subject", **order}
        answer = await self._api.ask(f"{_API}/tickets", params)
        return sorted(answer.shaped(_Tickets).items, key=lambda each: each.id)

    async def create(self, opening: Opening) -> str:
        """See Helpdesk."""
        settings = self._settings
        fields: JsonObject = {}
        if settings.custom_field is not None:
            fields[settings.custom_field] = opening.incident
        answer = await self._api.change(
            "POST",
            f"{_API}/ticket",
            {
                "Queue": settings.queue,
                "Subject": opening.title,
                "Content": opening.text,
                "ContentType": "text/plain",
                "Priority": settings.priority[opening.severity],
                "CustomFields": fields,
            },
        )
        return str(answer.shaped(_Id).id)

    async def look(self, ticket: str) -> Seen | None:
        """RT itself follows a merged ticket to the one that took it in."""
        answer = await self._api.ask(_path(ticket), accept=(HTTPStatus.NOT_FOUND,))
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        found = answer.shaped(_Ticket)
        if found.status == _DELETED:
            return None
        closed = found.status in self._settings.closed
        return Seen(str(found.id), found.status, closed, answer.headers.get("etag", ""))

    async def marks(self, ticket: str, incident: str) -> set[str]:
        """They stand in the subjects of notes; the receipt is known by its file name."""
        there: set[str] = set()
        for page in range(1, _MOST_PAGES + 1):
            params: dict[str, str | int] = {"fields": "Subject,Filename", "orderby": "id"}
            params |= {"per_page": _PAGE, "page": page}
            answer = await self._api.ask(f"{_path(ticket)}/attachments", params)
            items = answer.shaped(_Attachments).items
            there |= marks.found(incident, (item.subject or "" for item in items))
            if any(item.filename == marks.receipt_name(incident) for item in items):
                there.add(marks.RECEIPT)
            if len(items) < _PAGE:
                return there
        raise Rejected(
            f"{self._api.system}: ticket {ticket} has more than {_PAGE * _MOST_PAGES} messages"
        )

    async def note(self, ticket: str, mark: str, text: str) -> None:
        """A comment: staff see it, requestors do not."""
        body: JsonObject = {"Subject": mark, "Content": text, "ContentType": "text/plain"}
        await self._api.change("POST", f"{_path(ticket)}/comment", body)

    async def attach(self, ticket: str, name: str, content: bytes) -> None:
        """A comment with the file."""
        file: JsonObject = {
            "FileName": name,
            "FileType": "application/json",
            "FileContent": b64encode(content).decode("ascii"),
        }
        words = "The signed receipt."
        body: JsonObject = {"Content": words, "ContentType": "text/plain", "Attachments": [file]}
        await self._api.change("POST", f"{_path(ticket)}/comment", body)

    async def move(self, seen: Seen, phase: Phase, text: str) -> None:
        """See Helpdesk. RT has no field for the text."""
        del text
        wanted = self._settings.statuses.of(phase)
        answer = await self._api.change(
            "PUT",
            _path(seen.ticket),
            {"Status": wanted},
            headers={"If-Match": seen.version} if seen.version else None,
            accept=(HTTPStatus.PRECONDITION_FAILED,),
        )
        if answer.status == HTTPStatus.PRECONDITION_FAILED:
            raise Changed(seen.ticket)
        now = await self.look(seen.ticket)
        if now is None or now.status != wanted:
            raise Rejected(f"{self._api.system} did not set the status {wanted}: {_said(answer)}")

    def shows(self, seen: Seen, phase: Phase) -> bool:
        """See Helpdesk."""
        return seen.status == self._settings.statuses.of(phase)

    async def close(self) -> None:
        """See Helpdesk."""
        await self._api.close()


def _path(ticket: str) -> str:
    return f"{_API}/ticket/{segment(ticket)}"


def _said(answer: Answer) -> str:
    return plain(answer.content.decode("utf-8", "replace")) or "no reason given"
