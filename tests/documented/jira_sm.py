"""A Jira service desk, in the shapes of servicedeskapi and of Jira's own transitions."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from itertools import count
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

EMAIL, TOKEN = "firebreak@range.example", "correct-horse-29"
DESK, REQUEST_TYPE = "3", "25"
_CATEGORIES = {"Open": "NEW", "Resolved": "DONE", "Closed": "DONE"}
_MOST_SUMMARY, _MOST_BODY = 255, 32_767


@dataclass
class JiraRequest:
    """A customer request."""

    key: str
    values: dict[str, Any]
    ours: bool = True
    status: str = "Open"
    comments: list[dict[str, Any]] = field(default_factory=list)
    files: list[tuple[str, bytes]] = field(default_factory=list)


@dataclass
class JiraSite:
    """The desk. ``ways``: the statuses that the workflow leads to, from wherever it stands."""

    authorization: str
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    requests: dict[str, JiraRequest] = field(default_factory=dict)
    temporary: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    ways: tuple[str, ...] = ("In Progress", "Pending", "Resolved")

    @property
    def app(self) -> Starlette:
        """The API."""
        desk, one = "/rest/servicedeskapi", "/rest/servicedeskapi/request/{key}"
        upload = f"{desk}/servicedesk/{DESK}/attachTemporaryFile"
        moves = "/rest/api/2/issue/{key}/transitions"
        routes = [
            Route(f"{desk}/request", self._guarded(self._list)),
            Route(f"{desk}/request", self._guarded(self._create), methods=["POST"]),
            Route(one, self._guarded(self._show)),
            Route(f"{one}/comment", self._guarded(self._comments)),
            Route(f"{one}/comment", self._guarded(self._comment), methods=["POST"]),
            Route(f"{one}/attachment", self._guarded(self._files)),
            Route(f"{one}/attachment", self._guarded(self._attach), methods=["POST"]),
            Route(upload, self._guarded(self._upload), methods=["POST"]),
            Route(moves, self._guarded(self._transitions)),
            Route(moves, self._guarded(self._transition), methods=["POST"]),
        ]
        return Starlette(routes=routes)

    def add(self, *, ours: bool = True, **values: Any) -> JiraRequest:
        """A new request."""
        made = JiraRequest(f"OT-{next(self.numbers)}", values, ours)
        self.requests[made.key] = made
        return made

    def _guarded(self, handler: Any) -> Any:
        async def endpoint(request: Request) -> Response:
            if request.headers.get("authorization") != self.authorization:
                return _error(401, "Client must be authenticated to access this resource.")
            key = request.path_params.get("key")
            if key is not None and key not in self.requests:
                return _error(404, "The request you are looking for does not exist.")
            answer: Response = await handler(request)
            return answer

        return endpoint

    async def _list(self, request: Request) -> Response:
        asked = request.query_params
        found = [
            _listed(each)
            for each in self.requests.values()
            if asked["searchTerm"] in each.values["summary"]
            and (each.ours or asked["requestOwnership"] != "OWNED_REQUESTS")
        ]
        return _page(request, list(reversed(found)))  # the latest activity comes first

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        values = body["requestFieldValues"]
        known = body["serviceDeskId"] == DESK and body["requestTypeId"] == REQUEST_TYPE
        fits = len(values["summary"]) <= _MOST_SUMMARY and "\n" not in values["summary"]
        if not known or not fits or len(values["description"]) > _MOST_BODY:
            return _error(400, "Your request could not be created.")
        return JSONResponse(_listed(self.add(**values)), 201)

    async def _show(self, request: Request) -> Response:
        one = self._one(request)
        category = _CATEGORIES.get(one.status, "INDETERMINATE")
        current = {"status": one.status, "statusCategory": category}
        return JSONResponse({**_listed(one), "currentStatus": current})

    async def _comments(self, request: Request) -> Response:
        public = request.query_params.get("public", "true") == "true"
        internal = request.query_params.get("internal", "true") == "true"
        comments = self._one(request).comments
        return _page(request, [c for c in comments if (public if c["public"] else internal)])

    async def _comment(self, request: Request) -> Response:
        body = await request.json()
        if len(body["body"]) > _MOST_BODY:
            return _error(400, "The entered text is too long.")
        self._one(request).comments.append({"body": body["body"], "public": body["public"]})
        return JSONResponse({"id": "1000", **body}, 201)

    async def _files(self, request: Request) -> Response:
        return _page(request, [{"filename": name} for name, _ in self._one(request).files])

    async def _upload(self, request: Request) -> Response:
        if request.headers.get("x-atlassian-token") != "no-check":
            return _error(403, "XSRF check failed")
        head = b"Content-Type: " + request.headers["content-type"].encode() + b"\r\n\r\n"
        parts = message_from_bytes(head + await request.body()).get_payload()
        assert isinstance(parts, list)
        (part,) = parts
        assert not isinstance(part, str)
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        assert part.get_param("name", header="content-disposition") == "file"
        made = f"temp{len(self.temporary)}"
        self.temporary[made] = str(part.get_filename()), content
        answer = {"temporaryAttachmentId": made, "fileName": part.get_filename()}
        return JSONResponse({"temporaryAttachments": [answer]}, 201)

    async def _attach(self, request: Request) -> Response:
        body = await request.json()
        one = self._one(request)
        one.files += [self.temporary.pop(each) for each in body["temporaryAttachmentIds"]]
        one.comments.append({"body": body["additionalComment"]["body"], "public": body["public"]})
        return JSONResponse({}, 201)

    async def _transitions(self, request: Request) -> Response:
        del request
        ways = [{"id": str(n), "name": f"To {w}", "to": {"name": w}} for n, w in self._numbered()]
        return JSONResponse({"transitions": ways})

    async def _transition(self, request: Request) -> Response:
        wanted = (await request.json())["transition"]["id"]
        self._one(request).status = dict(self._numbered())[int(wanted)]
        return Response(status_code=204)

    def _numbered(self) -> list[tuple[int, str]]:
        return list(enumerate(self.ways, start=11))

    def _one(self, request: Request) -> JiraRequest:
        return self.requests[request.path_params["key"]]


def _listed(one: JiraRequest) -> dict[str, Any]:
    values = [{"fieldId": name, "value": value} for name, value in one.values.items()]
    return {"issueId": "10001", "issueKey": one.key, "requestFieldValues": values}


def _page(request: Request, values: list[Any]) -> Response:
    start, limit = (int(request.query_params[name]) for name in ("start", "limit"))
    page = values[start : start + limit]
    last = start + limit >= len(values)
    return JSONResponse({"start": start, "size": len(page), "isLastPage": last, "values": page})


def _error(status: int, message: str) -> Response:
    return JSONResponse({"errorMessage": message, "i18nErrorMessage": {}}, status)
