"""What was written to the switches, by whom and when: the proof that nothing was sent twice."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TextIO

# `candidate` lines have no effect until a commit; `config`, `commit` and `rollback` take effect.
Kind = Literal["config", "candidate", "commit", "rollback", "save", "refused"]


@dataclass(frozen=True, slots=True)
class Write:
    """One line that asked for a change. ``before`` and ``after`` are the port's configuration."""

    switch: str
    session: str
    user: str
    kind: Kind
    command: str
    port: str = ""
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    at: str = ""
    seq: int = 0

    @property
    def changed(self) -> bool:
        """Whether the port was different afterwards."""
        return self.before != self.after


class Journal:
    """An append-only list, optionally in a JSON-lines file that outlives the process.

    Each line is handed to the operating system before the switch answers, so it survives any kill.
    """

    def __init__(
        self, path: Path | None = None, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._clock = clock
        self._writes: list[Write] = []
        self._file: TextIO | None = None
        if path is not None:
            if path.exists():
                self._writes = _recover(path)
            self._file = path.open("a", encoding="utf-8", buffering=1)

    def append(self, write: Write) -> Write:
        """Keep a write, stamped with its time and place in the sequence."""
        stamped = Write(
            **{**asdict(write), "at": self._clock().isoformat(), "seq": len(self._writes) + 1}
        )
        self._writes.append(stamped)
        if self._file is not None:
            self._file.write(json.dumps(asdict(stamped)) + "\n")
        return stamped

    def writes(self, *, switch: str = "", port: str = "", after: int = 0) -> tuple[Write, ...]:
        """Everything after a sequence number, narrowed to a switch or a port."""
        return tuple(
            w
            for w in self._writes[after:]
            if (not switch or w.switch == switch) and (not port or w.port == port)
        )

    def effects(self, *, switch: str = "", port: str = "") -> tuple[Write, ...]:
        """What took effect, whether or not it made a difference: a repeated line counts twice."""
        return tuple(
            w
            for w in self.writes(switch=switch, port=port)
            if w.kind in {"config", "commit", "rollback"}
        )

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _recover(path: Path) -> list[Write]:
    """What the file holds; a last line without an end was cut by a crash and is cut off."""
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    return [Write(**json.loads(line)) for line in whole.splitlines()]
