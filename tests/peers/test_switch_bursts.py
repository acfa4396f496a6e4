"""Several ports of a real switch at once: one turn, and an answer for each."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from firebreak.errors import Rejected, StateDrifted
from integrations.network.cli.fleet import SwitchFleet
from integrations.network.ports import PortState
from tests.peers.ovs import PRODUCTION, QUARANTINE, OvsPeer

pytestmark = [pytest.mark.peer("ovs"), pytest.mark.peer("sshd")]


def state(port: str, vlan: int) -> PortState:
    return PortState(switch="ovs-1", port=port, mode="access", vlan=vlan, admin="up")


async def test_ports_are_moved_together_and_refused_alone(ovs: OvsPeer) -> None:
    until = datetime.now(UTC) + timedelta(seconds=20)
    ports = ("p1", "p3", "p4", "p99")  # p4 is in quarantine already, p99 does not exist
    async with SwitchFleet([ovs.switch]) as fleet:
        moved, *others, drifted, missing = await asyncio.gather(
            *(fleet.change(state(p, PRODUCTION), state(p, 20), until) for p in ports),
            return_exceptions=True,
        )
        assert [moved, *others] == [state("p1", 20), state("p3", 20)]
        assert isinstance(drifted, StateDrifted)
        assert isinstance(missing, Rejected)
        assert [ovs.tag(port) for port in ("p1", "p3", "p4")] == [20, 20, QUARANTINE]
        assert ovs.sessions() == 1
        back = (fleet.change(state(p, 20), state(p, PRODUCTION), until) for p in ("p1", "p3"))
        await asyncio.gather(*back)
    assert [ovs.tag(port) for port in ("p1", "p3")] == [PRODUCTION] * 2
