"""The line between an SSH session and a shell: echo, prompts, line ends, and lines that break."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable

import asyncssh

from firebreak.cyber_range.console import LineDropped, LineHung
from firebreak.cyber_range.dialects.shell import Answer, Shell
from firebreak.cyber_range.faults import FaultKind, Faults

Process = asyncssh.SSHServerProcess[str]

_MAX_LINE = 4096
_LINE_END = re.compile(r"\r\n|\r\x00|\r|\n")


class Terminal:
    """One shell on one channel. Echoes what it takes, as a teletype line does."""

    def __init__(
        self, process: Process, shell: Shell, faults: Faults, drop: Callable[[], None]
    ) -> None:
        self._process = process
        self._shell = shell
        self._faults = faults
        self._drop = drop

    async def run(self) -> None:
        """Serve until the operator leaves, the connection ends or a fault breaks it."""
        try:
            await self._converse()
        except LineDropped:
            self._drop()
        except LineHung:
            await self._hang()
        except (asyncssh.Error, ConnectionError):
            pass  # the operator is gone, and there is nobody to tell
        finally:
            self._shell.close()

    async def _converse(self) -> None:
        self._say(self._shell.greeting() + self._shell.prompt)
        pending = Answer()
        async for line in self._lines():
            self._say("\n" if pending.hidden else f"{line}\n")
            answer = await self._answer(pending, line)
            self._say(answer.text)
            if answer.close:
                self._process.exit(0)
                return
            if answer.ask is None:
                self._say(self._shell.prompt)
            pending = answer

    async def _answer(self, pending: Answer, line: str) -> Answer:
        if slow := self._faults.strike(FaultKind.SLOW, line):
            await asyncio.sleep(slow.delay_s)
        if line.strip() and self._faults.strike(FaultKind.HANG, line):
            raise LineHung
        if pending.ask is not None:
            return pending.ask(line)
        return self._shell.execute(line.strip())

    async def _lines(self) -> AsyncIterator[str]:
        held, after_return = "", False
        while data := await self._read():
            rest = data.removeprefix("\n") if after_return else data
            after_return = data.endswith("\r")
            *lines, held = _LINE_END.split(held + rest)
            for line in lines:
                yield line
            if len(held) > _MAX_LINE:
                raise LineDropped

    async def _read(self) -> str:
        while True:
            try:
                return await self._process.stdin.read(_MAX_LINE)
            except (asyncssh.TerminalSizeChanged, asyncssh.BreakReceived, asyncssh.SignalReceived):
                continue

    async def _hang(self) -> None:
        """Take everything and say nothing, until the operator gives up."""
        try:
            while await self._read():
                pass
        except (asyncssh.Error, ConnectionError):
            pass

    def _say(self, text: str) -> None:
        self._process.stdout.write(text.replace("\n", "\r\n"))
