"""A session goes to quarantine and back by policy, and no bad day of the NAS reads as success."""

import asyncio
from pathlib import Path

import pytest

from firebreak.cyber_range.nas_faults import NasFaultKind
from firebreak.domain.estate import FreeRadiusUsers
from firebreak.errors import (
    CapabilityMissing,
    FirebreakError,
    NotThere,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    StateDrifted,
    Unreachable,
)
from integrations.network.radius.controls import RadiusQuarantine
from integrations.network.radius.freeradius_users import FreeRadiusUsersSource
from tests.unit.radius.site import (
    HOME,
    MAC,
    QUARANTINE,
    SECRET,
    RadiusSite,
    RangeWitness,
    radius_site,
    soon,
)


async def test_the_device_lands_in_quarantine_and_comes_back(site: RadiusSite) -> None:
    control = site.control()
    plan = await site.planned(control)
    assert await control.apply(plan, soon()) == plan.after
    assert site.vlan() == QUARANTINE
    assert not site.network.reachable("node-17")
    assert await control.revert(plan, soon()) == plan.before
    assert site.vlan() == HOME
    assert site.network.reachable("node-17")
    assert site.source.writes == 2


@pytest.mark.parametrize("means", ["disconnect", "reauthenticate"])
async def test_each_means_makes_the_session_follow(site: RadiusSite, means: str) -> None:
    control = site.control(reauthenticate=means, settle_s=0)
    plan = await site.planned(control)
    await control.apply(plan, soon())
    assert site.vlan() == QUARANTINE


async def test_a_session_is_moved_by_coa_and_brought_back_by_asking_again(site: RadiusSite) -> None:
    control = site.control(vlan="coa")
    plan = await site.planned(control)
    await control.apply(plan, soon())
    assert site.vlan() == QUARANTINE
    assert site.source.state(MAC) == {"vlan": QUARANTINE}
    await control.revert(plan, soon())
    assert site.vlan() == HOME
    assert site.commands() == [f"CoA-Request VLAN {QUARANTINE}", "Disconnect-Request"]


async def test_observing_sends_only_what_has_no_effect(site: RadiusSite) -> None:
    seen = await site.seen(site.control())
    assert site.commands() == []
    assert site.nas.requests == 1
    assert seen.sighted is False
    assert "answers and takes such requests" in " ".join(seen.evidence)


async def test_a_wrong_secret_is_found_before_anything_is_changed(site: RadiusSite) -> None:
    control = site.control()
    plan = await site.planned(control)
    site.inject(NasFaultKind.WRONG_SECRET)
    with pytest.raises(Unreachable, match="check the secret"):
        await site.seen(control)
    with pytest.raises(Unreachable) as caught:
        await control.apply(plan, soon())
    assert SECRET not in str(caught.value)
    assert site.source.writes == 0


async def test_a_wrong_nas_identifier_is_found_by_looking(site: RadiusSite) -> None:
    with pytest.raises(Rejected, match="nas_identifier"):
        await site.seen(site.control(nas_identifier="sw-9"))


