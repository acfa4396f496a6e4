"""Switches that fail, through the whole engine: the right word, the right rung, and the truth."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

import pytest

from firebreak.cyber_range.faults import FaultKind
from firebreak.domain.estate import Estate
from firebreak.domain.plan import OutcomeKind
from firebreak.domain.record import Kind
from tests.e2e.bad_day import Ending, Trouble, play
from tests.e2e.journey import checked_receipt, holds
from tests.e2e.stack import Stack

pytestmark = pytest.mark.xdist_group("heavy")

VLAN = "switchport access vlan"  # what the first rung writes, and not the second
QUARANTINE, BACK = f"{VLAN} 666", f"{VLAN} 110"

ENFORCED = (OutcomeKind.ENFORCED, "")
UNREACHABLE = (OutcomeKind.FAILED, "unreachable")
AUTH_FAILED = (OutcomeKind.FAILED, "auth-failed")
REJECTED = (OutcomeKind.REFUSED, "rejected")
NOT_IN_FORCE = (OutcomeKind.FAILED, "verification-failed")


@dataclass(frozen=True)
class Case:
    """A trouble, the last word on each rung in order, and what takes effect on the port."""

    trouble: Trouble
    words: tuple[tuple[OutcomeKind, str], ...]
    effects: tuple[str, ...] = ()


def _once(kind: FaultKind) -> Trouble:
    return Trouble(kind, times=1, match=VLAN)


CASES = {
    "refuses connections": Case(Trouble(FaultKind.REFUSE), (UNREACHABLE, UNREACHABLE)),
    "does not answer at all": Case(Trouble(FaultKind.SILENT), (UNREACHABLE, UNREACHABLE)),
    "hangs": Case(Trouble(FaultKind.HANG), (UNREACHABLE, UNREACHABLE)),
    "has another password": Case(Trouble(FaultKind.WRONG_PASSWORD), (AUTH_FAILED, AUTH_FAILED)),
    "has another host key": Case(Trouble(FaultKind.WRONG_HOST_KEY), (AUTH_FAILED, AUTH_FAILED)),
    "is slow": Case(Trouble(FaultKind.SLOW, delay_s=0.1), (ENFORCED,), (QUARANTINE,)),
    "drops the line before the write": Case(
        _once(FaultKind.DROP_BEFORE_WRITE), (ENFORCED,), (QUARANTINE,)
    ),
    "drops the line after the write": Case(
        _once(FaultKind.DROP_AFTER_WRITE), (ENFORCED,), (QUARANTINE,)
    ),
    "hangs before the write": Case(_once(FaultKind.HANG_BEFORE_WRITE), (ENFORCED,), (QUARANTINE,)),
    "hangs after the write": Case(_once(FaultKind.HANG_AFTER_WRITE), (ENFORCED,), (QUARANTINE,)),
    "rejects the VLAN": Case(
        Trouble(FaultKind.REJECT_WRITE, match=VLAN), (REJECTED, ENFORCED), ("shutdown",)
    ),
    "rejects every write": Case(Trouble(FaultKind.REJECT_WRITE), (REJECTED, REJECTED)),
    "cannot save": Case(Trouble(FaultKind.REJECT_SAVE), (ENFORCED,), (QUARANTINE,)),
    "lies about the VLAN": Case(
        Trouble(FaultKind.LIE, match=VLAN), (NOT_IN_FORCE, ENFORCED), (QUARANTINE, BACK, "shutdown")
    ),
    "lies about everything": Case(
        Trouble(FaultKind.LIE),
        (NOT_IN_FORCE, NOT_IN_FORCE),
        (QUARANTINE, BACK, "shutdown", "no shutdown"),
    ),
}
# Here the last word is that nobody knows, and a person has to end it.
LOSES_EVERY_WRITE = "loses every write"
TROUBLES = {name: case.trouble for name, case in CASES.items()} | {
    LOSES_EVERY_WRITE: Trouble(FaultKind.DROP_BEFORE_WRITE)
}


@pytest.fixture(scope="module")
def endings(site: Stack, estate: Estate) -> dict[str, Ending]:
    """All of them at the same time: no bad switch holds up the response on another."""
    return asyncio.run(play(site, estate, TROUBLES))


@pytest.mark.parametrize("name", CASES)
def test_each_rung_ends_with_the_right_word(endings: dict[str, Ending], name: str) -> None:
    words = [
        (outcome.rung, outcome.kind, outcome.error)
        for outcome in endings[name].story.outcomes
        if outcome.action == "network.quarantine"
    ]
    assert words == [
        (rung, *word)
        for rung, word in zip(("switch", "port-down"), CASES[name].words, strict=False)
    ]


@pytest.mark.parametrize("name", TROUBLES)
def test_contained_on_paper_is_contained_in_truth(endings: dict[str, Ending], name: str) -> None:
    ending = endings[name]
    last = [o for o in ending.story.outcomes if o.action == "network.quarantine"][-1]
    cut_off = not ending.answers
    assert ending.story.incident.contained is cut_off
    assert (last.kind is OutcomeKind.ENFORCED) is cut_off
    forwarding = ending.port["forwarding"]
    assert (forwarding["vlan"] == 666 or not forwarding["up"]) is cut_off


@pytest.mark.parametrize("name", TROUBLES)
def test_people_are_told_when_nothing_holds(endings: dict[str, Ending], name: str) -> None:
    ending = endings[name]
    told = [o for o in ending.story.outcomes if o.step == "not_contained"]
    assert bool(told) is ending.answers


@pytest.mark.parametrize("name", CASES)
def test_each_effect_is_sent_once_and_none_is_left_behind(
    endings: dict[str, Ending], name: str
) -> None:
    ending = endings[name]
    assert tuple(write.command for write in ending.effects) == CASES[name].effects
    assert all(write.changed for write in ending.effects)
    assert ending.holds == ([] if ending.answers else ["network.quarantine"])
    if ending.answers:
        assert (ending.port["config"]["vlan"], ending.port["config"]["up"]) == (110, True)


@pytest.mark.parametrize("name", TROUBLES)
def test_nothing_is_sent_without_its_intent(endings: dict[str, Ending], name: str) -> None:
    ending = endings[name]
    intents = [e.at for e in ending.story.of_kind(Kind.INTENT) if e.body["step"] != "not_contained"]
    for number, write in enumerate(ending.effects):
        assert intents[number] < datetime.fromisoformat(write.at)


async def test_what_nobody_knows_is_said_to_be_unknown_and_waits_for_a_person(
    site: Stack, endings: dict[str, Ending]
) -> None:
    ending = endings[LOSES_EVERY_WRITE]
    device = ending.story.incident.device
    assert ending.story.outcomes[0].kind is OutcomeKind.UNKNOWN
    assert ending.holds == ["network.quarantine"]
    why = {"reason": "looked at the port by hand"}
    async with site.api("ada") as ada:
        answer = await ada.post(f"/holds/{device}/network.quarantine/release", json=why)
        assert answer.status_code == 200, answer.text
        assert await holds(ada, device) == []
    assert ending.effects == ()


async def test_receipts_of_bad_days_verify(site: Stack, endings: dict[str, Ending]) -> None:
    async with site.api("ada") as ada:
        for name, ending in endings.items():
            report = await checked_receipt(site, ada, ending.story.incident.id)
            assert report.valid, (name, report.checks)
