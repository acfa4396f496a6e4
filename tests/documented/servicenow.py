"""A ServiceNow instance, in the shapes of its Table API and Attachment API."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.documented.servicenow_changes import Changes, shown

USERNAME, PASSWORD = "firebreak", "correct-horse-23"
_SHORT, _LONG = 160, 4000
_STATES = {"1", "2", "3", "6", "7", "8"}
_CONDITION = re.compile(r"(\w+)=([^^]*)")


@dataclass
class ServiceNowInstance:
    """The instance. ``journal``: work notes by record; ``files``: by record, in order."""

    authorization: str
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    records: dict[str, dict[str, str]] = field(default_factory=dict)
    journal: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, list[tuple[str, bytes]]] = field(default_factory=dict)
    changes: Changes = field(default_factory=Changes)

    @property
    def app(self) -> Starlette:
        """The API."""
        table, files = "/api/now/table/incident", "/api/now/attachment"
        routes = [
            Route(table, self._guarded(self._list)),
            Route(table, self._guarded(self._create), methods=["POST"]),
            Route(f"{table}/{{id}}", self._guarded(self._show)),
            Route(f"{table}/{{id}}", self._guarded(self._patch), methods=["PATCH"]),
            Route(files, self._guarded(self._list_files)),
            Route(f"{files}/file", self._guarded(self._attach), methods=["POST"]),
            *self.changes.routes(self._guarded),
        ]
        return Starlette(routes=routes)

    def add(self, **values: str) -> str:
        """A new record's sys_id."""
        made = next(self.numbers)
        sys_id, number = f"{made:032x}", f"INC{made:07d}"
        self.records[sys_id] = {"sys_id": sys_id, "number": number, "state": "1", **values}
        self.journal[sys_id], self.files[sys_id] = [], []
        return sys_id

    def _guarded(self, handler: Any) -> Any:
        async def endpoint(request: Request) -> Response:
            if request.headers.get("authorization") != self.authorization:
                return _failure(401, "User Not Authenticated", "Required to provide Auth")
            sys_id = request.path_params.get("id")
            if sys_id is not None and sys_id not in {**self.records, **self.changes.records}:
                return _failure(404, "No Record found", "Record doesn't exist or ACL restricts")
            answer: Response = await handler(request)
            return answer

        return endpoint

    async def _list(self, request: Request) -> Response:
        wanted = dict(_CONDITION.findall(request.query_params["sysparm_query"]))
        hits = [r for r in self.records.values() if wanted.items() <= r.items()]
        return JSONResponse({"result": hits[: int(request.query_params["sysparm_limit"])]})

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        body["short_description"] = body["short_description"][:_SHORT]
        body["description"] = body["description"][:_LONG]
        sys_id = self.add(**body)
        return JSONResponse({"result": self.records[sys_id]}, 201)

    async def _show(self, request: Request) -> Response:
        return shown(request, self.records, self.journal)

    async def _patch(self, request: Request) -> Response:
        sys_id, body = request.path_params["id"], await request.json()
        state = body.get("state")
        if state is not None and state not in _STATES:
            return JSONResponse({"result": self.records[sys_id]})  # left as it was
        if state == "6" and not (body.get("close_code") and body.get("close_notes")):
            why = "Data Policy Exception: Resolution code, Resolution notes are mandatory"
            return _failure(403, "Operation Failed", why)
        note = body.pop("work_notes", None)
        if note is not None:
            self.journal[sys_id].append(note[:_LONG])
        self.records[sys_id] |= body
        return JSONResponse({"result": self.records[sys_id]})

    async def _list_files(self, request: Request) -> Response:
        wanted = dict(_CONDITION.findall(request.query_params["sysparm_query"]))
        kept = self.files.get(wanted["table_sys_id"], [])
        names = [{"file_name": name} for name, _ in kept if name == wanted["file_name"]]
        return JSONResponse({"result": names[:1]})

    async def _attach(self, request: Request) -> Response:
        asked = request.query_params
        if asked["table_name"] != "incident" or asked["table_sys_id"] not in self.records:
            return _failure(404, "No Record found", "Invalid table or sys_id")
        self.files[asked["table_sys_id"]].append((asked["file_name"], await request.body()))
        return JSONResponse({"result": {"file_name": asked["file_name"]}}, 201)


def _failure(status: int, message: str, detail: str) -> Response:
    error = {"message": message, "detail": detail}
    return JSONResponse({"error": error, "status": "failure"}, status)
