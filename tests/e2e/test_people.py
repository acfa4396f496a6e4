"""People decide, in Slack and without it: as an on-call engineer sees it, on real processes."""

import base64
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from firebreak.domain.device import Device
from firebreak.domain.estate import Sentinel
from firebreak.domain.record import Kind
from firebreak.ledger.signing import read_public_key
from firebreak.ledger.verification import verify
from integrations.inventory.yaml_file import YamlInventory
from tests.e2e.journey import Json, answers, until_closed
from tests.e2e.town import Hands, Thread, Town, build, until
from tests.peers.rt import RtPeer
from tests.peers.slack import SlackFront
from tests.unit.dispatch.receivers import Receiver

pytestmark = [
    pytest.mark.peer("slack"),
    pytest.mark.peer("rt"),
    pytest.mark.xdist_group("heavy"),
]


@pytest.fixture(scope="module")
def town(
    tmp_path_factory: pytest.TempPathFactory, slack_emulator: str, rt: RtPeer
) -> Iterator[Town]:
    """One for all tests here; each has a device of its own."""
    made = build(tmp_path_factory.mktemp("town"), slack_emulator, rt)
    with made.stack:
        yield made


@pytest.fixture(scope="module")
def devices(town: Town) -> list[Device]:
    """Those that no test has had yet."""
    return list(YamlInventory.load(town.stack.estate).estate.devices)


@pytest.fixture
async def slack(town: Town) -> AsyncIterator[SlackFront]:
    """Slack is there during the whole test."""
    async with town.slack() as front:
        yield front


def of_class(devices: list[Device], wanted: str) -> Device:
    """A device that no other test has."""
    found = next(device for device in devices if device.device_class == wanted)
    devices.remove(found)
    return found


def sentinel(town: Town) -> Sentinel:
    return YamlInventory.load(town.stack.estate).estate.sites[0].sentinel


async def contained(town: Town, incident: str) -> None:
    async with town.stack.api("ada") as ada:

        async def is_so() -> bool:
            return bool((await ada.get(f"/incidents/{incident}")).json()["incident"]["contained"])

        await until(is_so, f"{incident} is contained")


async def ticket(rt: RtPeer, incident: str) -> Json:
    """The one ticket of an incident, in RT's own words; {} when there is none."""
    async with rt.admin() as admin:
        query = {"query": f"Subject LIKE '{incident}'", "fields": "Status,Subject"}
        found: list[Json] = (await admin.get("/tickets", params=query)).json()["items"]
    assert len(found) <= 1
    return found[0] if found else {}


async def attached_receipt(rt: RtPeer, number: str) -> bytes:
    """The receipt in a ticket."""
    async with rt.admin() as admin:
        query = {"per_page": "100", "fields": "Filename"}
        listed = (await admin.get(f"/ticket/{number}/attachments", params=query)).json()["items"]
        names = [one["id"] for one in listed if str(one["Filename"]).startswith("receipt-")]
        assert len(names) == 1
        return base64.b64decode((await admin.get(f"/attachment/{names[0]}")).json()["Content"])


async def test_two_people_agree_in_slack_and_the_ticket_ends_with_the_receipt(
    town: Town, slack: SlackFront, rt: RtPeer, devices: list[Device]
) -> None:
    camera, hands = of_class(devices, "ip-camera"), Hands(town, slack)
    incident = await town.alarm(camera)
    thread = Thread(slack, incident)
    button = await thread.open_card()
    (card,) = await thread.cards()
    for said in (camera.id, "2 x on-call", "cameras watch the gates", "it is denied", "nobody yet"):
        assert said in card
    assert "It still waits for others" in await hands.approve("ana", button)
    assert "answered already" in await hands.approve("ana", button)
    assert "on-call" in await hands.approve("eve", button)  # the role that she has not
    assert answers(sentinel(town), camera)  # one person is not two

    assert "approved" in await hands.approve("ben", button)
    await contained(town, incident)
    assert not answers(sentinel(town), camera)

    async def closed() -> bool:
        (root,) = await thread.roots()
        return not await thread.button() and f"Contained: {camera.id}" in root

    await until(closed, "a closed card and a root that says contained")
    (card,) = await thread.cards()
    assert ("ana agreed" in card, "ben agreed" in card, "eve" in card) == (True, True, False)

    await town.cli("grace", "release", camera.id, "--reason", "new firmware")
    assert answers(sentinel(town), camera)

    async def resolved() -> bool:
        return (await ticket(rt, incident)).get("Status") == "resolved"

    await until(resolved, "a resolved ticket")
    receipt = await attached_receipt(rt, (await ticket(rt, incident))["id"])
    report = verify(receipt, read_public_key(town.stack.public_key.read_bytes()))
    assert report.valid, report.checks


