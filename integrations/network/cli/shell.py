"""The command line of a switch over netmiko: one command, one answer, and which mode it left."""

import contextlib
import re
from collections.abc import Iterator

import paramiko
from netmiko import BaseConnection, NetmikoBaseException

from integrations.network.cli.asked import PortChange
from integrations.network.cli.faults import LineLost, NoConfig, NotSent, Refused
from integrations.network.cli.line import GuardedChannel, LineTime
from integrations.network.cli.platforms.base import Platform, line_of

_BROKEN = (NetmikoBaseException, paramiko.SSHException, OSError, EOFError)


class NetmikoShell:
    """What a platform drives (see platforms.base.Shell), for the length of one turn.

    Reads the connection itself, because all of netmiko's ways to wait for an answer sleep between
    two looks: over a channel that hands out what comes when it comes, an answer takes a
    millisecond. ``send_config_set`` moreover asks for the mode four times and does not see that
    AOS-CX is still in an interface's context.
    """

    def __init__(self, connection: BaseConnection, platform: Platform, limit: LineTime) -> None:
        self._connection = connection
        self._platform = platform
        self._limit = limit
        channel = connection.channel
        if not isinstance(channel, GuardedChannel):
            raise TypeError("the connection has no guarded channel")
        channel.limit = limit
        # A prompt stands on a line of its own; IOS shortens it in configuration mode.
        prompt = rf"^{re.escape(connection.base_prompt)}\S*[>#]\s*$"
        if platform.netmiko_type == "ovs_linux":
            # A shell's prompt can be anything; each command there ends by printing its status.
            prompt = r"^rc=\d+\n[^\n]*[#$]\s*$"
        self._prompt = re.compile(prompt, re.MULTILINE)

    def ask(self, command: str) -> str:
        """See platforms.base.Shell."""
        return self._send(command)[0]

    def say(self, line: str, prompt: re.Pattern[str] | None = None) -> str:
        """See platforms.base.Shell."""
        output, now = self._send(line)
        complaint = self._platform.complaint.search(output)
        strayed = prompt is not None and not prompt.search(now)
        if complaint:
            raise Refused(line, line_of(output, complaint), strayed=strayed)
        if strayed:
            raise Refused(line, f"its prompt is {now.strip()[:80]!r}", strayed=True)
        return output

    def effect(self, line: str, *changes: PortChange) -> str:
        """See platforms.base.Shell."""
        for change in changes:
            change.fence.check_time()
        for change in changes:
            change.fence.unsettled = True
        return self.say(line)

    @contextlib.contextmanager
    def config(self, enter: str, leave: str, undo: str = "") -> Iterator[None]:
        """See platforms.base.Shell. Raises LineLost when the mode cannot be left."""
        output, prompt = self._send(enter)
        if not self._platform.config_prompt.search(prompt):
            raise NoConfig(enter, " ".join(output.split())[:160] or "no configuration mode")
        try:
            yield
        except Exception as error:
            if isinstance(error, LineLost) and not isinstance(error, NotSent):
                raise  # there is no line to leave the mode on; the session is thrown away
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
        try:
            self._connection.write_channel(self._connection.normalize_cmd(command))
            text = self._read_until_prompt(command)
        except _BROKEN as error:
            raise LineLost(f"no answer to {command!r}") from error
        self._limit.answered = True
        output, _, prompt = text.rstrip().rpartition("\n")
        return output, prompt

    def _read_until_prompt(self, command: str) -> str:
        """What follows the echo, to the prompt: what came before it belongs to nobody."""
        text, begins = "", -1
        while True:
            text += self._connection.read_channel()
            if begins < 0 and command in text:
                begins = text.index(command) + len(command)
            found = self._prompt.search(text, begins) if begins >= 0 else None
            if found:
                return text[begins : found.end()]
