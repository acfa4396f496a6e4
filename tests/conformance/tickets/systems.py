"""The ticket systems of the suite: a real Request Tracker, and two in their documented shape."""

from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from firebreak.domain.base import JsonObject
from tests.conformance.tickets.bench import Bench, Ticket, closing
from tests.documented import jira_sm, servicenow
from tests.documented.jira_sm import JiraSite
from tests.documented.service import Service, serving
from tests.documented.servicenow import ServiceNowInstance
from tests.peers.rt import FIELD, QUEUE, RtPeer

Refusal = tuple[int, JsonObject]

_PHASES = ("open", "waiting", "contained", "failed", "resolved", "by hand")
_RT = dict(zip(_PHASES, ("open", "stalled", "open", "open", "resolved", "rejected"), strict=True))
_NOW = dict(zip(_PHASES, ("2", "2", "2", "2", "6", "7"), strict=True))
_AT_WORK, _DONE = ("In Progress", "Pending", "In Progress", "In Progress"), ("Resolved", "Closed")
_JIRA = dict(zip(_PHASES, (*_AT_WORK, *_DONE), strict=True))
_PASSED_ON = ("authorization", "content-type", "if-match", "accept")


@dataclass
class RequestTrackerSystem:
    """RT as its administrator sees it."""

    admin: httpx.AsyncClient
    statuses: Mapping[str, str] = field(default_factory=lambda: _RT)

    async def tickets(self, incident: str) -> list[Ticket]:
        query = {"query": f"Subject LIKE '{incident}'", "fields": "Subject,Status"}
        found = (await self._get("/tickets", orderby="id", **query))["items"]
        return [await self._ticket(each) for each in found]

    async def open_by_hand(self, title: str) -> str:
        made = {"Queue": QUEUE, "Subject": title, "Content": "by hand"}
        answer = await self.admin.post("/ticket", json=made)
        return str(answer.raise_for_status().json()["id"])

    async def close_by_hand(self, ticket: str) -> None:
        await self._put(ticket, Status=self.statuses["by hand"])

    async def delete(self, ticket: str) -> None:
        (await self.admin.delete(f"/ticket/{ticket}")).raise_for_status()

    async def merge(self, ticket: str, into: str) -> None:
        await self._put(ticket, MergeInto=into)

    async def _ticket(self, found: dict[str, Any]) -> Ticket:
        fields = "Content,Filename,ContentType,TransactionId"
        path = f"/ticket/{found['id']}/attachments"
        answer = await self._get(path, fields=fields, orderby="id", per_page="100")
        plain = [each for each in answer["items"] if each["ContentType"] == "text/plain"]
        texts = [each["Content"].replace("\r\n", "\n") for each in plain]
        files = [each for each in answer["items"] if each["Filename"]]
        contents = {each["Filename"]: each["Content"].encode() for each in files}
        names = tuple(each["Filename"] for each in files)
        one, title = str(found["id"]), found["Subject"]
        return Ticket(one, title, texts[0], found["Status"], tuple(texts[1:]), contents, names)

    async def _get(self, path: str, **params: str) -> dict[str, Any]:
        answer = await self.admin.get(path, params=params)
        body: dict[str, Any] = answer.raise_for_status().json()
        return body

    async def _put(self, ticket: str, **changes: str) -> None:
        (await self.admin.put(f"/ticket/{ticket}", json=changes)).raise_for_status()


@dataclass
class ServiceNowSystem:
    """The instance's own tables."""

    instance: ServiceNowInstance
    statuses: Mapping[str, str] = field(default_factory=lambda: _NOW)

    async def tickets(self, incident: str) -> list[Ticket]:
        records = self.instance.records.values()
        found = [each for each in records if incident in each["short_description"]]
        return [self._ticket(each) for each in found]

    async def open_by_hand(self, title: str) -> str:
        return self.instance.add(short_description=title, description="by hand")

    async def close_by_hand(self, ticket: str) -> None:
        self.instance.records[ticket]["state"] = self.statuses["by hand"]

    async def delete(self, ticket: str) -> None:
        del self.instance.records[ticket]

    def _ticket(self, record: dict[str, str]) -> Ticket:
        one = record["sys_id"]
        files = self.instance.files[one]
        text, state = record["description"], record["state"]
        notes, names = tuple(self.instance.journal[one]), tuple(name for name, _ in files)
        return Ticket(one, record["short_description"], text, state, notes, dict(files), names)


