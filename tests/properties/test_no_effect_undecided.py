"""No effect without a decision that allows it, and no cap is ever passed, whatever happens.

Over random policies, plans, people, drifts and failures. What is checked is read from the record
and from the site itself, not from what the engine says of itself.
"""

import asyncio
import contextlib
import itertools
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from firebreak.contracts.policy import Question
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.limits import Cap, Limits
from firebreak.domain.people import Decision, Effect, Principal, Verdict, Vote
from firebreak.domain.plan import Plan
from firebreak.domain.record import Entry, Kind
from firebreak.errors import NotFound
from firebreak.ledger.store import SqlLedger
from firebreak.policy.cedar import CedarPolicy
from tests.properties.policies import loaded, policies
from tests.properties.responding import FATES, PEOPLE, Said, Script, respond, world
from tests.workflows.site import PRODUCTION, MemorySite, camera

DEVICES = 4
_incidents = (f"inc-{number:012x}" for number in itertools.count(1))
_numbers = itertools.count(1)

SAID = st.builds(
    Said,
    who=st.sampled_from(PEOPLE),
    verdict=st.sampled_from([Verdict.APPROVE] * 6 + [Verdict.DENY]),
    stale=st.sampled_from([False] * 6 + [True]),
)
SCRIPTS = st.builds(
    Script, answers=st.lists(SAID, max_size=14), drifts=st.lists(st.booleans(), max_size=3)
)
CAPS = st.none() | st.builds(Cap, at_once=st.integers(0, 3), per_hour=st.integers(0, 5))
REQUESTERS = st.sampled_from(PEOPLE) | st.just(
    Principal(id="automation", kind="automation", roles=frozenset({"automation"}))
)


@dataclass
class CountingSite(MemorySite):
    """Remembers the most devices that were cut off at one time, by scope."""

    most: Counter[str] = field(default_factory=Counter)

    def put(self, device_id: str, rung: str, state: JsonObject) -> None:
        """Count after each write."""
        super().put(device_id, rung, state)
        away = [d for d in self.devices.values() if not self.reachable(d.id)]
        counted = Counter(f"site/{d.site}" for d in away)
        counted += Counter(f"group/{d.redundancy_group}" for d in away if d.redundancy_group)
        self.most |= counted


def fleet(draw: st.DrawFn) -> CountingSite:
    """Devices that no other example has: they share one ledger."""
    number = next(_numbers)
    devices = [
        camera(
            number * DEVICES + n,
            site=f"site-{number}",
            safety=draw(st.sampled_from(["none", "none", "monitoring"])),
            redundancy_group=draw(st.sampled_from([None, f"g-{number}"])),
        )
        for n in range(DEVICES)
    ]
    return counting(devices, Limits(site=draw(CAPS), redundancy_group=draw(CAPS)))


