"""The change requests of a ServiceNow instance, with the state model of an emergency change."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_TABLE = "/api/now/table/change_request"
_LENGTHS = {"short_description": 160, "correlation_id": 100, "parent": 32, "type": 40}
_LONG = 4000
_CONDITION = re.compile(r"(\w+)=([^^]*)")
_CANCELED = "4"
# New, Authorize, Scheduled, Implement, Review, Closed; from Review on nothing is canceled.
_NEXT = {
    "-5": ("-3", _CANCELED),
    "-3": ("-2", _CANCELED),
    "-2": ("-1", _CANCELED),
    "-1": ("0", _CANCELED),
    "0": ("3",),
}
_CLOSE_CODES = {"successful", "successful_issues", "unsuccessful"}


@dataclass
class Changes:
    """The table. ``journal``: work notes by record; ``went``: each state that a record had."""

    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    records: dict[str, dict[str, str]] = field(default_factory=dict)
    journal: dict[str, list[str]] = field(default_factory=dict)
    went: dict[str, list[str]] = field(default_factory=dict)
    every_condition: bool = False  # is left out, as one of a field that is not there
    deaf: bool = False  # answers 200, takes the note, and leaves the state as it was

    def routes(self, guarded: Callable[[Any], Any]) -> list[Route]:
        """The API, behind the instance's own authentication."""
        return [
            Route(_TABLE, guarded(self._list)),
            Route(_TABLE, guarded(self._create), methods=["POST"]),
            Route(f"{_TABLE}/{{id}}", guarded(self._show)),
            Route(f"{_TABLE}/{{id}}", guarded(self._patch), methods=["PATCH"]),
        ]

    def set_state(self, sys_id: str, state: str) -> None:
        """As a person does on the form."""
        self.records[sys_id]["state"] = state
        self.went[sys_id].append(state)

    async def _list(self, request: Request) -> Response:
        wanted = dict(_CONDITION.findall(request.query_params["sysparm_query"]))
        records = self.records.values()
        hits = [each for each in records if self.every_condition or wanted.items() <= each.items()]
        return JSONResponse({"result": hits[: int(request.query_params["sysparm_limit"])]})

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        sys_id = f"c{next(self.numbers):031x}"
        cut = {name: value[: _LENGTHS.get(name, _LONG)] for name, value in body.items()}
        self.records[sys_id] = {"sys_id": sys_id, "state": "-5", **cut}
        self.journal[sys_id], self.went[sys_id] = [], ["-5"]
        return JSONResponse({"result": self.records[sys_id]}, 201)

    async def _show(self, request: Request) -> Response:
        return shown(request, self.records, self.journal)

    async def _patch(self, request: Request) -> Response:
        sys_id, body = request.path_params["id"], await request.json()
        record, state = self.records[sys_id], body.pop("state", None)
        if state is not None and state not in _NEXT.get(record["state"], ()):
            return _refused("Invalid update: the state model has no such transition")
        if state is not None and not record.get("assignment_group"):
            return _refused("Data Policy Exception: Assignment group is mandatory")
        if state == "3" and not (
            body.get("close_code") in _CLOSE_CODES and body.get("close_notes")
        ):
            return _refused("Data Policy Exception: Close code, Close notes are mandatory")
        note = body.pop("work_notes", None)
        if note is not None:
            self.journal[sys_id].append(note[:_LONG])
        if state is not None and not self.deaf:
            self.set_state(sys_id, state)
        record |= body
        return JSONResponse({"result": record})


def _refused(detail: str) -> Response:
    error = {"message": "Operation Failed", "detail": detail}
    return JSONResponse({"error": error, "status": "failure"}, 403)


def shown(
    request: Request, records: dict[str, dict[str, str]], journal: dict[str, list[str]]
) -> Response:
    """The record that the path names; with its work notes, if values are to be displayed."""
    sys_id = request.path_params["id"]
    notes = ""
    if request.query_params.get("sysparm_display_value") == "true":
        head = "2026-01-05 10:00:00 - Firebreak (Work notes)"
        notes = "".join(f"{head}\n{text}\n\n" for text in reversed(journal[sys_id]))
    return JSONResponse({"result": {**records[sys_id], "work_notes": notes}})
