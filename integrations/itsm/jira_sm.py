"""Jira Service Management: customer requests over servicedeskapi, transitions over Jira's own API.

Source: Atlassian's "Jira Service Management Cloud REST API", group Request, and "Jira REST API
v2", Get and Do transition. Documented, not run.
"""

import re
from http import HTTPStatus
from secrets import token_hex

from pydantic import Field

from firebreak.domain.base import JsonObject
from firebreak.errors import Rejected
from integrations.itsm import marks
from integrations.itsm.api import Api
from integrations.itsm.helpdesk import Opening, Phase, Seen
from integrations.itsm.settings import JiraServiceManagement
from integrations.network.rest import Shape, segment
from integrations.network.rest_auth import Basic

_DESK = "/rest/servicedeskapi"
_PAGE = 50
_MOST_PAGES = 100
_MOST_BODY = 32_767
_VERBATIM = re.compile(r"\{(?=\s*noformat)", re.IGNORECASE)
# Uploads are refused without it (protection against forged requests of browsers).
_UPLOAD = {"X-Atlassian-Token": "no-check", "X-ExperimentalApi": "opt-in"}


class _Status(Shape):
    status: str
    category: str = Field(default="", alias="statusCategory")


class _Request(Shape):
    key: str = Field(alias="issueKey", min_length=1)


class _Standing(_Request):
    current: _Status = Field(alias="currentStatus")


class _Value(Shape):
    field: str = Field(alias="fieldId")
    value: object = None


class _Listed(_Request):
    values: list[_Value] = Field(default=[], alias="requestFieldValues")


class _Requests(Shape):
    values: list[_Listed]
    last: bool = Field(default=True, alias="isLastPage")


class _Comment(Shape):
    body: str
    public: bool


class _Comments(Shape):
    values: list[_Comment]
    last: bool = Field(default=True, alias="isLastPage")


class _File(Shape):
    filename: str


class _Files(Shape):
    values: list[_File]
    last: bool = Field(default=True, alias="isLastPage")


class _Temporary(Shape):
    id: str = Field(alias="temporaryAttachmentId")


class _Uploaded(Shape):
    files: list[_Temporary] = Field(alias="temporaryAttachments", min_length=1)


class _Target(Shape):
    name: str


class _Transition(Shape):
    id: str
    to: _Target


class _Transitions(Shape):
    transitions: list[_Transition]


