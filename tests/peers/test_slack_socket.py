"""Socket Mode against Slack's end of it: envelopes, refreshes, breaks, and no way in."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from firebreak.domain.people import Person
from integrations.chat.slack.api import SlackApi
from integrations.chat.slack.card import APPROVE, Ref
from integrations.chat.slack.desk import SlackDesk
from integrations.chat.slack.socket import SlackSocket
from tests.peers.slack import SlackFront, Trouble
from tests.peers.slack_requests import FromSlack
from tests.peers.test_slack_channel import config
from tests.unit.chat.fake_desk import FakeDesk
from tests.unit.chat.stories import People, approval, words

pytestmark = pytest.mark.peer("slack")


class Linked:
    """A desk on Socket Mode."""

    def __init__(self, slack: SlackFront, desk: FakeDesk, ana: str) -> None:
        self.slack = slack
        self.desk = desk
        self.ana = ana
        self.of = FromSlack(slack)

    async def said(self, count: int = 1) -> str:
        """What came back to a person, once there are so many answers."""
        async with asyncio.timeout(10):
            while len(self.slack.answers) < count:
                await asyncio.sleep(0.01)
        return words(self.slack.answers[count - 1]["blocks"])


@contextlib.asynccontextmanager
async def linked(slack: SlackFront, **times: float) -> AsyncIterator[Linked]:
    ana = await slack.user("ana")
    people = People(Person(id="ana", accounts={"slack": (ana,)}, roles=frozenset({"soc-lead"})))
    api, desk = SlackApi(config(slack)), FakeDesk(approval())
    bound = SlackDesk(api, desk, people)
    paces: dict[str, Any] = {"ping_s": 0.1, "patience_s": 1.0, **times}
    served = asyncio.create_task(
        SlackSocket(bound.app, api, "env:SLACK_TEST_APP", api.log, **paces).run()
    )
    try:
        yield Linked(slack, desk, ana)
    finally:
        served.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await served
        await bound.close()
        await api.close()


@pytest.fixture
async def link(slack: SlackFront) -> AsyncIterator[Linked]:
    async with linked(slack) as link:
        await slack.lines.connected()
        yield link


async def test_a_command_is_acknowledged_and_answered(link: Linked) -> None:
    sent = await link.slack.lines.send(
        "slash_commands", link.of.command(link.ana, "isolate cam-12 why not")
    )
    _, ack = await link.slack.lines.acknowledged(sent)
    assert ack == {"envelope_id": sent}
    assert "isolate runs for cam-12" in await link.said()


async def test_a_click_is_a_vote(link: Linked) -> None:
    value = Ref(approval().id, approval().plan_hash).text()
    click = link.of.click(link.ana, APPROVE, value)
    await link.slack.lines.acknowledged(await link.slack.lines.send("interactive", click))
    assert "You agreed" in await link.said()


async def test_devices_come_with_the_acknowledgment(link: Linked) -> None:
    typing = link.of.typing(link.ana, "cam-29")
    _, ack = await link.slack.lines.acknowledged(await link.slack.lines.send("interactive", typing))
    assert [one["value"] for one in ack["payload"]["options"]][:2] == ["cam-29", "cam-290"]


async def test_a_desk_that_hangs_does_not_hold_up_the_acknowledgment(link: Linked) -> None:
    link.desk.stuck = asyncio.Event()
    sent = time.monotonic()
    commands = [link.of.command(link.ana, f"isolate cam-{n} why not") for n in range(5)]
    envelopes = [await link.slack.lines.send("slash_commands", one) for one in commands]
    for envelope in envelopes:
        at, _ = await link.slack.lines.acknowledged(envelope)
        assert at - sent < 3
    link.desk.stuck.set()
    assert "runs for" in await link.said(5)


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_it_moves_to_a_new_connection_when_slack_asks(link: Linked, reason: str) -> None:
    await link.slack.lines.disconnect(reason)
    await link.slack.lines.connected(times=2)
    await link.slack.lines.send("slash_commands", link.of.command(link.ana, "help"))
    assert "/firebreak isolate" in await link.said()


async def test_it_comes_back_after_the_line_broke(link: Linked) -> None:
    await link.slack.lines.cut()
    await link.slack.lines.connected(times=2)
    await link.slack.lines.send("slash_commands", link.of.command(link.ana, "help"))
    assert "/firebreak isolate" in await link.said()


async def test_it_begins_anew_when_no_connection_can_be_had_for_long(
    slack: SlackFront, caplog: pytest.LogCaptureFixture
) -> None:
    # The first address is good for nothing: its ticket has been used. The SDK would try it forever.
    slack.fail("apps.connections.open", Trouble.none())
    ticket = slack.lines.ticket
    spent: list[str] = []

    def first_is_spent(base: str) -> str:
        url = ticket(base)
        if not spent:
            spent.append(url)
            slack.lines._tickets.clear()
        return url

    slack.lines.ticket = first_is_spent  # type: ignore[method-assign]
    async with linked(slack, patience_s=0.5) as link:
        await slack.lines.connected()
        await slack.lines.send("slash_commands", link.of.command(link.ana, "help"))
        assert "/firebreak isolate" in await link.said()

    assert "wss://..." in caplog.text
    assert "ticket=" not in caplog.text


async def test_slack_being_away_at_the_start_ends_nothing(slack: SlackFront) -> None:
    slack.fail("apps.connections.open", *[Trouble(status=500, error="internal_error")] * 3)
    async with linked(slack):
        await slack.lines.connected()


async def test_a_missing_token_is_said_and_tried_again(
    slack: SlackFront, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("SLACK_TEST_APP")
    async with linked(slack, patience_s=0.2):
        async with asyncio.timeout(5):
            while "env:SLACK_TEST_APP is not set" not in caplog.text:
                await asyncio.sleep(0.01)
        monkeypatch.setenv("SLACK_TEST_APP", "xapp-1-firebreak")
        await slack.lines.connected()
    assert "xapp-" not in caplog.text


async def test_nonsense_on_the_line_breaks_nothing(link: Linked) -> None:
    line = link.slack.lines.open[-1]
    await line.send_str("not json")
    await line.send_str("{")
    await line.send_json({"type": "slash_commands", "envelope_id": "e", "payload": []})
    await line.send_json({"type": "interactive", "envelope_id": "f", "payload": {"type": "x"}})
    await link.slack.lines.send("slash_commands", link.of.command(link.ana, "help"))
    assert "/firebreak isolate" in await link.said()
