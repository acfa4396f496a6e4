"""A stack whose people live in Slack: people, policies, channels and tickets, for short waits."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from firebreak.cyber_range.certificates import Authority
from firebreak.domain.device import Device
from integrations.chat.slack.card import APPROVE
from tests.documented.service import Service, serving
from tests.e2e.journey import Json, eve, post, scan_by
from tests.e2e.stack import RangeShape, Stack, playbook_setting
from tests.peers import slack_requests
from tests.peers.rt import FIELD, QUEUE, RtPeer
from tests.peers.slack import ADMIN, BOT, SIGNING, SlackFront, fronted
from tests.peers.slack_requests import FromSlack, form, sign
from tests.ports import free_port
from tests.unit.chat.stories import words
from tests.unit.dispatch.receivers import SECRET

TECHNIQUE = "T1021"
LONGEST_S = 90  # on a busy machine; everything is over in a few seconds

_PLAYBOOK = """\
playbook: contain
version: 1
summary: Contain a device that logs in where it should not, and leave it to people from there
triggers:
  - when: alert.technique == 'T1021'
steps:
  - id: contain
    do: network.quarantine
    ladder: [switch]
    hold: 1h
    on_failure:
      - id: not_contained
        do: incident.note
        with: {text: "{{ device.id }} is NOT contained: {{ steps.contain.outcome }}"}
"""

# Cameras take two people. Gateways take one. Sensors take one, who is soon reminded and replaced.
_POLICY = """\
@id("look")
@summary("looking and noting change nothing")
permit (principal, action in [Action::"observe", Action::"incident.note"], resource);

@id("two")
@summary("cameras watch the gates; two people on call agree first")
@approve("2 on-call within 10m")
permit (principal, action == Action::"network.quarantine", resource in Class::"ip-camera");

@id("one")
@summary("the yard talks through it; the on-call agrees first")
@approve("1 on-call within 10m")
permit (principal, action == Action::"network.quarantine", resource in Class::"gateway");

@id("soon")
@summary("somebody should look first")
@approve("1 on-call within 16s")
@escalate("soc-lead after 4s")
@remind("10s")
permit (principal, action == Action::"network.quarantine", resource in Class::"sensor");

@id("back")
@summary("people on call give back")
permit (principal is Person, action == Action::"network.release", resource)
when { principal in Role::"on-call" };
"""

_PEOPLE = """\
people:
  - {id: ana, accounts: {token: [grace], slack: [@ana@]}, roles: [on-call]}
  - {id: ben, emails: [ben@example.com], roles: [on-call]}
  - {id: eve, emails: [eve@example.com], roles: [soc-lead]}
  - {id: ada, roles: [analyst]}
  - {id: dora, accounts: {token: [edith]}}
"""

_CHANNELS = """\
channels:
  chat:
    kind: slack
    mode: http
    bot_token: @bot@
    signing_secret: @signing@
    channel: @channel@
    base_url: http://127.0.0.1:@slack_port@/api/
    instead: hook
    instead_after: 2s
  hook:
    kind: webhook
    standby: true
    url: https://127.0.0.1:@hook_port@/firebreak
    ca_file: @ca@
    secret: @hook@
  tickets:
    kind: rt
    url: @rt@
    token: @rt_token@
    queue: @queue@
    custom_field: @field@
