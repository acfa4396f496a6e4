from datetime import datetime

import pytest
from starlette.requests import Request
from starlette.responses import Response

from firebreak.cyber_range.faults import Fault, FaultKind
from firebreak.cyber_range.nac_packetfence import ISOLATION
from firebreak.domain.base import JsonObject
from firebreak.domain.estate import PacketFenceNac
from firebreak.errors import NotThere, OutcomeUnknown, Rejected
from integrations.network.nac.packetfence import PacketFence
from tests.conformance.nac_benches import (
    HOME,
    MAC,
    OTHER_PORT,
    PORT,
    QUARANTINE,
    PacketFenceBench,
)

FREE: JsonObject = {"security_event": None, "quarantined": False}
CONTAINED: JsonObject = {"security_event": "3000001", "quarantined": True}


def source(bench: PacketFenceBench) -> PacketFence:
    made = bench.source(20)
    bench.sources.append(made)
    return made


async def test_an_event_that_is_open_already_is_not_raised_again(
    packetfence: PacketFenceBench, soon: datetime
) -> None:
    packetfence.api.raise_event(MAC, 3000001)
    assert await source(packetfence).write(MAC, FREE, CONTAINED, soon) == CONTAINED
    assert packetfence.api.open_events(MAC) == (3000001,)
    assert packetfence.effects() == 0


async def test_an_event_is_closed_by_its_row_and_not_by_its_class(
    packetfence: PacketFenceBench, soon: datetime
) -> None:
    packetfence.api.raise_event("02:00:00:00:00:31", 3000001)
    packetfence.api.raise_event(MAC, 3000002)
    pf = source(packetfence)
    await pf.write(MAC, FREE, CONTAINED, soon)
    assert packetfence.vlan == QUARANTINE
    assert await pf.write(MAC, CONTAINED, FREE, soon) == FREE
    assert packetfence.api.open_events(MAC) == (3000002,)
    assert packetfence.api.open_events("02:00:00:00:00:31") == (3000001,)
    assert packetfence.vlan == HOME


async def test_every_open_row_of_the_event_is_closed(
    packetfence: PacketFenceBench, soon: datetime
) -> None:
    packetfence.api.raise_event(MAC, 3000001)
    packetfence.api.raise_event(MAC, 3000001)
    assert await source(packetfence).write(MAC, CONTAINED, FREE, soon) == FREE
    assert packetfence.api.open_events(MAC) == ()


async def test_a_node_that_is_not_isolated_is_never_called_quarantined(
    packetfence: PacketFenceBench, soon: datetime
) -> None:
    await packetfence.api.inject(Fault(FaultKind.LIE))
    pf = PacketFence("bench", _estate(packetfence), deadline_s=20, settle_s=0.6)
    packetfence.sources.append(pf)
    seen = await pf.write(MAC, FREE, CONTAINED, soon)
    assert seen == {"security_event": "3000001", "quarantined": False}
    assert packetfence.vlan == HOME


def _estate(bench: PacketFenceBench) -> PacketFenceNac:
    return PacketFenceNac(
        kind="packetfence",
        url=bench.api.url,
        ca_file=str(bench.api.ca_file),
        username="firebreak",
        password=bench.password(),
        security_event=3000001,
        role=ISOLATION,
    )


async def test_access_is_evaluated_again_when_the_session_did_not_follow(
    packetfence: PacketFenceBench, soon: datetime
) -> None:
    await packetfence.api.inject(Fault(FaultKind.LIE, times=1))
    assert await source(packetfence).write(MAC, FREE, CONTAINED, soon) == CONTAINED
    assert packetfence.vlan == QUARANTINE


async def test_an_expired_token_is_asked_for_again(
    packetfence: PacketFenceBench, soon: datetime
) -> None:
    pf = source(packetfence)
    assert await pf.read(MAC) == FREE
    packetfence.api.forget_tokens()
    assert await pf.write(MAC, FREE, CONTAINED, soon) == CONTAINED
    assert packetfence.api.logins == 2
    assert packetfence.effects() == 1


async def test_a_node_that_is_not_known_is_somewhere_else(packetfence: PacketFenceBench) -> None:
    with pytest.raises(NotThere, match="does not know 02:00:00:00:00:99"):
        await source(packetfence).read("02:00:00:00:00:99")


async def test_a_node_without_a_location_was_not_sighted(packetfence: PacketFenceBench) -> None:
    packetfence.network.unplug("cam-17")
    seen = await source(packetfence).look(MAC)
    assert not seen.sighted
    assert "it has no location of" in seen.evidence[-1]


async def test_the_evidence_names_the_event_and_the_place(packetfence: PacketFenceBench) -> None:
    packetfence.network.plug(packetfence.network.node("cam-17"), "sw-1", OTHER_PORT)
    assert (await source(packetfence).look(MAC)).evidence == (
        f"PacketFence of site bench has no open event 3000001 for {MAC}",
        f"it is on sw-1 {OTHER_PORT}, role default, VLAN 10",
    )
    assert PORT != OTHER_PORT


async def test_an_answer_without_a_token_is_refused_and_not_quoted(
    packetfence: PacketFenceBench,
) -> None:
    async def tokenless(request: Request) -> Response:
        del request
        return Response('{"tokens": "not-to-be-seen"}')

    await packetfence.api.stop()
    packetfence.api._login = tokenless  # type: ignore[method-assign]
    await packetfence.api.start("127.0.0.1", 0)
    with pytest.raises(Rejected, match="gave no token") as caught:
        await source(packetfence).read(MAC)
    assert "not-to-be-seen" not in str(caught.value)


async def test_a_cut_between_two_writes_is_unknown(
    packetfence: PacketFenceBench, soon: datetime
) -> None:
    pf = source(packetfence)
    await packetfence.api.inject(Fault(FaultKind.LIE, times=1))
    await packetfence.api.inject(Fault(FaultKind.DROP_BEFORE_WRITE, match="reevaluate"))
    with pytest.raises(OutcomeUnknown):
        await pf.write(MAC, FREE, CONTAINED, soon)
