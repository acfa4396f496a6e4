"""The clock of deadlines: it goes on while the host sleeps or is paused, and never goes back.

``time.monotonic`` stands still in suspend. What another worker does once ``send_by`` has passed
relies on nothing being sent after it, so a host that slept must not believe that it still may.
"""

import threading
import time


class _Clock:
    def __init__(self) -> None:
        self._apart = time.time() - time.monotonic()
        self._slept = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        with self._lock:
            ticks = time.monotonic()
            # Wall time set back changes nothing; set forward it ends what waits, which is safe.
            self._slept = max(self._slept, time.time() - self._apart - ticks)
            return ticks + self._slept


_CLOCK = _Clock()


def now() -> float:
    """Seconds since some moment, comparable within this process only."""
    return _CLOCK.now()