"""


@dataclass
class Town:
    """The stack, and where its people are told."""

    stack: Stack
    emulator: str
    channel: str
    slack_port: int
    hook_port: int

    @contextlib.asynccontextmanager
    async def slack(self) -> AsyncIterator[SlackFront]:
        """Slack is there, until the block ends."""
        async with fronted(self.emulator, self.slack_port, self.channel) as front:
            yield front

    @contextlib.asynccontextmanager
    async def hook(self, app: Starlette) -> AsyncIterator[None]:
        """The webhook's receiver is there, until the block ends."""
        folder = self.stack.root / "hook"
        async with serving(Service(app, folder, (400, {}), port=self.hook_port)):
            yield

    async def alarm(self, device: Device) -> str:
        """A detector saw the device log in somewhere; the incident that begins."""
        async with self.stack.api("suricata") as detector:
            taken = await post(detector, eve([scan_by(device, TECHNIQUE)]))
        return str(taken["alerts"][0]["incident"])

    async def cli(self, who: str, *words: str) -> str:
        """Run a command as somebody; what it printed. It must succeed."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("FIREBREAK_")}
        ours = {"FIREBREAK_URL": self.stack.url, "FIREBREAK_TOKEN": self.stack.tokens[who]}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "firebreak.cli", *words),
            stdout=pipe,
            stderr=asyncio.subprocess.STDOUT,
            env={**kept, **ours},
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        return said.decode()


class Thread:
    """An incident as somebody in Slack sees it."""

    def __init__(self, slack: SlackFront, incident: str) -> None:
        self.slack = slack
        self.incident = incident

    async def messages(self) -> list[Json]:
        """Its root and what follows, oldest first."""
        found = await self.slack.messages()
        roots = [one for one in found if _is_root(one) and self.incident in words(one["blocks"])]
        return [one for one in found if one.get("thread_ts", one["ts"]) in {r["ts"] for r in roots}]

    async def roots(self) -> list[str]:
        """What the roots say; there should be one."""
        return [words(one["blocks"]) for one in await self.messages() if _is_root(one)]

    async def cards(self) -> list[str]:
        """What the cards say."""
        said = [one for one in await self.messages() if not _is_root(one)]
        ends = f"{self.incident}.1"  # the small print of a card begins with its id
        return [words(m["blocks"]) for m in said if words(m["blocks"][-1]).startswith(ends)]

    async def said(self) -> str:
        """All of it."""
        return "\n".join(f"{one['text']}\n{words(one['blocks'])}" for one in await self.messages())

    async def button(self, action: str = APPROVE) -> str:
        """What a button of the open card carries; "" when there is no open card."""
        for message in await self.messages():
            for block in message["blocks"]:
                for element in block.get("elements", ()):
                    if element.get("action_id") == action:
                        return str(element["value"])
        return ""

    async def open_card(self) -> str:
        """The open card's button, once it is there."""
        await until(self.button, "an open card")
        return await self.button()


@dataclass
class Hands:
    """What a person does in Slack: signed, as Slack sends it, to the server."""

    town: Town
    slack: SlackFront

    def __post_init__(self) -> None:
        self._of = FromSlack(self.slack)

    async def approve(self, user: str, value: str) -> str:
        """Press Approve; what comes back to that person alone."""
        before = len(self.slack.answers)
        click = self._of.click(await self.slack.user(user), APPROVE, value)
        async with httpx.AsyncClient(base_url=self.town.stack.url, trust_env=False) as client:
            answer = await slack_requests.post(client, sign(form(click)))
        assert answer.status_code == 200, answer.text

        async def answered() -> bool:
            return len(self.slack.answers) > before

        await until(answered, "an answer to the click")
        return words(self.slack.answers[-1]["blocks"])


async def until(true: Callable[[], Awaitable[Any]], what: str) -> None:
    """Wait for something real to be so."""
    try:
        async with asyncio.timeout(LONGEST_S):
            while not await true():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not within {LONGEST_S} s: {what}") from None


def build(root: Path, emulator: str, rt: RtPeer) -> Town:
    """A town that is not started yet."""
    slack_port, hook_port = free_port(), free_port()
    channel = _ask(emulator, "conversations.create", name=f"t{slack_port}")["channel"]["id"]
    members = _ask(emulator, "users.list")["members"]
    ana = next(one["id"] for one in members if one["name"] == "ana")
    values = {
        "ana": ana,
        "channel": channel,
        "slack_port": slack_port,
        "hook_port": hook_port,
        "rt": rt.url,
        "queue": QUEUE,
        "field": FIELD,
        "ca": Authority(root / "hook" / "trusted", "trusted").ca_file,
        "bot": _secret(root, "bot", BOT),
        "signing": _secret(root, "signing", SIGNING),
        "hook": _secret(root, "hook-key", SECRET),
        "rt_token": _secret(root, "rt", rt.token),
    }
    playbooks = root / "playbooks"
    playbooks.mkdir()
    (playbooks / "contain.yaml").write_text(_PLAYBOOK)
    settings = {
        **playbook_setting(playbooks),
        "PEOPLE_FILE": _file(root / "people.yaml", _PEOPLE, values),
        "POLICY_FILE": _file(root / "town.cedar", _POLICY, {}),
        "CHANNELS_FILE": _file(root / "channels.yaml", _CHANNELS, values),
    }
    stack = Stack(root, site=RangeShape(devices=40), settings=settings)
    return Town(stack, emulator, channel, slack_port, hook_port)


def _file(path: Path, text: str, values: dict[str, Any]) -> str:
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    path.write_text(text)
    return str(path)


def _secret(root: Path, name: str, value: str) -> str:
    file = root / f"{name}.secret"
    file.touch(mode=0o600)
    file.write_text(value)
    return f"file:{file}"


def _ask(emulator: str, method: str, **args: str) -> Json:
    headers = {"Authorization": f"Bearer {ADMIN}"}
    answer = httpx.post(f"{emulator}/api/{method}", json=args, headers=headers, trust_env=False)
    found: Json = answer.json()
    assert found["ok"], found
    return found


def _is_root(message: Json) -> bool:
    return bool(message.get("thread_ts", message["ts"]) == message["ts"])
