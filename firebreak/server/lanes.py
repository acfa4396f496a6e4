"""Hands alerts to the engine: together where they are about the same thing, and never too many."""

import asyncio
from collections import deque
from dataclasses import dataclass

from firebreak.contracts.engine import Engine, Start, Started
from firebreak.domain.alert import Alert
from firebreak.domain.people import Principal
from firebreak.errors import Unreachable

AT_ONCE = 64
ALERTS_A_CALL = 100
CALL_TIMEOUT_S = 30.0

AUTOMATION = Principal(id="automation", kind="automation", roles=frozenset({"automation"}))


@dataclass(frozen=True)
class _Waiting:
    alert: Alert
    answer: asyncio.Future[Started]


class Lanes:
    """One lane for each playbook and device, with one call to the engine in flight at most.

    Alerts that arrive meanwhile go together in the lane's next call. Over all lanes at most
    ``AT_ONCE`` calls run. A response that still runs knows an alert that is handed over again;
    ``HandedOver`` knows those that have ended.
    """

    def __init__(self, engine: Engine) -> None:
        """Deliver to ``engine``."""
        self._engine = engine
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._lanes: dict[tuple[str, str], deque[_Waiting]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def submit(self, playbook: str, device: str, alert: Alert) -> Started:
        """Where the response to this alert runs.

        Raises:
            FirebreakError: as ``Engine.respond``; Unreachable also when it takes too long.
        """
        key = (playbook, device)
        waiting = _Waiting(alert, asyncio.get_running_loop().create_future())
        if key in self._lanes:
            self._lanes[key].append(waiting)
        else:
            self._lanes[key] = deque([waiting])
            task = asyncio.create_task(self._drain(key))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await waiting.answer

    async def close(self) -> None:
        """Cut calls in flight; their alerts can be handed over again."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _drain(self, key: tuple[str, str]) -> None:
        lane = self._lanes[key]
        try:
            while lane:
                async with self._slots:
                    batch = [lane.popleft() for _ in range(min(len(lane), ALERTS_A_CALL))]
                    await self._deliver(key, batch)
        finally:
            del self._lanes[key]
            for waiting in lane:
                waiting.answer.cancel()

    async def _deliver(self, key: tuple[str, str], batch: list[_Waiting]) -> None:
        playbook, device = key
        start = Start(
            playbook=playbook,
            device=device,
            alerts=tuple(waiting.alert for waiting in batch),
            requester=AUTOMATION,
        )
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                started = await self._engine.respond(start)
        except TimeoutError:
            self._fail(batch, Unreachable(f"the engine did not answer in {CALL_TIMEOUT_S:.0f} s"))
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait, whatever it is
            self._fail(batch, error)
        except asyncio.CancelledError:
            for waiting in batch:
                waiting.answer.cancel()
            raise
        else:
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_result(started)

    @staticmethod
    def _fail(batch: list[_Waiting], error: Exception) -> None:
        for waiting in batch:
            if not waiting.answer.done():
                waiting.answer.set_exception(error)
