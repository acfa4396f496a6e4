"""One operator's session on a switch: the only way a command line changes anything.

Every write passes the faults and is journaled before the operator sees an answer.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from firebreak.cyber_range.faults import FaultKind, Faults
from firebreak.cyber_range.journal import Journal, Kind, Write
from firebreak.cyber_range.network import Network, Port, PortConfig, SwitchState


class LineDropped(Exception):
    """The connection breaks now."""


class LineHung(Exception):
    """No answer will come on this line any more."""


class WriteRejected(Exception):
    """The switch says no, in its own words."""


@dataclass(frozen=True, slots=True)
class Chassis:
    """What all sessions of a switch share.

    ``enable_secret`` None: a login is privileged at once.
    """

    network: Network
    state: SwitchState
    faults: Faults
    journal: Journal
    enable_secret: str | None = None


class Console:
    """A session with a name for the journal."""

    def __init__(self, chassis: Chassis, session: str, user: str) -> None:
        self.chassis = chassis
        self.state = chassis.state
        self.user = user
        self._blank = Write(
            switch=self.state.name, session=session, user=user, kind="config", command=""
        )

    def configure(self, command: str, port: Port, config: PortConfig) -> None:
        """Write one port. Raises WriteRejected, LineDropped or LineHung when a fault says so."""
        self.change(command, {port.name: config}, "config")

    def change(
        self,
        command: str,
        changes: dict[str, PortConfig],
        kind: Kind,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """Write ports at once; a change of nothing is journaled too.

        ``then`` runs once the change is in force, before the operator could notice.
        """
        self._admit(command)
        enforce = self.chassis.faults.strike(FaultKind.LIE, command) is None
        if not changes:
            self._note(kind, command)
        for name, config in changes.items():
            port = self.state.ports[name]
            before = port.config
            self.chassis.network.configure(port, config, enforce=enforce)
            self._note(kind, command, port, before)
        then()
        self._release(command)

    def unattended(self, command: str, changes: dict[str, PortConfig]) -> None:
        """What the switch does by itself (a rollback): no line, so no fault of a line."""
        for name, config in changes.items():
            port = self.state.ports[name]
            before = port.config
            self.chassis.network.configure(port, config)
            self._note("rollback", command, port, before)

    def set_vlan(self, command: str, vlan: int, name: str | None) -> None:
        """Create, rename or (with None) delete a VLAN."""
        self._admit(command)
        self.chassis.network.set_vlan(self.state, vlan, name)
        self._note("config", command)
        self._release(command)

    def note_candidate(self, command: str) -> None:
        """Journal a line that changes nothing before a commit."""
        self._note("candidate", command)

    def save(self, command: str) -> None:
        """Write the startup configuration. Raises WriteRejected."""
        if self.chassis.faults.strike(FaultKind.REJECT_SAVE, command):
            self._note("refused", command)
            raise WriteRejected
        self.chassis.network.save(self.state)
        self._note("save", command)

    def _admit(self, command: str) -> None:
        faults = self.chassis.faults
        if faults.strike(FaultKind.REJECT_WRITE, command):
            self._note("refused", command)
            raise WriteRejected
        if faults.strike(FaultKind.DROP_BEFORE_WRITE, command):
            raise LineDropped
        if faults.strike(FaultKind.HANG_BEFORE_WRITE, command):
            raise LineHung

    def _release(self, command: str) -> None:
        if self.chassis.faults.strike(FaultKind.DROP_AFTER_WRITE, command):
            raise LineDropped
        if self.chassis.faults.strike(FaultKind.HANG_AFTER_WRITE, command):
            raise LineHung

    def _note(
        self, kind: Kind, command: str, port: Port | None = None, before: PortConfig | None = None
    ) -> None:
        self.chassis.journal.append(
            replace(
                self._blank,
                kind=kind,
                command=command,
                port=port.name if port else "",
                before=before.to_json() if before else {},
                after=port.config.to_json() if port else {},
            )
        )
