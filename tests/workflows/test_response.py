"""What a response does, seen through the real server, the real ledger and a site in memory."""

from collections import Counter

from firebreak.domain.plan import OutcomeKind
from firebreak.domain.record import Entry, Kind
from firebreak.errors import Rejected, Unreachable
from firebreak.playbook.program import ForEach, Parallel, Set, When
from tests.workflows.bench import Bench
from tests.workflows.playbooks import contain, note, probe, program, release
from tests.workflows.site import PRODUCTION, QUARANTINE


def outcomes(chain: list[Entry]) -> dict[str, OutcomeKind]:
    """What each step came to."""
    found = {}
    for entry in chain:
        if entry.kind is Kind.OUTCOME and isinstance(outcome := entry.body["outcome"], dict):
            found[str(outcome["step"])] = OutcomeKind(str(outcome["kind"]))
    return found


async def test_a_device_is_contained_held_and_given_back(bench: Bench) -> None:
    result, chain = await bench.run(program(contain(), probe(), note(), release()))
    assert (result.status, result.contained, result.detail) == ("completed", True, "")
    assert bench.site.vlan["cam-17"] == PRODUCTION
    assert [write[1] for write in bench.site.writes] == ["switch", "switch/revert"]
    kinds = [entry.kind for entry in chain]
    assert (kinds[0], kinds[-1]) == (Kind.OPENED, Kind.CLOSED)
    assert await bench.ledger.holds() == ()


async def test_every_intent_stands_before_its_outcome_and_each_only_once(bench: Bench) -> None:
    _, chain = await bench.run(program(contain(), note(), release()))
    place = {entry.key: entry.seq for entry in chain}
    assert Counter(place.values()).most_common(1)[0][1] == 1
    for key, seq in place.items():
        if key.startswith("outcome:"):
            assert place[f"intent:{key.removeprefix('outcome:')}#1"] < seq