def counting(devices: Sequence[Device], limits: Limits) -> CountingSite:
    """All of them in production."""
    return CountingSite(
        {device.id: device for device in devices},
        vlan={device.id: PRODUCTION for device in devices},
        up={device.id: True for device in devices},
        limits=limits,
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[CountingSite, dict[str, Script], list[str]]:
    """A site, what people say about each device, and how writes end."""
    site = fleet(draw)
    return (
        site,
        {device: draw(SCRIPTS) for device in site.devices},
        draw(st.lists(st.sampled_from(FATES), max_size=12)),
    )


async def run(
    text: str, case: tuple[CountingSite, dict[str, Script], list[str]], requester: Principal
) -> None:
    site, scripts, fates = case
    with tempfile.TemporaryDirectory() as folder:
        ledger = await SqlLedger.open(f"sqlite:///{Path(folder) / 'ledger.db'}")
        policy = loaded(text)
        try:
            named = await respond(
                world(ledger, policy, site, fates), scripts, site, _incidents, requester
            )
            for device, incident in named.items():
                with contextlib.suppress(NotFound):
                    chain = await ledger.chain(incident)
                    _each_effect_was_decided(chain, site.devices[device], requester, policy)
            _nothing_moved_without_intent(site, [await _chain(ledger, i) for i in named.values()])
        finally:
            await ledger.close()
    _no_cap_was_passed(site)


async def _chain(ledger: SqlLedger, incident: str) -> Sequence[Entry]:
    try:
        return await ledger.chain(incident)
    except NotFound:
        return ()


def _each_effect_was_decided(
    chain: Sequence[Entry], device: Device, requester: Principal, policy: CedarPolicy
) -> None:
    for entry in chain:
        if entry.kind is not Kind.INTENT or entry.body.get("revert"):
            continue
        plan = Plan.model_validate(entry.body["plan"])
        said = policy.decide(
            Question(
                action=plan.action,
                plan=plan,
                device=device,
                requester=requester,
                severity=4,
                confidence=60,
            )
        )
        assert said.effect is not Effect.FORBID
        said_before = [e.body for e in chain[: entry.seq] if e.kind is Kind.NOTE]
        votes = [Vote.model_validate(body["vote"]) for body in said_before]
        about = [
            Vote.model_validate(body["vote"]) for body in said_before if plan.hash in _plans(body)
        ]
        agreed = [vote for vote in about if vote.verdict is Verdict.APPROVE]
        assert requester.id not in {vote.who.id for vote in votes}
        assert _shared_out(_slots(said), [v.who.roles for v in agreed])
        assert len(agreed) == len(about)  # nobody said no


def _plans(body: JsonObject) -> list[JsonValue]:
    plans = body["plans"]
    assert isinstance(plans, list)
    return plans


def _slots(said: Decision) -> list[str]:
    return [gate.role for gate in said.gates for _ in range(gate.quorum)]


def _shared_out(slots: list[str], people: list[frozenset[str]]) -> bool:
    """Whether each slot finds somebody of its role, and nobody has two. By trying."""
    if not slots:
        return True
    return any(
        slots[0] in roles and _shared_out(slots[1:], people[:at] + people[at + 1 :])
        for at, roles in enumerate(people)
    )


def _nothing_moved_without_intent(site: CountingSite, chains: Sequence[Sequence[Entry]]) -> None:
    intents = Counter(
        (str(plan["device"]), str(plan["rung"]))
        for chain in chains
        for entry in chain
        if entry.kind is Kind.INTENT and isinstance(plan := entry.body.get("plan"), dict)
    )
    moved = Counter((device, rung) for device, rung, _ in site.writes if "/revert" not in rung)
    assert moved <= intents


def _no_cap_was_passed(site: CountingSite) -> None:
    for scope, most in site.most.items():
        cap = site.limits.site if scope.startswith("site/") else site.limits.redundancy_group
        if cap is not None and cap.at_once is not None:
            assert most <= cap.at_once


@settings(deadline=timedelta(seconds=20), max_examples=40)
@given(policies(most=3), cases(), REQUESTERS)
def test_no_effect_happens_without_a_decision_that_allows_it_and_no_cap_is_passed(
    text: str, case: tuple[CountingSite, dict[str, Script], list[str]], requester: Principal
) -> None:
    asyncio.run(run(text, case, requester))


def test_who_agrees_in_time_is_what_decides() -> None:
    """The check above would hold of an engine that does nothing: this one has to act, once."""
    first, second, third = (p for p in PEOPLE if "on-call" in p.roles)
    yes = Verdict.APPROVE
    answers = [
        [Said(first, yes), Said(second, yes)],
        [Said(first, yes), Said(first, yes)],
        [Said(first, yes), Said(third, yes)],  # the third has asked for it
        [Said(first, yes), Said(second, Verdict.DENY)],
    ]
    devices = [camera(next(_numbers) * DEVICES) for _ in answers]
    site = counting(devices, Limits(site=None))
    scripts = {d.id: Script(said) for d, said in zip(devices, answers, strict=True)}
    text = (
        '@id("two") @summary("two people") @approve("2 on-call within 15m") '
        "permit (principal, action, resource);"
    )
    asyncio.run(run(text, (site, scripts, ["died after"]), third))
    assert {device for device, _, _ in site.writes} == {devices[0].id}
