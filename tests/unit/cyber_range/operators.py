"""Operators and probes that meet the range over real connections."""

import asyncio
from typing import Self

import asyncssh

from firebreak.cyber_range.devices import loopback
from firebreak.cyber_range.site import Range
from firebreak.domain.estate import CliAccess, Switch

# A loopback connection takes well under a millisecond; the rest is for a busy machine.
SILENCE_S = 0.3
CROWD_S = 10.0  # where many connect at once and each is expected to succeed


def cli_of(switch: Switch) -> CliAccess:
    """How to log in to a switch of the range."""
    assert switch.cli is not None
    return switch.cli


class LineBroke(Exception):
    """The switch closed the connection."""


async def sounding(ip: str, port: int, patience: float = SILENCE_S) -> str:
    """What a real TCP connection sees: ``open``, ``silent`` or ``refused``."""
    try:
        async with asyncio.timeout(patience):
            _, writer = await asyncio.open_connection(ip, port)
    except TimeoutError:
        return "silent"
    except ConnectionRefusedError:
        return "refused"
    writer.close()
    await writer.wait_closed()
    return "open"


async def sound(site: Range, device: str, patience: float = SILENCE_S) -> str:
    return await sounding(loopback(site.network.node(device).ip), site.port, patience)


class Operator:
    """A raw SSH client: sends lines, reads to a prompt, and checks the host key."""

    def __init__(self, site: Range, switch: str) -> None:
        self._site = site
        self._switch = switch
        self._cli = cli_of(next(s for s in site.estate().switches if s.id == switch))
        self._connection: asyncssh.SSHClientConnection
        self._process: asyncssh.SSHClientProcess[str]

    async def __aenter__(self) -> Self:
        known = asyncssh.import_known_hosts(
            f"[{self._cli.host}]:{self._cli.port} {self._cli.host_key}\n"
        )
        self._connection = await asyncssh.connect(
            self._cli.host,
            self._cli.port,
            username=self._cli.username,
            password=self._site.state.secret(self._switch, "password"),
            known_hosts=known,
            client_keys=None,
            agent_path=None,
            config=None,
        )
        self._process = await self._connection.create_process(term_type="vt100")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._connection.abort()
        await self._connection.wait_closed()

    async def enable(self) -> None:
        await self.say("enable", until="Password: ")
        await self.say(self._site.state.secret(self._switch, "enable"))

    async def say(self, line: str, until: str = "#", within: float = 2.0) -> str:
        self._process.stdin.write(f"{line}\n")
        return await self.hear(until, within)

    async def hear(self, until: str, within: float = 2.0) -> str:
        heard = ""
        async with asyncio.timeout(within):
            while until not in heard:
                try:
                    data = await self._process.stdout.read(4096)
                except (asyncssh.Error, ConnectionError) as error:
                    raise LineBroke(heard) from error
                if not data:
                    raise LineBroke(heard)
                heard += data
        return heard

    async def configure(self, port: str, *lines: str) -> None:
        await self.enable()
        for line in ("configure terminal", f"interface {port}", *lines, "end"):
            await self.say(line)