async def test_a_nas_that_does_not_take_tunnels_is_found_by_looking(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with radius_site(tmp_path_factory.mktemp("nas"), tunnel=False) as site:
        with pytest.raises(Rejected, match="401"):
            await site.seen(site.control(vlan="coa"))


@pytest.mark.parametrize(
    ("cause", "error"),
    [
        (501, Rejected),
        (None, Rejected),
        (407, Rejected),
        (504, CapabilityMissing),
        (506, RateLimited),
        (503, NotThere),
    ],
)
async def test_a_refusal_puts_the_source_back_and_says_why(
    site: RadiusSite, cause: int | None, error: type[FirebreakError]
) -> None:
    control = site.control()
    plan = await site.planned(control)
    site.inject(NasFaultKind.NAK, cause=cause)
    with pytest.raises(error) as caught:
        await control.apply(plan, soon())
    assert type(caught.value) is error
    assert site.source.state(MAC) == {}
    assert site.vlan() == HOME
    assert (await site.seen(control)).state == plan.before


async def test_a_refusal_whose_source_stays_changed_is_unknown(site: RadiusSite) -> None:
    control = site.control()
    plan = await site.planned(control)
    site.inject(NasFaultKind.NAK)
    site.source.fails_at[2] = Unreachable("the database is gone")
    with pytest.raises(OutcomeUnknown, match="range-users stays changed"):
        await control.apply(plan, soon())
    assert site.source.state(MAC) == {"vlan": QUARANTINE}


@pytest.mark.parametrize(
    "kind",
    [NasFaultKind.SWALLOW, NasFaultKind.FORGED_REPLY, NasFaultKind.WRONG_CODE],
)
async def test_no_believable_answer_is_unknown_and_the_next_try_asks_again(
    site: RadiusSite, kind: NasFaultKind
) -> None:
    control = site.control()
    plan = await site.planned(control)
    site.inject(kind)
    with pytest.raises(OutcomeUnknown):
        await control.apply(plan, soon())
    site.nas.faults.clear()
    assert await control.apply(plan, soon()) == plan.after
    assert site.vlan() == QUARANTINE
    assert site.source.writes == 1
    done = len(site.commands())
    assert await control.apply(plan, soon()) == plan.after
    assert len(site.commands()) == done


async def test_after_silence_a_revert_brings_a_session_back_that_had_followed(
    site: RadiusSite,
) -> None:
    control = site.control()
    plan = await site.planned(control)
    site.inject(NasFaultKind.HANG_AFTER_WRITE)
    with pytest.raises(OutcomeUnknown):
        await control.apply(plan, soon())
    assert site.vlan() == QUARANTINE
    site.nas.faults.clear()
    assert await control.revert(plan, soon()) == plan.before
    assert site.vlan() == HOME


async def test_silence_of_a_revert_is_made_good_by_the_next(site: RadiusSite) -> None:
    control = site.control()
    plan = await site.planned(control)
    await control.apply(plan, soon())
    site.inject(NasFaultKind.SWALLOW)
    with pytest.raises(OutcomeUnknown):
        await control.revert(plan, soon())
    assert site.vlan() == QUARANTINE
    site.nas.faults.clear()
    assert await control.revert(plan, soon()) == plan.before
    assert site.vlan() == HOME


async def test_a_lost_reply_is_answered_again_and_acted_on_once(site: RadiusSite) -> None:
    control = site.control()
    plan = await site.planned(control)
    site.inject(NasFaultKind.LOSE_REPLY, times=1)
    assert await control.apply(plan, soon()) == plan.after
    assert site.commands() == ["Disconnect-Request"]


async def test_no_session_after_a_retransmission_is_unknown(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with radius_site(tmp_path_factory.mktemp("nas"), reauth_s=60.0) as site:
        control = site.control()
        plan = await site.planned(control)
        site.inject(NasFaultKind.FORGET, times=1)
        with pytest.raises(OutcomeUnknown, match="one may have acted"):
            await control.apply(plan, soon())
        assert site.source.state(MAC) == {"vlan": QUARANTINE}
        with pytest.raises(OutcomeUnknown, match="earlier request may have been acted on"):
            await control.apply(plan, soon())


async def test_a_device_without_a_session_is_not_there(site: RadiusSite) -> None:
    control = site.control()
    plan = await site.planned(control)
    site.network.unplug("node-17")
    with pytest.raises(NotThere):
        await control.apply(plan, soon())
    assert site.source.state(MAC) == {}


async def test_a_device_that_left_is_released_by_its_source(site: RadiusSite) -> None:
    control = site.control()
    plan = await site.planned(control)
    await control.apply(plan, soon())
    site.network.unplug("node-17")
    assert await control.revert(plan, soon()) == plan.before
    assert site.source.state(MAC) == {}


async def test_an_unknown_write_of_the_source_stays_unknown_and_is_followed_up(
    site: RadiusSite,
) -> None:
    control = site.control()
    plan = await site.planned(control)
    site.source.fails_at[1] = OutcomeUnknown("the reload timed out")
    with pytest.raises(OutcomeUnknown, match="reload"):
        await control.apply(plan, soon())
    assert site.commands() == []
    assert await control.apply(plan, soon()) == plan.after
    assert site.vlan() == QUARANTINE


async def test_a_source_that_refuses_leaves_the_session_alone(site: RadiusSite) -> None:
    control = site.control()
    plan = await site.planned(control)
    site.source.fails_at[1] = Rejected("read-only")
    with pytest.raises(Rejected, match="read-only"):
        await control.apply(plan, soon())
    assert site.commands() == []


async def test_an_ack_is_no_proof_to_a_witness(site: RadiusSite) -> None:
    control = site.control(witness=RangeWitness(site.nas))
    plan = await site.planned(control)
    site.inject(NasFaultKind.LIE)
    seen = await control.apply(plan, soon())
    assert seen != plan.after
    assert seen["vlan"] == HOME


async def test_a_witness_waits_for_the_device_to_authenticate(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with radius_site(tmp_path_factory.mktemp("nas"), reauth_s=0.3) as site:
        witness = RangeWitness(site.nas)
        control = site.control(witness=witness, settle_s=5.0)
        assert (await site.seen(control)).sighted is True
        plan = await site.planned(control)
        assert await control.apply(plan, soon()) == plan.after
        assert site.vlan() == QUARANTINE


async def test_a_witness_that_fails_is_evidence_and_no_obstacle_to_a_look(site: RadiusSite) -> None:
    witness = RangeWitness(site.nas, broken=Unreachable("no accounting"))
    seen = await site.seen(site.control(witness=witness))
    assert any("no accounting" in line for line in seen.evidence)


async def test_a_witness_that_fails_after_the_change_leaves_it_unknown(site: RadiusSite) -> None:
    witness = RangeWitness(site.nas)
    control = site.control(witness=witness)
    plan = await site.planned(control)
    witness.broken = Unreachable("no accounting")
    with pytest.raises(OutcomeUnknown, match="cannot be read back"):
        await control.apply(plan, soon())


async def test_a_change_is_finished_when_its_caller_is_gone(site: RadiusSite) -> None:
    control = site.control()
    plan = await site.planned(control)
    work = asyncio.ensure_future(control.apply(plan, soon()))
    while not site.source.writes:
        await asyncio.sleep(0)
    work.cancel()
    await asyncio.wait({work})
    await control.close()
    assert site.vlan() == QUARANTINE


async def test_a_source_changed_by_somebody_else_is_not_overwritten(site: RadiusSite) -> None:
    control = site.control()
    plan = await site.planned(control)
    site.policy.assign(MAC, 20)
    with pytest.raises(StateDrifted):
        await control.apply(plan, soon())
    assert site.source.state(MAC) == {"vlan": 20}
    assert site.commands() == []


async def test_coa_alone_is_read_back_by_the_witness(site: RadiusSite) -> None:
    control = site.control(source=False, witness=RangeWitness(site.nas), vlan="coa")
    plan = await site.planned(control)
    assert plan.before["vlan"] == HOME
    assert "while it lasts" in plan.summary
    site.inject(NasFaultKind.LIE, times=1)
    assert (await control.apply(plan, soon()))["vlan"] == HOME
    assert await control.apply(plan, soon()) == plan.after
    assert await control.revert(plan, soon()) == plan.before


async def test_coa_alone_without_a_session_is_not_there(site: RadiusSite) -> None:
    control = site.control(source=False, witness=RangeWitness(site.nas), vlan="coa")
    site.network.unplug("node-17")
    with pytest.raises(NotThere):
        await site.seen(control)


async def test_the_users_file_of_freeradius_drives_the_range(
    site: RadiusSite, tmp_path: Path
) -> None:
    users = tmp_path / "users"
    users.touch()
    site.policy.users = users
    entry = FreeRadiusUsers(
        kind="freeradius-users", file=str(users), reload=("true",), reload_gap_s=0
    )
    source = FreeRadiusUsersSource(entry, QUARANTINE)
    control = RadiusQuarantine(site.client(), {"bench": site.site}, {"bench": source})
    plan = await site.planned(control)
    assert await control.apply(plan, soon()) == plan.after
    assert site.vlan() == QUARANTINE
    assert await control.revert(plan, soon()) == plan.before
    assert site.vlan() == HOME


async def test_a_plan_of_another_road_is_refused(site: RadiusSite) -> None:
    control = site.control()
    plan = await site.planned(control)
    other = plan.model_copy(update={"after": {**plan.after, "mac": "02:00:00:00:00:99"}})
    with pytest.raises(Rejected, match="different sessions"):
        await control.apply(other, soon())
    with pytest.raises(Rejected, match="no session state"):
        await control.apply(plan.model_copy(update={"before": {"policy": "x"}}), soon())
    gone = {**plan.before, "source": "ise"}
    with pytest.raises(CapabilityMissing, match="no authorization source ise"):
        await control.revert(plan.model_copy(update={"before": gone}), soon())
    assert site.commands() == []
