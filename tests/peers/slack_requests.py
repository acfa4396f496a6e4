"""What Slack sends an app, signed as Slack signs it; shapes from docs.slack.dev/reference."""

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx

from integrations.chat.slack.http import PATH
from tests.peers.slack import SIGNING, TEAM, SlackFront


@dataclass(frozen=True)
class Signed:
    """A request's body and headers."""

    body: bytes
    headers: dict[str, str]


def sign(form: dict[str, str], *, at: float | None = None, secret: str = SIGNING) -> Signed:
    """``v0=HMAC-SHA256(secret, "v0:timestamp:body")``."""
    body = urlencode(form).encode()
    stamp = str(int(time.time() if at is None else at))
    mac = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256)
    return Signed(
        body,
        {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={mac.hexdigest()}",
        },
    )


@dataclass
class FromSlack:
    """Makes requests in the name of Slack users, for either transport."""

    slack: SlackFront
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def trigger(self) -> str:
        """A new one each time, as Slack does: no two requests are alike."""
        return f"{next(self.numbers)}.2.3"

    def command(self, user: str, text: str, *, team: str = TEAM, **more: str) -> dict[str, str]:
        """A slash command's form."""
        return {
            "token": "legacy",
            "team_id": team,
            "team_domain": "example",
            "channel_id": self.slack.channel,
            "channel_name": "incidents",
            "user_id": user,
            "user_name": "shown-name",
            "command": "/firebreak",
            "text": text,
            "api_app_id": "A0FIREBREAK",
            "response_url": self.slack.response_url(),
            "trigger_id": self.trigger(),
            **more,
        }

    def click(
        self, user: str, action: str, value: str, *, team: str = TEAM, home: str = "", **more: Any
    ) -> dict[str, Any]:
        """A ``block_actions`` payload. ``home``: the team of the user, when another."""
        return {
            "type": "block_actions",
            "user": {"id": user, "username": "shown-name", "team_id": home or team},
            "api_app_id": "A0FIREBREAK",
            "container": {"type": "message", "channel_id": self.slack.channel},
            "trigger_id": self.trigger(),
            "team": {"id": team, "domain": "example"},
            "channel": {"id": self.slack.channel, "name": "incidents"},
            "response_url": self.slack.response_url(),
            "actions": [
                {
                    "type": "button",
                    "action_id": action,
                    "block_id": "firebreak_approval",
                    "value": value,
                    "action_ts": "1.2",
                }
            ],
            **more,
        }

    def submit(self, user: str, view: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        """A ``view_submission`` of a modal that was opened."""
        return {
            "type": "view_submission",
            "team": {"id": TEAM, "domain": "example"},
            "user": {"id": user, "username": "shown-name", "team_id": TEAM},
            "api_app_id": "A0FIREBREAK",
            "trigger_id": self.trigger(),
            "view": {**view, "id": "V1", "state": {"values": values}},
            "response_urls": [],
        }

    def typing(self, user: str, text: str) -> dict[str, Any]:
        """A ``block_suggestion`` payload."""
        return {
            "type": "block_suggestion",
            "team": {"id": TEAM, "domain": "example"},
            "user": {"id": user, "name": "shown-name", "team_id": TEAM},
            "api_app_id": "A0FIREBREAK",
            "action_id": "firebreak_device",
            "block_id": "firebreak_device",
            "value": text,
            "container": {"type": "view", "view_id": "V1"},
            "view": {"id": "V1", "type": "modal", "callback_id": "firebreak_isolate"},
        }


def form(payload: dict[str, Any]) -> dict[str, str]:
    """An interaction as it is posted."""
    return {"payload": json.dumps(payload)}


async def post(client: httpx.AsyncClient, signed: Signed) -> httpx.Response:
    """Send it."""
    return await client.post(PATH, content=signed.body, headers=signed.headers)
