"""The command line of a switch over netmiko: one command, one answer, and which mode it left."""

import contextlib
import re
from collections.abc import Iterator

import paramiko
from netmiko import BaseConnection, NetmikoBaseException

from integrations.network.cli.faults import LineLost, Refused
from integrations.network.cli.line import Fence, GuardedChannel
from integrations.network.cli.platforms.base import Platform, line_of

_BROKEN = (NetmikoBaseException, paramiko.SSHException, OSError, EOFError)


class NetmikoShell:
    """What a platform drives (see platforms.base.Shell), for the length of one operation.

    Reads with ``read_until_pattern``: over a channel that hands out an answer when it comes it
    takes a millisecond, while ``send_command`` always sleeps 25, and ``send_config_set`` asks for
    the mode four times and does not see that AOS-CX is still in an interface's context.
    """

    def __init__(self, connection: BaseConnection, platform: Platform, fence: Fence) -> None:
        self._connection = connection
        self._platform = platform
        self._fence = fence
        channel = connection.channel
        if not isinstance(channel, GuardedChannel):
            raise TypeError("the connection has no guarded channel")
        channel.fence = fence
        # A prompt stands on a line of its own; IOS shortens it in configuration mode.
        self._prompt = rf"^{re.escape(connection.base_prompt)}\S*[>#]\s*$"
        if platform.netmiko_type == "ovs_linux":
            # A shell's prompt can be anything; each command there ends by printing its status.
            self._prompt = r"^rc=\d+\n[^\n]*[#$]\s*$"

    def ask(self, command: str) -> str:
        """See platforms.base.Shell."""
        return self._send(command)[0]

    def say(self, line: str) -> str:
        """See platforms.base.Shell."""
        output, _ = self._send(line)
        complaint = self._platform.complaint.search(output)
        if complaint:
            raise Refused(line, line_of(output, complaint))
        return output

    def effect(self, line: str) -> str:
        """See platforms.base.Shell."""
        self._fence.pass_effect()
        return self.say(line)

    @contextlib.contextmanager
    def config(self, enter: str, leave: str, undo: str = "") -> Iterator[None]:
        """See platforms.base.Shell. Raises LineLost when the mode cannot be left."""
        output, prompt = self._send(enter)
        if not self._platform.config_prompt.search(prompt):
            raise Refused(enter, " ".join(output.split())[:160] or "no configuration mode")
        try:
            yield
        except LineLost:
            raise  # there is no line to leave the mode on; the session is thrown away
        except Exception:
            if undo:
                self._send(undo)
            self._leave(leave)
            raise
        self._leave(leave)

    def _leave(self, command: str) -> None:
        _, prompt = self._send(command)
        if self._platform.config_prompt.search(prompt):
            raise LineLost("the switch did not leave configuration mode")

    def _send(self, command: str) -> tuple[str, str]:
        """``(output, prompt line)``. Raises LineLost."""
        if "\n" in command or "\r" in command:
            raise ValueError("a command is one line")
        # From the echo on: what the switch said before it belongs to nobody.
        pattern = rf"{re.escape(command)}[\s\S]*?{self._prompt}"
        try:
            self._connection.write_channel(self._connection.normalize_cmd(command))
            text = self._connection.read_until_pattern(
                pattern, read_timeout=max(self._fence.left(), 0.001), re_flags=re.MULTILINE
            )
        except _BROKEN as error:
            raise LineLost(f"no answer to {command!r}") from error
        self._fence.answered = True
        output, _, prompt = text.partition(command)[2].rstrip().rpartition("\n")
        return output, prompt
