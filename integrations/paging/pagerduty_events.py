"""PagerDuty's Events API v2: a page when people must answer, resolved when they need not any more.

Source: PagerDuty, "Send an Alert Event" (Events API v2). Held against a server written from that
page, never against PagerDuty itself.
"""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpx
from pydantic import Field

from firebreak.contracts.channels import ChannelTools
from firebreak.contracts.people import Channel, Keep, News, Story, Weight
from firebreak.domain.base import JsonObject, SecretRef
from firebreak.domain.estate import HttpApi
from firebreak.errors import OutcomeUnknown, Rejected, Unreachable
from integrations.network.rest import Answer, Rest, Window
from integrations.paging.pages import Page, pages

MOST_SUMMARY = 1024  # characters, by PagerDuty's documentation
MOST_SOURCE = 255
MOST_LINES = 40

_ENQUEUE = "/v2/enqueue"
# Refusals whose reason could quote the event, and with it the routing key.
_REFUSALS = frozenset(range(400, 500)) - {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.TOO_MANY_REQUESTS,
}


class PagerDutyConfig(HttpApi):
    """``routing_key``: the reference to the integration key of a service."""

    url: str = Field(default="https://events.pagerduty.com", pattern=r"^https://[^\s/@]+$")
    routing_key: SecretRef


class PagerDuty:
    """Triggers, acknowledges and resolves pages. Repeats are harmless: each has its ``dedup_key``.

    Known: ``opened``, the pages that are not resolved, each with its last event.
    """

    def __init__(self, name: str, config: PagerDutyConfig, tools: ChannelTools) -> None:
        """Raises DefinitionError when ``ca_file`` holds no certificate."""
        self._tools = tools
        self._config = config
        self._rest = Rest(f"PagerDuty ({name})", config, httpx.Auth())

    async def tell(self, story: Story, known: JsonObject, keep: Keep) -> JsonObject:
        """See Channel."""
        found = known.get("opened")
        opened = dict(found) if isinstance(found, dict) else {}
        for page in tuple(pages(story, opened)):
            await self._send(page, story)
            if page.action == "resolve":
                opened.pop(page.key, None)
            else:
                opened[page.key] = page.action
            await keep({"opened": dict(opened)})
        # Said even when nothing is open: a channel that knows something has begun.
        return {"opened": opened}

    async def _send(self, page: Page, story: Story) -> None:
        key = self._tools.secret(self._config.routing_key)
        event: JsonObject = {
            "routing_key": key,
            "event_action": page.action,
            "dedup_key": page.key,
        }
        if page.action == "trigger":
            (news,) = (each for each in story.news if each.entry.seq == page.seq)
            event |= self._details(news, story)
        send_by = datetime.now(UTC) + timedelta(seconds=self._config.timeout_s)
        window = Window.of(self._config.timeout_s, send_by)
        try:
            answer = await self._rest.write("POST", _ENQUEUE, window, json=event, accept=_REFUSALS)
        except OutcomeUnknown as error:
            raise Unreachable(str(error)) from error  # a repeat is known by its dedup_key
        if answer.status in _REFUSALS:
            raise _refused(answer, key)

    def _details(self, news: News, story: Story) -> dict[str, Any]:
        facts = self._tools.facts(Story(**{**vars(story), "news": (news,)}))
        incident = story.incident
        details: dict[str, Any] = {
            "incident": facts["incident"],
            "said": news.text.split("\n")[:MOST_LINES],
            "approvals": facts["approvals"],
        }
        payload = {
            "summary": self._tools.render("pagerduty/summary.j2", facts)[:MOST_SUMMARY],
            "source": (incident.device if incident else "firebreak")[:MOST_SOURCE],
            "severity": "critical" if news.weight is Weight.ALARM else "error",
            "timestamp": news.entry.at.astimezone(UTC).isoformat(),
            "class": news.entry.kind.value,
            "custom_details": details,
        }
        links = [{"href": facts["link"], "text": "The record"}] if facts["link"] else []
        return {"payload": payload, "links": links, "client": "Firebreak"}

    async def close(self) -> None:
        """See Channel."""
        await self._rest.close()


def build(name: str, config: JsonObject, tools: ChannelTools) -> Channel:
    """The channel of kind ``pagerduty``. Raises ValidationError, DefinitionError."""
    return PagerDuty(name, PagerDutyConfig.model_validate(config), tools)


def _refused(answer: Answer, key: str) -> Rejected:
    why = answer.reason.replace(key, "[routing key]")
    return Rejected(f"{answer.system} answered {answer.status}: {why}")
