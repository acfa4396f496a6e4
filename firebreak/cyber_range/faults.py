"""Bad days on demand: what a system can be told to do wrong, how often, and how often it did."""

from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """The ways a system fails. Those that end with ``-write`` strike at a configuration write.

    The last ones are those of an API; of the others, an API leaves out what is a switch's own.
    """

    REFUSE = "refuse"  # nothing listens: connection refused
    SILENT = "silent"  # the management address does not answer at all; sessions break
    WRONG_PASSWORD = "wrong-password"  # noqa: S105 - a name, not a secret
    WRONG_HOST_KEY = "wrong-host-key"  # another key than the estate names
    SLOW = "slow"  # `delay_s` before each answer
    HANG = "hang"  # takes a command and never answers
    HANG_BEFORE_WRITE = "hang-before-write"  # takes the write, does nothing, never answers
    HANG_AFTER_WRITE = "hang-after-write"  # the write takes effect, no answer ever comes
    DROP_BEFORE_WRITE = "drop-before-write"  # the line breaks, nothing was changed
    DROP_AFTER_WRITE = "drop-after-write"  # the write takes effect, then the line breaks
    REJECT_WRITE = "reject-write"  # the platform's own error text
    REJECT_SAVE = "reject-save"  # the startup configuration can't be written
    LIE = "lie"  # the configuration changes, the traffic flows on
    WRONG_CERTIFICATE = "wrong-certificate"  # one that the estate's CA did not issue
    THROTTLE = "throttle"  # 429, with `delay_s` as Retry-After
    SERVER_ERROR = "server-error"  # 500 and nothing else


@dataclass(slots=True)
class Fault:
    """One armed fault. ``times`` is how often it strikes, None: until it is cleared.

    ``match`` narrows faults of commands and writes to lines that hold the text.
    """

    kind: FaultKind
    times: int | None = None
    match: str = ""
    delay_s: float = 0.0
    hits: int = 0

    @property
    def armed(self) -> bool:
        """Whether it can still strike."""
        return self.times is None or self.hits < self.times


class Faults:
    """The faults of one system, oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def inject(self, fault: Fault) -> Fault:
        """Arm a fault; the returned object counts its hits."""
        self._faults.append(fault)
        return fault

    def clear(self, kind: FaultKind | None = None) -> None:
        """Disarm one kind, or everything."""
        self._faults = [f for f in self._faults if kind is not None and f.kind != kind]

    def armed(self, kind: FaultKind) -> bool:
        """Whether a fault of this kind can strike; does not count as a hit."""
        return any(f.kind == kind and f.armed for f in self._faults)

    def strike(self, kind: FaultKind, text: str = "") -> Fault | None:
        """The first armed fault of this kind that fits the text, counted as a hit."""
        for fault in self._faults:
            if fault.kind == kind and fault.armed and fault.match in text:
                fault.hits += 1
                return fault
        return None

    def listed(self) -> tuple[Fault, ...]:
        """All faults, spent ones too."""
        return tuple(self._faults)
