"""From a parsed alert to a response. Recorded first, so that whatever comes after can be redone."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import structlog

from firebreak.contracts.engine import Started
from firebreak.contracts.ledger import AlertRow, Ledger
from firebreak.contracts.sources import Inventory, Parsed
from firebreak.domain.alert import Alert
from firebreak.domain.base import Model
from firebreak.domain.device import Device
from firebreak.errors import FirebreakError, LedgerUnavailable, NotFound
from firebreak.server.handed import HandedOver
from firebreak.server.lanes import Lanes
from firebreak.server.metrics import Metrics
from firebreak.server.services import Playbooks, Services
from firebreak.server.text import printable

RECORDS_AT_ONCE = 64
ANSWER_WITHIN_S = 20.0
MAX_DETAIL = 1000

RECEIVED = "received"  # recorded and not handed over yet: the sweeper will
RESPONDED = "responded"
UNMATCHED = "unmatched"
UNKNOWN_DEVICE = "unknown-device"
FAILED = "failed"  # the engine refused for good: a person has to look

_log = structlog.get_logger(__name__)


class AlertResult(Model):
    """What became of one alert."""

    id: str
    disposition: str
    device: str = ""
    response: str = ""
    incident: str = ""
    detail: str = ""


class Intake:
    """Records alerts, finds their device and playbooks, and hands them to the engine."""

    def __init__(self, services: Services, metrics: Metrics) -> None:
        """Use the services; everything in flight is known to this object only."""
        self._ledger: Ledger = services.ledger
        self._inventory: Inventory = services.inventory
        self._playbooks: Playbooks = services.playbooks
        self._metrics = metrics
        self._lanes = Lanes(services.engine)
        self._recording = asyncio.Semaphore(RECORDS_AT_ONCE)
        self._delivering: dict[str, asyncio.Task[AlertResult]] = {}

    async def take(self, parsed: Sequence[Parsed]) -> tuple[list[AlertResult], int]:
        """``(what became of each new alert, how many were known already)``.

        An alert that is not through after 20 seconds is answered as ``received`` and goes on.

        Raises:
            LedgerUnavailable: not all were recorded; nothing is lost when all are sent again.
        """
        received_at = datetime.now(UTC)
        by_id = {item.alert.id: item for item in parsed}
        items = [Parsed(alert=self._located(p.alert), raw=p.raw) for p in by_id.values()]
        outcomes = await asyncio.gather(
            *(self._record(item, received_at) for item in items), return_exceptions=True
        )
        new: list[Alert] = []
        for item, outcome in zip(items, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                raise outcome
            if outcome:
                new.append(item.alert)
        return await self._hand_over(new), len(parsed) - len(new)

    async def redeliver(self, rows: Sequence[AlertRow]) -> list[AlertResult]:
        """Deliver alerts recorded earlier, each to those of its playbooks that lack it; then wait.

        Raises:
            LedgerUnavailable: the incidents cannot be listed, so nothing was delivered.
        """
        handed = await HandedOver.read(self._ledger, rows)
        return await self._hand_over([row.alert for row in rows], handed)

    async def _hand_over(
        self, alerts: Iterable[Alert], handed: HandedOver | None = None
    ) -> list[AlertResult]:
        """Deliver alerts, those in flight already excepted, and wait for a while."""
        left = (alert for alert in alerts if alert.id not in self._delivering)
        tasks = [self._deliver_once(alert, handed) for alert in left]
        if tasks:
            await asyncio.wait(tasks, timeout=ANSWER_WITHIN_S)
        return [await t if t.done() else _unfinished(t) for t in tasks]

    async def close(self) -> None:
        """Stop delivering; what is not settled stays ``received`` and is redelivered later."""
        tasks = list(self._delivering.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._lanes.close()

    async def _record(self, item: Parsed, received_at: datetime) -> bool:
        async with self._recording:
            return await self._ledger.record_alert(item.alert, item.raw, received_at)

    def _deliver_once(self, alert: Alert, handed: HandedOver | None) -> asyncio.Task[AlertResult]:
        task = asyncio.create_task(self._deliver(alert, handed), name=alert.id)
        self._delivering[alert.id] = task
        task.add_done_callback(lambda _: self._delivering.pop(alert.id, None))
        return task

    async def _deliver(self, alert: Alert, handed: HandedOver | None) -> AlertResult:
        try:
            result = await self._responded(self._located(alert), handed)
        except Exception as error:  # noqa: BLE001 - an alert outlives any bug of ours
            detail = f"it will be tried again; {_reason(error)}"
            result = AlertResult(id=alert.id, disposition=RECEIVED, detail=detail)
        self._metrics.alerts.labels(alert.source, result.disposition).inc()
        log = _log.warning if result.disposition in (RECEIVED, FAILED) else _log.info
        log("alert handled", title=alert.title, severity=alert.severity.name, **result.to_json())
        if result.disposition == RECEIVED:
            return result
        try:
            await self._ledger.settle_alert(
                alert.id,
                result.disposition,
                detail=result.detail,
                response=result.response,
                incident=result.incident,
            )
        except LedgerUnavailable as error:
            _log.warning("alert could not be settled; it will be", id=alert.id, error=str(error))
        return result

    async def _responded(self, alert: Alert, handed: HandedOver | None) -> AlertResult:
        device = self._device(alert)
        if device is None:
            detail = f"no device in the inventory has {_addresses(alert)}"
            return AlertResult(id=alert.id, disposition=UNKNOWN_DEVICE, detail=detail)
        names, problems = self._playbooks.matching(alert, device)
        if problems:
            _log.error("playbook triggers failed", alert=alert.id, problems=problems)
        if not names:
            detail = printable("; ".join(problems))[:MAX_DETAIL] or "no playbook's trigger matches"
            return AlertResult(id=alert.id, disposition=UNMATCHED, device=device.id, detail=detail)
        outcomes = await asyncio.gather(
            *(self._started(name, device.id, alert, handed) for name in names),
            return_exceptions=True,
        )
        return self._judged(alert, device, dict(zip(names, outcomes, strict=True)))

    async def _started(
        self, playbook: str, device: str, alert: Alert, handed: HandedOver | None
    ) -> Started:
        """Where the response runs or ran: an alert starts a playbook once, however often it came.

        A second response would contain a device again that people have given back since.
        """
        stands = await handed.to(playbook, device, alert.id) if handed else None
        return stands or await self._lanes.submit(playbook, device, alert)

    def _judged(
        self, alert: Alert, device: Device, outcomes: dict[str, Started | BaseException]
    ) -> AlertResult:
        """One result for all playbooks: an alert is settled when none of them is left to try."""
        started = [(n, o) for n, o in outcomes.items() if isinstance(o, Started)]
        failed = [(n, o) for n, o in outcomes.items() if not isinstance(o, Started)]
        for name, response in started:
            self._metrics.started(name, response.incident)
        notes = [f"{name}: {_reason(error)}" for name, error in failed]
        notes += [f"also {other.workflow} ({other.incident})" for _, other in started[1:]]
        if any(_worth_repeating(error) for _, error in failed):
            disposition = RECEIVED
            notes.insert(0, "it will be tried again")
        else:
            disposition = RESPONDED if started else FAILED
        first = started[0][1] if started else Started(workflow="", incident="")
        return AlertResult(
            id=alert.id,
            disposition=disposition,
            device=device.id,
            response=first.workflow,
            incident=first.incident,
            detail="; ".join(notes)[:MAX_DETAIL],
        )

    def _located(self, alert: Alert) -> Alert:
        """With the devices its addresses belong to: the initiator's first, since it acts."""
        found = (
            self._inventory.by_address(ip=alert.src_ip, mac=alert.src_mac),
            self._inventory.by_address(ip=alert.dest_ip),
        )
        devices = dict.fromkeys(device.id for device in found if device is not None)
        return alert.model_copy(update={"devices": tuple(devices)})

    def _device(self, alert: Alert) -> Device | None:
        try:
            return self._inventory.device(alert.devices[0]) if alert.devices else None
        except NotFound:  # taken out of the inventory a moment ago
            return None


def _unfinished(task: asyncio.Task[AlertResult]) -> AlertResult:
    detail = f"not handed over within {ANSWER_WITHIN_S:.0f} s; it goes on"
    return AlertResult(id=task.get_name(), disposition=RECEIVED, detail=detail)


def _worth_repeating(error: BaseException) -> bool:
    """What is not an error of ours is a bug or a cut line: the alert is kept for another try."""
    return error.retryable if isinstance(error, FirebreakError) else True


def _reason(error: BaseException) -> str:
    if isinstance(error, FirebreakError):
        return f"{error.code}: {printable(str(error))}"
    _log.error("handing an alert over failed in an unforeseen way", exc_info=error)
    return f"internal: {type(error).__name__}"


def _addresses(alert: Alert) -> str:
    given = [a for a in (alert.src_mac, alert.src_ip, alert.dest_ip) if a]
    return " or ".join(given) or "an address: the alert names none"