@dataclass
class JiraSystem:
    """The site's own requests."""

    site: JiraSite
    statuses: Mapping[str, str] = field(default_factory=lambda: _JIRA)

    async def tickets(self, incident: str) -> list[Ticket]:
        requests = self.site.requests.values()
        found = [each for each in requests if incident in each.values["summary"]]
        return [
            Ticket(
                each.key,
                each.values["summary"],
                each.values["description"],
                each.status,
                tuple(comment["body"] for comment in each.comments),
                dict(each.files),
                tuple(name for name, _ in each.files),
            )
            for each in found
        ]

    async def open_by_hand(self, title: str) -> str:
        return self.site.add(ours=False, summary=title, description="by hand").key

    async def close_by_hand(self, ticket: str) -> None:
        self.site.requests[ticket].status = self.statuses["by hand"]

    async def delete(self, ticket: str) -> None:
        del self.site.requests[ticket]


@asynccontextmanager
async def rt_bench(folder: Path, rt: RtPeer) -> AsyncIterator[Bench]:
    """The real RT, behind a front with TLS as in a deployment."""
    refusal: Refusal = (400, {"message": "Permission Denied"})
    async with (
        httpx.AsyncClient(base_url=rt.url, timeout=20, trust_env=False) as behind,
        rt.admin() as admin,
        serving(Service(_passing_on(behind), folder / "front", refusal)) as service,
    ):
        known = {"token": _secret(folder, rt.token), "queue": QUEUE, "custom_field": FIELD}
        config: JsonObject = {**known, "ca_file": service.ca_file}
        async with closing(Bench("rt", config, service, RequestTrackerSystem(admin))) as bench:
            yield bench


@asynccontextmanager
async def servicenow_bench(folder: Path) -> AsyncIterator[Bench]:
    """A ServiceNow in its documented shape."""
    instance = ServiceNowInstance(_basic(servicenow.USERNAME, servicenow.PASSWORD))
    refusal: Refusal = (403, {"error": {"message": "Operation Failed"}, "status": "failure"})
    async with serving(Service(instance.app, folder / "front", refusal)) as service:
        password = _secret(folder, servicenow.PASSWORD)
        config: JsonObject = {"username": servicenow.USERNAME, "password": password}
        config["ca_file"] = service.ca_file
        system = ServiceNowSystem(instance)
        async with closing(Bench("servicenow", config, service, system)) as bench:
            yield bench


@asynccontextmanager
async def jira_bench(folder: Path) -> AsyncIterator[Bench]:
    """A Jira service desk in its documented shape."""
    site = JiraSite(_basic(jira_sm.EMAIL, jira_sm.TOKEN))
    refusal: Refusal = (400, {"errorMessage": "no"})
    async with serving(Service(site.app, folder / "front", refusal)) as service:
        known = {"email": jira_sm.EMAIL, "token": _secret(folder, jira_sm.TOKEN)}
        where = {"service_desk": jira_sm.DESK, "request_type": jira_sm.REQUEST_TYPE}
        config: JsonObject = {**known, **where, "ca_file": service.ca_file}
        async with closing(Bench("jira-sm", config, service, JiraSystem(site))) as bench:
            yield bench


def _secret(folder: Path, text: str) -> str:
    file = folder / "secret"
    file.touch(mode=0o600)
    file.write_text(text)
    return f"file:{file}"


def _basic(username: str, password: str) -> str:
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


def _passing_on(behind: httpx.AsyncClient) -> Starlette:
    async def pass_on(request: Request) -> Response:
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        url = httpx.URL(path=request.url.path, query=request.url.query.encode())
        answer = await behind.request(
            request.method, url, headers=headers, content=await request.body()
        )
        back = {name: answer.headers[name] for name in ("etag",) if name in answer.headers}
        return Response(answer.content, answer.status_code, back)

    methods = ["GET", "POST", "PUT"]
    return Starlette(routes=[Route("/{rest:path}", pass_on, methods=methods)])