async def test_silence_is_reminded_of_handed_on_and_then_a_no(
    town: Town, slack: SlackFront, rt: RtPeer, devices: list[Device]
) -> None:
    sensor = of_class(devices, "sensor")
    incident = await town.alarm(sensor)
    thread = Thread(slack, incident)
    await thread.open_card()
    eve = f"<@{await slack.user('eve')}>"
    assert eve not in await thread.said()
    async with town.stack.api("ada") as ada:
        story = await until_closed(ada, incident)
    kinds = [entry.kind for entry in story.entries if entry.kind.value.startswith("approval.")]
    asked = [Kind.APPROVAL_REQUESTED, Kind.APPROVAL_ESCALATED, Kind.APPROVAL_REMINDED]
    assert kinds == [*asked, Kind.APPROVAL_CLOSED]
    assert (story.incident.status, story.incident.contained) == ("completed", False)
    assert answers(sentinel(town), sensor)

    async def told() -> bool:
        return "CLOSED" in await thread.said()

    await until(told, "the end in Slack")
    said = await thread.said()
    for word in (f"{eve} your answer is still missing", "ESCALATED", "STILL ASKS", "EXPIRED"):
        assert word in said
    assert f"{sensor.id} is NOT contained: refused" in str(story.of_kind(Kind.OUTCOME))
    (root,), (card,) = await thread.roots(), await thread.cards()
    assert f"Closed, NOT contained: {sensor.id}" in root
    assert "too few agreed in time" in card
    assert not await thread.button()

    async def open_ticket() -> bool:
        return (await ticket(rt, incident)).get("Status") == "open"

    await until(open_ticket, "a ticket that waits for a person")


async def test_without_slack_the_next_channel_tells_and_the_command_line_answers(
    town: Town, devices: list[Device]
) -> None:
    gateway, receiver = of_class(devices, "gateway"), Receiver()
    async with town.hook(receiver.app):
        incident = await town.alarm(gateway)

        async def told() -> bool:
            return any(one["kind"] == "approval.requested" for one in receiver.taken)

        await until(told, "the request at the webhook")
        (asked,) = [one for one in receiver.taken if one["kind"] == "approval.requested"]
        assert asked["chain"] == incident
        done = await town.cli(
            *("grace", "approve", f"{incident}.1", "--yes", "--reason", "seen at the gate")
        )
        assert "it is approved" in done
        await contained(town, incident)
        assert not answers(sentinel(town), gateway)
        async with town.stack.api("ada") as ada:
            story = await until_closed(ada, incident)
        (untold,) = story.of_kind(Kind.UNDELIVERED)
        assert (untold.body["channel"], untold.body["instead"]) == ("chat", "hook")

        async with town.slack() as slack:
            thread = Thread(slack, incident)

            async def caught_up() -> bool:
                return "CLOSED" in await thread.said()

            await until(caught_up, "what Slack missed")
            (root,) = await thread.roots()
            assert f"Contained: {gateway.id}" in root
            assert await thread.cards() == []  # nobody is asked what was answered
            assert len(await thread.messages()) == 2  # and all that it missed is one message


async def test_whoever_is_named_answers_without_a_role_of_their_own(
    town: Town, slack: SlackFront, devices: list[Device]
) -> None:
    """Dora, whose token is edith's, is not on duty; ana, whose token is grace's, is."""
    gateway = of_class(devices, "gateway")
    incident = await town.alarm(gateway)
    thread = Thread(slack, incident)
    await thread.open_card()
    async with town.stack.api("grace") as ana, town.stack.api("edith") as dora:
        path = f"/approvals/{incident}.1"
        vote = {
            "verdict": "approve",
            "plan_hash": (await ana.get(path)).json()["plan_hash"],
            "reason": "seen at the gate",
        }
        assert (await dora.get(path)).status_code == 403
        assert (await dora.post(f"{path}/decide", json=vote)).status_code == 403
        for to in ("ben", "dora"):  # ana thinks better of it
            named = {"to": to, "reason": "on the road"}
            assert (await ana.post(f"{path}/delegate", json=named)).status_code == 200
        stranger = await ana.post(f"{path}/delegate", json={"to": "edith", "reason": "on the road"})
        assert (stranger.status_code, stranger.json()["error"]) == (404, "not-found")
        assert (await ana.post(f"{path}/decide", json=vote)).status_code == 409
        assert (await dora.get("/approvals")).status_code == 403
        assert (await dora.get(path)).json()["delegations"][0]["to"] == "dora"
        settled = (await dora.post(f"{path}/decide", json=vote)).json()
    assert settled["state"] == "approved"
    given = settled["votes"][0]
    assert (given["who"]["id"], given["role"], given["instead_of"]) == ("dora", "on-call", "ana")
    await contained(town, incident)
    assert not answers(sentinel(town), gateway)

    async def closed() -> bool:
        return not await thread.button() and "CLOSED" in await thread.said()

    await until(closed, "a closed card and the end of the response")


async def test_a_server_that_is_killed_leaves_one_card_and_every_vote(
    town: Town, slack: SlackFront, devices: list[Device]
) -> None:
    camera, hands = of_class(devices, "ip-camera"), Hands(town, slack)
    incident = await town.alarm(camera)
    thread = Thread(slack, incident)
    button = await thread.open_card()
    town.stack.kill("server")
    with pytest.raises(httpx.TransportError):
        await hands.approve("ana", button)
    town.stack.restart("server")
    assert "It still waits for others" in await hands.approve("ana", button)
    town.stack.kill("server")
    town.stack.restart("server")
    assert "answered already" in await hands.approve("ana", button)
    assert "approved" in await hands.approve("ben", button)
    await contained(town, incident)
    assert not answers(sentinel(town), camera)

    async def closed() -> bool:
        return not await thread.button() and "CLOSED" in await thread.said()

    await until(closed, "a closed card and the end of the response")
    (card,) = await thread.cards()
    assert ("ana agreed" in card, "ben agreed" in card) == (True, True)
    assert len(await thread.roots()) == 1
