"""Asking an agent: keys, engine IDs, turns, deadlines, and what the estate allows."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from firebreak.cyber_range.faults import Fault, FaultKind
from firebreak.errors import AuthFailed, CapabilityMissing, Rejected, Unreachable
from integrations.network.snmp.agent import Agent, Line, Request
from integrations.network.snmp.controls import Dot1xBlock, SnmpPortDown, SnmpQuarantine
from integrations.network.snmp.engine import Row
from integrations.network.snmp.fence import Fence
from integrations.network.snmp.mib import IF_NAME, PVID
from tests.unit.snmp.rack import AUTH_KEY, PRIV_KEY, Rack

SYS_DESCR = (1, 3, 6, 1, 2, 1, 1, 1, 0)


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=10)


async def test_one_engine_serves_many_requests(rack: Rack) -> None:
    fleet = rack.fleet()
    control = SnmpPortDown(fleet)
    await control.observe(rack.device())
    engine = fleet._desks["sw-1"].agent._engine
    await control.observe(rack.device())
    assert fleet._desks["sw-1"].agent._engine is engine


async def test_an_agent_with_a_new_engine_id_is_found_by_a_fresh_engine(rack: Rack) -> None:
    control = SnmpQuarantine(rack.fleet(), {"bench": rack.site})
    plan = await control.plan(rack.device(), {}, await control.observe(rack.device()))
    await rack.agent.reborn()
    assert await control.apply(plan, soon()) == plan.after
    assert rack.vlan() == 666


async def test_a_wrong_privacy_key_is_told_as_such(rack: Rack) -> None:
    wrong = rack.secret("stranger", "another-passphrase")
    control = SnmpPortDown(rack.fleet(rack.with_snmp(priv_key=wrong)))
    with pytest.raises(AuthFailed, match="ciphertext"):
        await control.observe(rack.device())


@pytest.mark.parametrize("changes", [{"auth": "sha512"}, {"user": "nobody"}, {"priv": "aes256"}])
async def test_whatever_else_is_wrong_in_the_credentials_is_told_as_such(
    rack: Rack, changes: dict[str, object]
) -> None:
    control = SnmpPortDown(rack.fleet(rack.with_snmp(**changes)))
    with pytest.raises(AuthFailed) as caught:
        await control.observe(rack.device())
    assert not {AUTH_KEY, PRIV_KEY} & set(str(caught.value).split())


async def test_a_missing_secret_names_its_reference(rack: Rack) -> None:
    control = SnmpPortDown(rack.fleet(rack.with_snmp(auth_key="env:NOT_SET_ANYWHERE")))
    with pytest.raises(AuthFailed, match="env:NOT_SET_ANYWHERE"):
        await control.observe(rack.device())


async def test_a_secret_that_was_rotated_is_resolved_again(rack: Rack) -> None:
    wrong = rack.secret("rotating", "another-passphrase")
    control = SnmpPortDown(rack.fleet(rack.with_snmp(auth_key=wrong)))
    with pytest.raises(AuthFailed):
        await control.observe(rack.device())
    rack.secret("rotating", AUTH_KEY)
    assert (await control.observe(rack.device())).sighted


async def test_an_object_that_is_not_there_is_left_out(rack: Rack) -> None:
    fleet = rack.fleet()

    async def look(line: Line) -> int:
        return len(await line.get(SYS_DESCR, (*PVID, 1), (*PVID, 99)))

    assert await fleet.run("sw-1", look, fleet.fence()) == 1


async def test_a_walk_ends_with_its_column_and_has_all_of_it(rack: Rack) -> None:
    fleet = rack.fleet()

    async def look(line: Line) -> tuple[int, int]:
        names, pvids = await line.walk(IF_NAME, PVID)
        return len(names), len(pvids)

    assert await fleet.run("sw-1", look, fleet.fence()) == (6, 6)


async def test_nobody_waits_longer_than_the_deadline_for_a_turn(rack: Rack) -> None:
    fleet = rack.fleet(deadline_s=0.3)
    done = asyncio.Event()

    async def dawdle(line: Line) -> None:
        del line
        await done.wait()

    first = asyncio.create_task(fleet.run("sw-1", dawdle, fleet.fence()))
    await asyncio.sleep(0)
    began = time.monotonic()
    with pytest.raises(Unreachable, match="busy"):
        await fleet.run("sw-1", dawdle, fleet.fence())
    assert time.monotonic() - began < 10
    done.set()
    await first


async def test_who_gave_up_while_waiting_for_a_turn_has_nothing_sent(rack: Rack) -> None:
    fleet = rack.fleet()
    control = SnmpQuarantine(fleet, {"bench": rack.site})
    plan = await control.plan(rack.device(), {}, await control.observe(rack.device()))
    async with fleet._desks["sw-1"].lock:
        work = asyncio.create_task(control.apply(plan, soon()))
        await asyncio.sleep(0)
        work.cancel()
        await asyncio.wait({work})
    await control.observe(rack.device())
    assert not rack.journal.effects()


async def test_an_agent_that_falls_silent_is_unreachable_and_found_again(rack: Rack) -> None:
    control = SnmpPortDown(rack.fleet())
    await control.observe(rack.device())
    rack.agent.inject(Fault(FaultKind.SILENT))
    with pytest.raises(Unreachable, match="does not answer; no change was sent"):
        await control.observe(rack.device())
    rack.agent.clear()
    assert (await control.observe(rack.device())).sighted


async def test_an_agent_for_reading_only_serves_no_rung(rack: Rack) -> None:
    fleet = rack.fleet(rack.with_snmp(write=False))
    controls = (
        SnmpQuarantine(fleet, {"bench": rack.site}),
        SnmpPortDown(fleet),
        Dot1xBlock(fleet),
    )
    for control in controls:
        assert "write: false" in control.serves(rack.device())
        with pytest.raises(CapabilityMissing):
            await control.observe(rack.device())
        assert control.capabilities.secrets == ()


async def test_a_switch_without_8021x_or_without_an_agent_is_not_served(rack: Rack) -> None:
    fleet = rack.fleet(rack.with_snmp(dot1x=False))
    assert "dot1x" in Dot1xBlock(fleet).serves(rack.device())
    assert SnmpPortDown(fleet).serves(rack.device()) == ""
    elsewhere = rack.device(attached={"switch": "sw-2", "port": "1"})
    assert "sw-2" in SnmpPortDown(fleet).serves(elsewhere)
    assert SnmpPortDown(fleet).serves(rack.device(attached=None)) == ""


async def test_a_host_name_without_an_address_is_unreachable(rack: Rack) -> None:
    control = SnmpPortDown(rack.fleet(rack.with_snmp(host="no-such-host.invalid")))
    with pytest.raises(Unreachable, match="no address"):
        await control.observe(rack.device())


async def test_a_closed_fleet_sends_nothing(rack: Rack) -> None:
    fleet = rack.fleet()
    await fleet.close()
    with pytest.raises(Unreachable):
        await SnmpPortDown(fleet).observe(rack.device())


async def test_a_port_that_8021x_blocks_lets_nobody_in_and_is_opened_again(rack: Rack) -> None:
    control = Dot1xBlock(rack.fleet())
    plan = await control.plan(rack.device(), {}, await control.observe(rack.device()))
    await control.apply(plan, soon())
    assert not rack.network.reachable("node-17")
    await control.revert(plan, soon())
    assert rack.network.reachable("node-17")
    assert "1.0.8802.1.1.1.1.1.2.1.5" in rack.journal.effects()[-1].command


class Scripted(Agent):
    """An agent that answers what it is told to, and knows nothing else."""

    def __init__(self, rack: Rack, replies: list[list[Row]]) -> None:
        assert rack.switch.snmp is not None
        super().__init__(rack.switch, rack.switch.snmp)
        self._replies = replies

    async def read(self, request: Request, fence: Fence) -> list[Row]:
        del request, fence
        return self._replies.pop(0)


A, B, OTHER = (1, 1), (1, 2), (1, 3, 0)


@pytest.mark.parametrize(
    "replies",
    [
        [[((1, 1, 5), 1), ((1, 2, 5), 2), (OTHER, 0), (OTHER, 0)]],
        [[((1, 1, 5), 1)], [(OTHER, 0), ((1, 2, 5), 2)], [(OTHER, 0)]],  # cut short
        [[((1, 1, 5), 1), ((1, 2, 5), 2)], [((1, 1, 5), 1), ((1, 2, 4), 2)]],  # going in circles
        [[((1, 1, 5), 1), ((1, 2, 5), 2)], [((1, 1, 6), None), ((1, 2, 6), None)]],  # the end
    ],
)
async def test_a_walk_copes_with_every_way_an_agent_ends_a_reply(
    rack: Rack, replies: list[list[Row]]
) -> None:
    line = Line(Scripted(rack, replies), rack.fleet().fence())
    assert await line.walk(A, B) == [{(5,): 1}, {(5,): 2}]


async def test_an_agent_that_sends_empty_replies_is_not_asked_for_ever(rack: Rack) -> None:
    line = Line(Scripted(rack, [[]]), rack.fleet().fence())
    with pytest.raises(Rejected, match="empty replies"):
        await line.walk(A)
