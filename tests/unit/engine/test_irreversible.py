"""An operation that cannot be undone minds halts and caps, and never reads as undone."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.operation import OperationRunner
from activities.witness import Witness
from activities.world import World
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.limits import Cap, Limits
from firebreak.domain.people import Principal
from firebreak.domain.plan import Outcome, OutcomeKind
from firebreak.domain.record import JOURNAL, Kind, NewEntry
from firebreak.domain.step import Ask
from firebreak.errors import Rejected, Unreachable
from firebreak.ledger.store import SqlLedger
from firebreak.playbook.catalogue import Action, ActionKind, Catalogue
from firebreak.policy.blast_radius import BlastRadius
from tests.workflows.policy import Rules
from tests.workflows.site import MemoryInventory, MemorySite, camera

WIPE = Action(name="device.wipe", kind=ActionKind.EFFECT, summary="Wipe it", reversible=False)


class Wiper:
    """Remembers what it wiped, and then raises what it is given."""

    def __init__(self, error: BaseException | None = None, *, idempotent: bool = False) -> None:
        self.wiped: list[str] = []
        self.error = error
        self.idempotent = idempotent

    async def run(self, device: Device, inputs: JsonObject, key: str) -> JsonObject:
        del inputs, key
        self.wiped.append(device.id)
        if self.error is not None:
            raise self.error
        return {}


class KilledError(BaseException):
    """The worker is gone: nothing of ours gets to run after it."""


def now() -> datetime:
    return datetime.now(UTC)


def ask(number: int) -> Ask:
    return Ask(
        incident=f"inc-{number:012x}",
        response="",
        step="wipe",
        action=WIPE.name,
        device=f"cam-{number}",
        requester=Principal(id="ada"),
    )


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqlLedger]:
    store = await SqlLedger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield store
    await store.close()


def running(
    ledger: SqlLedger, site: MemorySite, wiper: Wiper | None, limits: Limits | None = None
) -> OperationRunner:
    """Over ``limits`` or those of the site; without a wiper no adapter is there any more."""
    inventory = MemoryInventory(site)
    return OperationRunner(
        World(
            catalogue=Catalogue([WIPE]),
            ledger=ledger,
            policy=Rules(),
            inventory=inventory,
            controls={},
            locator=site,
            operations={WIPE.name: wiper} if wiper else {},
            witness=Witness(site),
            clock=now,
            send_window=timedelta(seconds=1),
            blast_radius=BlastRadius(lambda: limits or site.limits, inventory),
        )
    )


async def wiped(runner: OperationRunner, number: int = 1, *, last: bool = True) -> Outcome:
    answer = await runner.perform(ask(number), last_attempt=last)
    assert answer.outcome is not None
    return answer.outcome


async def test_wiping_counts_for_its_hour_and_stops_in_a_halt(ledger: SqlLedger) -> None:
    site, wiper = MemorySite.of(*(camera(number) for number in (1, 2, 3))), Wiper()
    capped = running(ledger, site, wiper, Limits(site=Cap(at_once=1, per_hour=2)))
    said = [await wiped(capped, number) for number in (1, 2, 3)]
    assert [outcome.kind for outcome in said] == [
        OutcomeKind.ENFORCED,
        OutcomeKind.ENFORCED,
        OutcomeKind.REFUSED,
    ]
    assert (said[2].error, wiper.wiped) == ("blast-radius", ["cam-1", "cam-2"])
    body: JsonObject = {"halt": "h", "site": "plant-1", "reason": "forged"}
    await ledger.append(
        NewEntry(incident=JOURNAL, key="h", kind=Kind.HALTED, at=now(), actor="bo", body=body)
    )
    again = ask(3).model_copy(update={"step": "again"})
    third = await running(ledger, site, wiper).perform(again, last_attempt=True)
    assert third.outcome is not None
    assert (third.outcome.error, wiper.wiped) == ("halted", ["cam-1", "cam-2"])


@pytest.mark.parametrize(
    "error",
    [KeyError("the answer has no field 'id'"), Unreachable("no answer")],
    ids=["a bug", "retryable"],
)
async def test_what_breaks_once_it_may_be_done_is_unknown(
    ledger: SqlLedger, error: Exception
) -> None:
    wiper = Wiper(error)
    outcome = await wiped(running(ledger, MemorySite.of(camera(1)), wiper))
    assert (outcome.kind, wiper.wiped) == (OutcomeKind.UNKNOWN, ["cam-1"])
    assert "may have been done" in outcome.detail


@pytest.mark.parametrize("gone", ["device", "adapter"])
async def test_what_a_dead_worker_had_begun_is_unknown_whatever_is_gone_since(
    ledger: SqlLedger, gone: str
) -> None:
    site, wiper = MemorySite.of(camera(1)), Wiper(KilledError())
    with pytest.raises(KilledError):
        await wiped(running(ledger, site, wiper), last=False)
    if gone == "device":
        del site.devices["cam-1"]
    left = None if gone == "adapter" else wiper
    outcome = await wiped(running(ledger, site, left), last=False)
    assert (outcome.kind, wiper.wiped) == (OutcomeKind.UNKNOWN, ["cam-1"])


async def test_what_the_system_refused_or_may_be_repeated_is_a_plain_no(ledger: SqlLedger) -> None:
    site = MemorySite.of(camera(1), camera(2))
    refused = await wiped(running(ledger, site, Wiper(Rejected("not this one"))))
    assert refused.kind is OutcomeKind.REFUSED
    harmless = Wiper(KeyError("a bug"), idempotent=True)
    assert (await wiped(running(ledger, site, harmless), 2)).kind is OutcomeKind.FAILED
