"""The webhook: signed, in order, repeated under the same key, and nothing more."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from firebreak.errors import AuthFailed, Rejected, Unreachable
from firebreak.ledger.store import SqlLedger
from integrations.notify.webhook import build
from tests.conformance.bench import Fault
from tests.documented.service import Service
from tests.unit.dispatch.receivers import SECRET, Receiver, given, secret_file, served
from tests.unit.dispatch.stories import keeping, story
from tests.unit.dispatch.theater import asks, chain, note, opened, playing, rules, until

HOSTILE = "{{ 7*7 }}\r\nX-Evil: 1 <script> \u202edrowssap\0"


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def service(receiver: Receiver, tmp_path: Path) -> AsyncIterator[Service]:
    async with served(receiver.app, tmp_path / "tls") as running:
        yield running


def config(service: Service, tmp_path: Path, **changes: Any) -> dict[str, Any]:
    ref = secret_file(tmp_path, SECRET)
    where = {"url": f"{service.url}/hook?room=7", "ca_file": service.ca_file, "timeout_s": 1.0}
    return {**where, "secret": ref, **changes}


async def test_each_entry_is_posted_in_order_with_its_key_and_a_signature(
    receiver: Receiver, service: Service, tmp_path: Path
) -> None:
    channel = build("hook", config(service, tmp_path), given(tmp_path))
    kept, keep = keeping()
    known = await channel.tell(story(), {}, keep)
    await channel.close()
    assert [each["kind"] for each in receiver.taken] == ["response.opened", "approval.requested"]
    assert receiver.keys == [f"{chain(1)}/0", f"{chain(1)}/1"]
    assert known == kept[-1] == {"sent": 1}
    last = receiver.taken[-1]
    assert (last["word"], last["weight"], last["seq"]) == ("APPROVAL?", "ask", 1)
    assert last["link"] == f"https://firebreak.example.org/incidents/{chain(1)}"
    assert last["approvals"][0]["state"] == "pending"


async def test_what_was_taken_before_a_crash_is_not_posted_again(
    receiver: Receiver, service: Service, tmp_path: Path
) -> None:
    channel = build("hook", config(service, tmp_path), given(tmp_path))
    _, keep = keeping()
    await channel.tell(story(), {"sent": 0}, keep)
    await channel.close()
    assert receiver.keys == [f"{chain(1)}/1"]


async def test_hostile_text_comes_out_as_text(
    receiver: Receiver, service: Service, tmp_path: Path
) -> None:
    channel = build("hook", config(service, tmp_path), given(tmp_path))
    _, keep = keeping()
    await channel.tell(story(HOSTILE), {}, keep)
    await channel.close()
    said = json.dumps(receiver.taken[0], ensure_ascii=False)
    assert "{{ 7*7 }}" in said
    assert not any(c in said for c in "\u202e\0\r\n")
    assert all("evil" not in name for name in receiver.headers[0])


async def test_a_redirect_is_not_followed(
    receiver: Receiver, service: Service, tmp_path: Path
) -> None:
    receiver.redirect = f"{service.url}/elsewhere"
    channel = build("hook", config(service, tmp_path), given(tmp_path))
    _, keep = keeping()
    with pytest.raises((Rejected, Unreachable)):
        await channel.tell(story(), {}, keep)
    await channel.close()
    assert service.requests == ["POST /hook"]


async def test_an_impostor_and_a_wrong_secret_are_refused_and_the_secret_stays_inside(
    receiver: Receiver, service: Service, tmp_path: Path
) -> None:
    wrong = build("hook", config(service, tmp_path), given(tmp_path))
    (tmp_path / "secret").write_text("another-one-4711")
    _, keep = keeping()
    with pytest.raises(AuthFailed) as refused:
        await wrong.tell(story(), {}, keep)
    await wrong.close()
    assert "4711" not in str(refused.value) + repr(wrong)
    await service.break_with(Fault.CHANGED_IDENTITY)
    impostor = build("hook", config(service, tmp_path), given(tmp_path))
    with pytest.raises(AuthFailed, match="not trusted"):
        await impostor.tell(story(), {}, keep)
    await impostor.close()
    assert receiver.taken == []


@pytest.mark.parametrize("fault", [Fault.UNREACHABLE, Fault.CUT_AFTER_WRITE, Fault.HANG])
async def test_after_an_outage_everything_was_taken_exactly_once(
    fault: Fault, receiver: Receiver, service: Service, tmp_path: Path, ledger: SqlLedger
) -> None:
    where = config(service, tmp_path, timeout_s=0.2)
    if fault is Fault.UNREACHABLE:
        service.throttles, service.retry_after = frozenset({"POST"}), "1"
    else:
        await service.break_with(fault)
    channel = build("hook", where, given(tmp_path))
    async with playing(ledger, (rules("hook"), channel)) as dispatcher:
        for number in (1, 2, 3):
            await ledger.append(opened(number), asks(number))

        async def has_failed() -> bool:
            return dispatcher.statuses()[0].failures >= 2

        if fault is Fault.UNREACHABLE:
            await asyncio.sleep(0.2)
        else:
            await until(has_failed)
        service.fault, service.throttles = None, frozenset()
        await ledger.append(note("after", 1))

        async def all_taken() -> bool:
            return len(receiver.taken) == 7

        await until(all_taken)
    taken = [each["id"] for each in receiver.taken]
    assert sorted(taken) == sorted(
        [*(f"{chain(n)}/{seq}" for n in (1, 2, 3) for seq in (0, 1)), f"{chain(1)}/2"]
    )
    for number in (1, 2, 3):
        of_one = [each["seq"] for each in receiver.taken if each["chain"] == chain(number)]
        assert of_one == sorted(of_one)