class JiraDesk:
    """One service desk and request type. See Helpdesk."""

    most_text = _MOST_BODY - 2 * len("{noformat}\n")
    most_title = 255

    def __init__(self, name: str, settings: JiraServiceManagement) -> None:
        self._settings = settings
        self._api = Api(f"Jira ({name})", settings, Basic(settings.email, settings.token))

    @property
    def settle_s(self) -> float:
        """See Helpdesk."""
        return self._settings.settle_s

    async def find(self, incident: str) -> str | None:
        """By the start of the summary, among the requests that this account made."""
        tag, found = marks.tag(incident), list[_Listed]()
        for page in range(_MOST_PAGES):
            params: dict[str, str | int] = {
                "searchTerm": incident,
                "requestOwnership": "OWNED_REQUESTS",
                "requestStatus": "ALL_REQUESTS",
                "serviceDeskId": self._settings.service_desk,
                "start": page * _PAGE,
                "limit": _PAGE,
            }
            answer = (await self._api.ask(f"{_DESK}/request", params)).shaped(_Requests)
            found += [each for each in answer.values if _summary(each).startswith(tag)]
            if answer.last:
                break
        # Keys of one project grow: the shortest and lowest is the oldest.
        return min((each.key for each in found), key=lambda key: (len(key), key), default=None)

    async def create(self, opening: Opening) -> str:
        """See Helpdesk."""
        settings = self._settings
        values: JsonObject = {
            **settings.fields,
            "summary": opening.title,
            "description": _verbatim(opening.text),
        }
        if settings.priority is not None:
            values["priority"] = {"name": settings.priority[opening.severity]}
        body: JsonObject = {
            "serviceDeskId": settings.service_desk,
            "requestTypeId": settings.request_type,
            "requestFieldValues": values,
        }
        return (await self._api.change("POST", f"{_DESK}/request", body)).shaped(_Request).key

    async def look(self, ticket: str) -> Seen | None:
        """A request that was moved to another project is known by its new key."""
        answer = await self._api.ask(_path(ticket), accept=(HTTPStatus.NOT_FOUND,))
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        request = answer.shaped(_Standing)
        status = request.current.status
        done = request.current.category == "DONE" or status in self._settings.closed
        return Seen(ticket, status, done)

    async def marks(self, ticket: str, incident: str) -> set[str]:
        """Internal comments, which no customer can write, and the names of files."""
        there: set[str] = set()
        for page in range(_MOST_PAGES):
            params = {"public": "false", "internal": "true", **_at(page)}
            answer = await self._api.ask(f"{_path(ticket)}/comment", params)
            comments = answer.shaped(_Comments)
            there |= marks.found(incident, (c.body for c in comments.values if not c.public))
            if comments.last:
                break
        for page in range(_MOST_PAGES):
            answer = await self._api.ask(f"{_path(ticket)}/attachment", _at(page))
            files = answer.shaped(_Files)
            if any(file.filename == marks.receipt_name(incident) for file in files.values):
                there.add(marks.RECEIPT)
            if files.last:
                break
        return there

    async def note(self, ticket: str, mark: str, text: str) -> None:
        """An internal comment."""
        del mark  # it is in the text
        body: JsonObject = {"body": _verbatim(text), "public": False}
        await self._api.change("POST", f"{_path(ticket)}/comment", body)

    async def attach(self, ticket: str, name: str, content: bytes) -> None:
        """Twofold: a temporary file, and then a comment that makes it the request's own."""
        kind, form = _form(name, content)
        upload = f"{_DESK}/servicedesk/{self._settings.service_desk}/attachTemporaryFile"
        headers = {**_UPLOAD, "Content-Type": kind}
        answer = await self._api.change("POST", upload, content=form, headers=headers)
        ids = [file.id for file in answer.shaped(_Uploaded).files]
        body: JsonObject = {"temporaryAttachmentIds": [*ids], "public": False}
        body["additionalComment"] = {"body": "The signed receipt."}
        await self._api.change("POST", f"{_path(ticket)}/attachment", body, headers=_UPLOAD)

    async def move(self, seen: Seen, phase: Phase, text: str) -> None:
        """By the transition that leads to the status, which the workflow must offer."""
        del text
        wanted = self._settings.statuses.of(phase)
        path = f"/rest/api/2/issue/{segment(seen.ticket)}/transitions"
        offered = (await self._api.ask(path)).shaped(_Transitions).transitions
        way = next((each for each in offered if each.to.name == wanted), None)
        if way is None:
            raise Rejected(
                f"{self._api.system}: from {seen.status[:80]} no transition leads to {wanted}; "
                "add one to the workflow, or set statuses in the channels file"
            )
        await self._api.change("POST", path, {"transition": {"id": way.id}})

    def shows(self, seen: Seen, phase: Phase) -> bool:
        """See Helpdesk."""
        return seen.status == self._settings.statuses.of(phase)

    async def close(self) -> None:
        """See Helpdesk."""
        await self._api.close()


def _path(ticket: str) -> str:
    return f"{_DESK}/request/{segment(ticket)}"


def _at(page: int) -> dict[str, str | int]:
    return {"start": page * _PAGE, "limit": _PAGE}


def _summary(request: _Listed) -> str:
    return next((str(each.value) for each in request.values if each.field == "summary"), "")


def _verbatim(text: str) -> str:
    """Wiki markup that shows the text as it is: no image is fetched, nobody is mentioned."""
    return f"{{noformat}}\n{_VERBATIM.sub('(', text)}\n{{noformat}}"


def _form(name: str, content: bytes) -> tuple[str, bytes]:
    """One file as multipart/form-data (RFC 7578): the media type with its boundary, the body."""
    boundary = token_hex(16)
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/json\r\n\r\n"
    )
    body = head.encode("ascii") + content + f"\r\n--{boundary}--\r\n".encode("ascii")
    return f"multipart/form-data; boundary={boundary}", body
