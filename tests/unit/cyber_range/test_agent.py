"""The range's SNMPv3 agent: who may ask, and what it takes of a SET."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pysnmp.hlapi.v3arch import asyncio as hlapi

from firebreak.cyber_range.faults import Fault, FaultKind
from tests.unit.snmp.rack import AUTH_KEY, PRIV_KEY, Rack, running_rack

PVID = "1.3.6.1.2.1.17.7.1.4.5.1.1"
EGRESS = "1.3.6.1.2.1.17.7.1.4.3.1.2"
SERIAL = "1.3.6.1.6.3.1.1.6.1.0"
FULL = hlapi.UsmUserData(
    "firebreak",
    AUTH_KEY,
    PRIV_KEY,
    authProtocol=hlapi.USM_AUTH_HMAC192_SHA256,
    privProtocol=hlapi.USM_PRIV_CFB128_AES,
)


@pytest.fixture
async def rack(tmp_path: Path) -> AsyncIterator[Rack]:
    async with running_rack(tmp_path) as running:
        yield running


@pytest.fixture
def engine() -> Iterator[Any]:
    made = hlapi.SnmpEngine()
    yield made
    made.close_dispatcher()


async def ask(rack: Rack, engine: Any, *objects: Any, user: Any = FULL) -> tuple[str, int]:
    """GET, or SET when there are values; ``(what went wrong, about which object)``."""
    target = await hlapi.UdpTransportTarget.create(rack.agent.address, timeout=0.3, retries=0)
    typed = [hlapi.ObjectType(hlapi.ObjectIdentity(oid), *value) for oid, *value in objects]
    command = hlapi.set_cmd if len(objects[0]) > 1 else hlapi.get_cmd
    indication, status, index, rows = await command(
        engine, user, target, hlapi.ContextData(), *typed, lookupMib=False
    )
    if indication:
        return type(indication).__name__, 0
    if int(status):
        return status.prettyPrint(), int(index)
    return rows[0][1].prettyPrint(), 0


async def test_the_right_user_with_both_keys_is_answered(rack: Rack, engine: Any) -> None:
    assert await ask(rack, engine, (f"{PVID}.1",)) == ("10", 0)


@pytest.mark.parametrize(
    "user",
    [
        hlapi.UsmUserData("firebreak"),  # noqa: S509 - that it is refused is the point
        hlapi.UsmUserData("firebreak", AUTH_KEY, authProtocol=hlapi.USM_AUTH_HMAC192_SHA256),
        hlapi.CommunityData("public"),
    ],
    ids=["no keys", "no privacy", "community"],
)
async def test_nobody_below_auth_priv_is_answered(rack: Rack, engine: Any, user: Any) -> None:
    answer, _ = await ask(rack, engine, (f"{PVID}.1",), user=user)
    assert answer != "10"
    await ask(rack, engine, (f"{PVID}.1", hlapi.Gauge32(666)), user=user)
    assert rack.vlan() == 10


@pytest.mark.parametrize(
    ("objects", "status"),
    [
        ([(f"{PVID}.1", hlapi.Integer32(666))], ("wrongType", 1)),
        ([(f"{PVID}.1", hlapi.Gauge32(99))], ("wrongValue", 1)),
        ([(f"{PVID}.99", hlapi.Gauge32(666))], ("noCreation", 1)),
        ([(f"{EGRESS}.666", hlapi.OctetString(b"\x80" * 9))], ("wrongLength", 1)),
        ([("1.3.6.1.2.1.2.2.1.2.10101", hlapi.OctetString(b"x"))], ("notWritable", 1)),
        ([(f"{PVID}.1", hlapi.Gauge32(666)), (f"{PVID}.2", hlapi.Gauge32(99))], ("wrongValue", 2)),
        ([(SERIAL, hlapi.Integer32(9)), (f"{PVID}.1", hlapi.Gauge32(666))],
         ("inconsistentValue", 1)),
        ([(f"{EGRESS}.20", hlapi.OctetString(b"\x00"))], ("inconsistentValue", 1)),  # the trunk's
    ],
)  # fmt: skip
async def test_a_set_with_anything_wrong_in_it_changes_nothing(
    rack: Rack, engine: Any, objects: list[Any], status: tuple[str, int]
) -> None:
    assert await ask(rack, engine, *objects) == status
    assert rack.vlan() == 10
    assert not rack.journal.effects()


async def test_what_the_agent_takes_the_traffic_follows(rack: Rack, engine: Any) -> None:
    assert rack.network.reachable("node-17")
    await ask(rack, engine, (f"{PVID}.1", hlapi.Gauge32(666)))
    assert not rack.network.reachable("node-17")


async def test_a_lie_changes_what_is_shown_and_not_the_traffic(rack: Rack, engine: Any) -> None:
    rack.agent.inject(Fault(FaultKind.LIE))
    await ask(rack, engine, (f"{PVID}.1", hlapi.Gauge32(666)))
    assert await ask(rack, engine, (f"{PVID}.1",)) == ("666", 0)
    assert rack.network.reachable("node-17")
    rack.agent.clear()
    assert not rack.network.reachable("node-17")


async def test_after_a_write_it_can_fall_silent_until_it_is_cleared(
    rack: Rack, engine: Any
) -> None:
    rack.agent.inject(Fault(FaultKind.DROP_AFTER_WRITE, times=1))
    assert await ask(rack, engine, (f"{PVID}.1", hlapi.Gauge32(666))) == ("RequestTimedOut", 0)
    assert rack.vlan() == 666
    assert await ask(rack, engine, (f"{PVID}.1",)) == ("RequestTimedOut", 0)
    rack.agent.clear()
    assert await ask(rack, engine, (f"{PVID}.1",)) == ("666", 0)


async def test_it_comes_back_at_its_address_with_its_engine_id(rack: Rack, engine: Any) -> None:
    assert await ask(rack, engine, (f"{PVID}.1",)) == ("10", 0)
    await rack.agent.stop()
    assert await ask(rack, engine, (f"{PVID}.1",)) == ("RequestTimedOut", 0)
    await rack.agent.start(*rack.agent.address)
    assert await ask(rack, engine, (f"{PVID}.1",)) == ("10", 0)


async def test_a_reused_engine_never_finds_it_under_another_engine_id(
    rack: Rack, engine: Any
) -> None:
    assert await ask(rack, engine, (f"{PVID}.1",)) == ("10", 0)
    await rack.agent.reborn()
    assert (await ask(rack, engine, (f"{PVID}.1",)))[0] == "RequestTimedOut"
