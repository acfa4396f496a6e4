"""How fast the dispatcher looks, waits and gives up waiting. All durations are seconds."""

import random
from dataclasses import dataclass

_RANDOM = random.SystemRandom()


@dataclass(frozen=True)
class Pace:
    """The times of a dispatcher.

    ``tell_s``: the longest that one call of a channel may take without keeping anything; below
    ``lease_s``, so that a call has ended before another server may take its chain over. Clocks of
    servers may differ by less than ``lease_s - tell_s``.
    """

    poll_s: float = 0.15
    recent_s: float = 10.0  # how far back each look goes
    overlap_s: float = 300.0  # and every tenth second: transactions in flight, clocks that differ
    wide_every_s: float = 10.0
    full_every_s: float = 600.0
    flush_every_s: float = 2.0
    tell_s: float = 20.0
    lease_s: float = 45.0
    peek_s: float = 1.0  # how often a chain that another server is telling is looked at
    retry_s: float = 1.0
    retry_most_s: float = 60.0
    slow_s: float = 30.0  # what somebody has to mend
    slow_most_s: float = 300.0
    patience_most_s: float = 3600.0  # the longest wait that a channel may ask for
    grace_s: float = 3.0  # for calls under way when the server stops
    at_once: int = 4  # calls of one channel side by side

    def backoff(self, attempts: int) -> float:
        """The pause after that many failures in a row, with jitter."""
        return _jittered(self.retry_s, self.retry_most_s, attempts)

    def slow_backoff(self, attempts: int) -> float:
        """The same for what will not get better by itself."""
        return _jittered(self.slow_s, self.slow_most_s, attempts)


def _jittered(first: float, most: float, attempts: int) -> float:
    pause = min(most, first * 2.0 ** min(max(attempts - 1, 0), 20))
    return pause * _RANDOM.uniform(0.5, 1.0)
