import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from firebreak.cyber_range.faults import Fault, FaultKind
from firebreak.domain.plan import Plan
from firebreak.errors import OutcomeUnknown, Rejected, Unreachable
from integrations.network.nac.control import NacQuarantine
from tests.conformance.nac_benches import MAC, IseBench, PacketFenceBench


async def planned(bench: IseBench, control: NacQuarantine) -> Plan:
    return await control.plan(bench.device, {}, await control.observe(bench.device))


def control_of(bench: IseBench, deadline_s: float = 20) -> NacQuarantine:
    source = bench.source(deadline_s)
    bench.sources.append(source)
    return NacQuarantine("ise", {"bench": source})


async def test_a_plan_says_what_is_done_and_how_it_is_undone(ise: IseBench) -> None:
    plan = await planned(ise, control_of(ise))
    assert plan.summary == (
        f"Assign ANC policy Quarantine to {MAC} (cam-17) in ISE of site bench: its session is "
        "taken into quarantine"
    )
    assert plan.way_back == f"clear ANC policy Quarantine from {MAC} in ISE of site bench"
    assert plan.target == f"{MAC} in ISE of site bench"
    assert plan.risk == "low"


async def test_the_way_back_names_the_policy_that_was_there(ise: IseBench) -> None:
    ise.api.assign(MAC, "Monitor")
    plan = await planned(ise, control_of(ise))
    assert plan.way_back == f"assign ANC policy Monitor to {MAC} in ISE of site bench again"


async def test_a_control_speaks_for_its_kind_and_its_sites_only(
    ise: IseBench, packetfence: PacketFenceBench
) -> None:
    control = control_of(ise)
    assert control.serves(ise.device) == ""
    elsewhere = ise.device.model_copy(update={"site": "plant-2"})
    assert control.serves(elsewhere) == "site plant-2 has no ise"
    with pytest.raises(Rejected, match="site plant-2 has no ise"):
        await control.observe(elsewhere)
    source = packetfence.source(20)
    packetfence.sources.append(source)
    other = NacQuarantine("packetfence", {"bench": source})
    plan = await planned(ise, control)
    with pytest.raises(Rejected, match="the plan is for ise/nac, not packetfence/nac"):
        await other.apply(plan, datetime.now(UTC) + timedelta(seconds=5))
    assert packetfence.api.logins == 0


async def test_the_capabilities_name_the_references_and_never_a_secret(ise: IseBench) -> None:
    able = control_of(ise, deadline_s=7).capabilities
    assert able.secrets == (ise.password(),)
    assert (able.deadline_s, able.reversible, able.idempotent) == (7, True, True)


@pytest.mark.parametrize(
    "after",
    [
        {"mac": "02:00:00:00:00:18", "policy": "Quarantine", "quarantined": True},
        {"mac": "02-00-00-00-00-17", "policy": "Quarantine", "quarantined": True},
        {"mac": 17, "policy": "Quarantine", "quarantined": True},
        {"policy": "Quarantine", "quarantined": True},
        {"mac": MAC, "policy": "Quarantine", "quarantined": 1},
        {"mac": MAC, "policy": ["Quarantine"], "quarantined": True},
        {"mac": MAC, "policy": "Quarantine", "quarantined": True, "vlan": 1},
        {"mac": MAC},
    ],
)
async def test_a_plan_that_holds_something_else_is_refused(
    ise: IseBench, soon: datetime, after: dict[str, object]
) -> None:
    control = control_of(ise)
    plan = await planned(ise, control)
    with pytest.raises(Rejected):
        await control.apply(plan.model_copy(update={"after": after}), soon)
    assert ise.effects() == 0


async def test_an_observation_of_another_device_makes_no_plan(ise: IseBench) -> None:
    control = control_of(ise)
    seen = await control.observe(ise.device)
    other = ise.device.model_copy(update={"mac": "02:00:00:00:00:18"})
    with pytest.raises(Rejected, match="is about 02:00:00:00:00:17"):
        await control.plan(other, {}, seen)


async def test_who_looks_while_a_cancelled_change_is_under_way_waits_for_its_end(
    ise: IseBench, soon: datetime
) -> None:
    control = control_of(ise)
    plan = await planned(ise, control)
    await ise.api.inject(Fault(FaultKind.SLOW, match="/apply", delay_s=0.3))
    work = asyncio.ensure_future(control.apply(plan, soon))
    await asyncio.sleep(0.15)
    work.cancel()
    await asyncio.wait({work})
    assert work.cancelled()
    assert (await control.observe(ise.device)).state == plan.after


async def test_who_waits_behind_a_change_that_hangs_is_told_in_time(
    ise: IseBench, soon: datetime
) -> None:
    control = control_of(ise, deadline_s=0.8)
    plan = await planned(ise, control)
    await ise.api.inject(Fault(FaultKind.HANG_AFTER_WRITE))
    first, second = await asyncio.gather(
        control.apply(plan, soon), control.apply(plan, soon), return_exceptions=True
    )
    assert isinstance(first, OutcomeUnknown)
    assert isinstance(second, Unreachable)
    assert ise.effects() == 1
