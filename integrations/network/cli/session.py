"""One switch's kept session: opened when needed, reused, thrown away on any doubt. Blocking."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from netmiko import BaseConnection

from firebreak.domain.estate import Switch
from firebreak.errors import FirebreakError, OutcomeUnknown, Rejected, Unreachable
from integrations.network.cli.connect import Wire, close
from integrations.network.cli.faults import LineLost, Refused, Unreadable
from integrations.network.cli.line import Fence
from integrations.network.cli.platforms import platform_of
from integrations.network.cli.platforms.base import Platform
from integrations.network.cli.shell import NetmikoShell

Result = TypeVar("Result")
Job = Callable[[NetmikoShell], Result]

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

    def run(self, job: Job[Result], fence: Fence) -> Result:
        """Run the job over the kept session, or over a new one.

        Raises:
            Unreachable: the line failed, and no effect was under way.
            OutcomeUnknown: anything failed while an effect was sent and not yet read back.
            FirebreakError: as the log-in or the job raised it.
        """
        if fence.cancelled or not fence.left():
            raise Unreachable(f"switch {self.switch.id}: no time was left to begin")
        try:
            if self._connection is not None:
                try:
                    return self._over_kept(self._connection, job, fence)
                except LineLost:
                    if fence.answered:
                        raise
                    self.drop()
            return self._over_new(job, fence)
        except Exception as error:
            if fence.unsettled or not isinstance(error, (FirebreakError, Refused)):
                self.drop()
            translated = self._translated(error, fence)
            if translated is error:
                raise
            raise translated from error

    def _over_kept(self, connection: BaseConnection, job: Job[Result], fence: Fence) -> Result:
        fence.first_by = time.monotonic() + fence.left() * _FIRST_ANSWER_SHARE
        return job(NetmikoShell(connection, self.platform, fence))

    def _over_new(self, job: Job[Result], fence: Fence) -> Result:
        fence.first_by = None
        self._wire = Wire(self.switch, self._known_hosts)
        self._connection = self._wire.open(self.platform.netmiko_type, fence)
        return job(NetmikoShell(self._connection, self.platform, fence))

    def _translated(self, error: Exception, fence: Fence) -> Exception:
        text = f"switch {self.switch.id}: {error}"
        if fence.unsettled and not isinstance(error, OutcomeUnknown):
            return OutcomeUnknown(f"{text}; a change was sent and not seen since")
        if isinstance(error, LineLost):
            return Unreachable(f"{text}; no change was sent")
        if isinstance(error, (Refused, Unreadable)):
            return Rejected(text)
        return error

    def abort(self) -> None:
        """Tear the connection down; may be called from any thread."""
        if self._wire is not None:
            self._wire.abort()

    def drop(self) -> None:
        """Close the session; the next job opens a new one."""
        connection, self._connection, self._wire = self._connection, None, None
        if connection is not None:
            close(connection)