async def test_a_contained_device_costs_one_activity(bench: Bench) -> None:
    started = await bench.start(program(contain()))
    await bench.result(started)
    handle = bench.client.get_workflow_handle(started.workflow)
    history = await handle.fetch_history()
    scheduled = [
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert scheduled == ["perform"]


async def test_the_next_rung_is_taken_when_one_cannot_be_reached(bench: Bench) -> None:
    bench.site.faults.refuse["switch"] = Unreachable("no route to the switch")
    result, chain = await bench.run(program(contain()))
    assert result.contained
    assert bench.site.up["cam-17"] is False
    assert outcomes(chain) == {
        "contain/switch": OutcomeKind.FAILED,
        "contain/port-down": OutcomeKind.ENFORCED,
    }


async def test_a_refusal_is_recorded_and_nothing_is_written(bench: Bench) -> None:
    for rung in ("switch", "port-down"):
        bench.site.faults.refuse[rung] = Rejected("the port is a trunk")
    result, chain = await bench.run(program(contain()))
    assert (result.status, result.contained) == ("failed", False)
    assert "the port is a trunk" in result.detail
    assert bench.site.writes == []
    assert set(outcomes(chain).values()) == {OutcomeKind.REFUSED}


async def test_a_lost_answer_is_settled_by_looking_not_by_sending_again(bench: Bench) -> None:
    bench.site.faults.lose_answer.add("switch")
    result, chain = await bench.run(program(contain()))
    assert result.contained
    assert [write[1] for write in bench.site.writes] == ["switch"]
    assert outcomes(chain) == {"contain/switch": OutcomeKind.ENFORCED}


async def test_a_lost_write_is_sent_again_under_an_intent_of_its_own(bench: Bench) -> None:
    bench.site.faults.lose_write.add("switch")
    result, chain = await bench.run(program(contain()))
    assert result.contained
    assert [write[1] for write in bench.site.writes] == ["switch"]
    assert [e.key for e in chain if e.kind is Kind.INTENT] == [
        "intent:contain/switch#1",
        "intent:contain/switch#2",
    ]


async def test_a_switch_that_lies_is_caught_by_the_probe_and_put_back(bench: Bench) -> None:
    bench.site.faults.lie.add("switch")
    result, chain = await bench.run(program(contain()))
    assert result.contained
    assert outcomes(chain) == {
        "contain/switch": OutcomeKind.FAILED,
        "contain/port-down": OutcomeKind.ENFORCED,
    }
    assert bench.site.vlan["cam-17"] == PRODUCTION  # the first rung's change was undone


async def test_a_blind_sentinel_never_counts_as_contained(bench: Bench) -> None:
    bench.site.blind = True
    result, chain = await bench.run(program(contain()))
    assert (result.status, result.contained) == ("completed", False)
    assert outcomes(chain) == {"contain/switch": OutcomeKind.ACCEPTED}
    assert [hold.device for hold in await bench.ledger.holds()] == ["cam-17"]


async def test_a_device_that_was_silent_before_never_counts_as_contained(bench: Bench) -> None:
    bench.site.up["cam-17"] = False
    result, chain = await bench.run(program(contain()))
    assert not result.contained
    assert outcomes(chain)["contain/switch"] is OutcomeKind.ACCEPTED


async def test_what_policy_forbids_does_not_happen(bench: Bench) -> None:
    bench.rules.forbidden.add("network.quarantine")
    result, chain = await bench.run(program(contain()))
    assert result.status == "failed"
    assert bench.site.writes == []
    assert outcomes(chain) == {"contain/switch": OutcomeKind.REFUSED}


async def test_a_failure_edge_catches_a_failed_step(bench: Bench) -> None:
    bench.site.faults.refuse["switch"] = Rejected("no")
    steps = program(contain(ladder=("switch",), on_failure=(note("told"),)), note("after"))
    result, chain = await bench.run(steps)
    assert result.status == "completed"
    assert list(outcomes(chain)) == ["contain/switch", "told", "after"]


async def test_branches_run_side_by_side_and_all_end_before_a_failure_goes_on(
    bench: Bench,
) -> None:
    bench.site.faults.refuse["switch"] = Rejected("no")
    both = Parallel(id="both", branches=((contain(ladder=("switch",)),), (note("a"), note("b"))))
    result, chain = await bench.run(program(both, note("never")))
    assert result.status == "failed"
    assert {"a", "b"} <= outcomes(chain).keys()
    assert "never" not in outcomes(chain)


async def test_each_item_of_a_list_gets_its_own_steps(bench: Bench) -> None:
    each = ForEach(
        id="each",
        items="['cam-17', 'cam-18']",
        name="who",
        limit=5,
        at_once=2,
        steps=(contain(device="{{ who }}"),),
    )
    result, chain = await bench.run(program(each))
    assert result.contained
    assert bench.site.vlan == {"cam-17": QUARANTINE, "cam-18": QUARANTINE}
    assert set(outcomes(chain)) == {"each[0]/contain/switch", "each[1]/contain/switch"}


async def test_more_items_than_max_is_a_failure_before_anything_is_done(bench: Bench) -> None:
    each = ForEach(
        id="each",
        items="['cam-17', 'cam-18']",
        name="who",
        limit=1,
        steps=(contain(device="{{ who }}"),),
    )
    result, _ = await bench.run(program(each))
    assert result.status == "failed"
    assert bench.site.writes == []


async def test_later_steps_see_what_earlier_ones_found(bench: Bench) -> None:
    steps = program(
        contain(),
        Set(id="keep", values={"seen": "{{ steps.contain.contained }}"}),
        When(id="choice", test="vars.seen", then=(note("yes"),), otherwise=(note("no"),)),
        note("skipped", when="steps.contain.error == 'unreachable'"),
    )
    _, chain = await bench.run(steps)
    assert list(outcomes(chain)) == ["contain/switch", "yes"]


async def test_an_undefined_name_fails_the_step_and_never_counts_as_false(bench: Bench) -> None:
    result, _ = await bench.run(program(note("a", when="alert.severity > 3"), note("b")))
    assert result.status == "failed"
    assert "alert" in result.detail


async def test_an_observation_is_repeated_until_it_is_true(bench: Bench) -> None:
    waiting = probe(until="result.reachable == false", every_s=1, within_s=30)
    started = await bench.start(program(waiting, note()))
    bench.site.up["cam-17"] = False
    result = await bench.result(started)
    assert result.status == "completed"


async def test_an_observation_that_never_comes_true_fails_in_its_time(bench: Bench) -> None:
    waiting = probe(until="result.reachable == false", every_s=1, within_s=1)
    result, _ = await bench.run(program(waiting))
    assert result.status == "failed"
    assert "not within 1 s" in result.detail


async def test_release_without_a_hold_does_nothing_and_says_so(bench: Bench) -> None:
    result, chain = await bench.run(program(release()))
    assert result.status == "completed"
    assert [e.body["what"] for e in chain if e.kind is Kind.STEP] == ["nothing to release"]


async def test_a_reversible_control_without_a_hold_is_refused_when_it_runs(bench: Bench) -> None:
    result, _ = await bench.run(program(contain(hold=None)))
    assert result.status == "failed"
    assert bench.site.writes == []
