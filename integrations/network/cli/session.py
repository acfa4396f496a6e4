"""One switch's kept session: opened when needed, reused, thrown away on any doubt. Blocking."""

from collections.abc import Callable
from pathlib import Path

from netmiko import BaseConnection

from firebreak.domain.estate import Switch
from firebreak.errors import Unreachable
from integrations.network import clock
from integrations.network.cli.connect import Wire, close
from integrations.network.cli.faults import LineLost
from integrations.network.cli.line import LineTime
from integrations.network.cli.platforms import platform_of
from integrations.network.cli.platforms.base import Platform
from integrations.network.cli.shell import NetmikoShell

Job = Callable[[NetmikoShell], None]

# A kept session may have died without a word. Its first answer gets only this share of the time,
# so that enough is left to connect again.
_FIRST_ANSWER_SHARE = 1 / 3


class Session:
    """Runs jobs on one switch; the caller sees to it that there is one at a time."""

    def __init__(self, switch: Switch, known_hosts: Path) -> None:
        self.switch = switch
        self.platform: Platform = platform_of(switch)
        self.unsaved = ""  # why the last change is not in the startup configuration
        self._known_hosts = known_hosts
        self._wire: Wire | None = None
        self._connection: BaseConnection | None = None

    def run(self, job: Job, limit: LineTime) -> None:
        """Run the job over the kept session, or over a new one; afterwards it is in no mode.

        A kept session that had died is noticed by its first answer, and the job begins anew.

        Raises:
            LineLost: the line failed; the session is thrown away.
            Unreachable, AuthFailed: there was no line.
            Exception: whatever the job raises; the session is thrown away.
        """
        if not limit.left():
            raise Unreachable(f"switch {self.switch.id}: no time was left to begin")
        try:
            if self._connection is not None:
                try:
                    self._over_kept(self._connection, job, limit)
                except LineLost:
                    if limit.answered:
                        raise
                    self.drop()
                else:
                    return
            self._over_new(job, limit)
        except Exception:
            self.drop()
            raise

    def _over_kept(self, connection: BaseConnection, job: Job, limit: LineTime) -> None:
        limit.first_by = clock.now() + limit.left() * _FIRST_ANSWER_SHARE
        job(NetmikoShell(connection, self.platform, limit))

    def _over_new(self, job: Job, limit: LineTime) -> None:
        limit.first_by = None
        self._wire = Wire(self.switch, self._known_hosts)
        self._connection = self._wire.open(self.platform.netmiko_type, limit)
        job(NetmikoShell(self._connection, self.platform, limit))

    def abort(self) -> None:
        """Tear the connection down; may be called from any thread."""
        if self._wire is not None:
            self._wire.abort()

    def drop(self) -> None:
        """Close the session; the next job opens a new one."""
        connection, self._connection, self._wire = self._connection, None, None
        if connection is not None:
            close(connection)
