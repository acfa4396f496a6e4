"""Bad days of a NAS: what it can be told to do wrong, how often, and how often it did."""

from dataclasses import dataclass
from enum import StrEnum


class NasFaultKind(StrEnum):
    """The ways a NAS fails. All but the first two strike at requests that find their session."""

    SILENT = "silent"  # drops everything
    WRONG_SECRET = "wrong-secret"  # noqa: S105 - a name: it has another one, and drops everything
    SWALLOW = "swallow"  # takes the request, does nothing, never answers
    HANG_AFTER_WRITE = "hang-after-write"  # does it, and never answers
    LOSE_REPLY = "lose-reply"  # does it; the reply gets lost, a retransmission is answered again
    FORGET = "forget"  # as lose-reply, and treats the retransmission as a new request
    NAK = "nak"  # says no, with `cause`
    LIE = "lie"  # says yes and does nothing
    FORGED_REPLY = "forged-reply"  # drops it, and somebody without the secret says yes
    WRONG_CODE = "wrong-code"  # does it, and answers with the code of another request


@dataclass(slots=True)
class NasFault:
    """One armed fault. ``times`` is how often it strikes, None: until it is cleared."""

    kind: NasFaultKind
    times: int | None = None
    cause: int | None = 501  # Error-Cause of a NAK; None sends none
    hits: int = 0

    @property
    def armed(self) -> bool:
        """Whether it can still strike."""
        return self.times is None or self.hits < self.times


class NasFaults:
    """The faults of one NAS, oldest first."""

    def __init__(self) -> None:
        self._faults: list[NasFault] = []

    def inject(self, fault: NasFault) -> NasFault:
        """Arm a fault; the returned object counts its hits."""
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Disarm everything."""
        self._faults.clear()

    def strike(self, *kinds: NasFaultKind) -> NasFault | None:
        """The first armed fault of these kinds, counted as a hit."""
        for fault in self._faults:
            if fault.kind in kinds and fault.armed:
                fault.hits += 1
                return fault
        return None
