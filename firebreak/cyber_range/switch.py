"""An emulated switch: a real SSH server with a stateful command line, and faults on demand."""

import asyncio
import hmac
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

import asyncssh

from firebreak.cyber_range.console import Chassis, Console
from firebreak.cyber_range.dialects import SHELLS
from firebreak.cyber_range.dialects.juniper_junos import JuniperJunos
from firebreak.cyber_range.dialects.junos_store import JunosStore
from firebreak.cyber_range.dialects.shell import Shell
from firebreak.cyber_range.faults import Fault, FaultKind
from firebreak.cyber_range.silence import listen, silence
from firebreak.cyber_range.terminal import Process, Terminal

_KEY_TYPE = "ssh-ed25519"
_BACKLOG = 256


@dataclass(frozen=True, slots=True)
class Login:
    """Who may log in. ``authorized_key`` is a public key line that is accepted too."""

    username: str
    password: str = field(repr=False)
    authorized_key: str | None = None


class EmulatedSwitch:
    """One switch's management plane on one address.

    ``host_key`` is an OpenSSH private key; ``host_key_line`` is its public line, for the estate.
    """

    def __init__(
        self, chassis: Chassis, login: Login, host_key: bytes, *, minute_s: float = 60
    ) -> None:
        self.chassis = chassis
        self.faults = chassis.faults
        self._login = login
        self._key = asyncssh.import_private_key(host_key)
        self._impostor = asyncssh.generate_private_key(_KEY_TYPE)
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._deaf: socket.socket | None = None  # in the acceptor's place while it is silent
        self._address = ("", 0)
        self._store: JunosStore | None = None
        self._shell = self._shells(minute_s)

    @property
    def host_key_line(self) -> str:
        """``ssh-ed25519 AAAA...``: what Switch.host_key holds."""
        return public_line(self._key)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens on, once started."""
        return self._address

    @property
    def sessions(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises OSError when the address is taken."""
        self._address = (host, port)
        await self._open()

    async def stop(self) -> None:
        """Break all connections and stop listening."""
        if self._store is not None:
            self._store.close()
        await self._shut()

    async def inject(self, fault: Fault) -> Fault:
        """Arm a fault, and pull the cable at once when it is one of the cable."""
        self.faults.inject(fault)
        await self._face_network()
        return fault

    async def clear(self, kind: FaultKind | None = None) -> None:
        """Disarm faults; the hardware then catches up with the configuration."""
        self.faults.clear(kind)
        if not self.faults.armed(FaultKind.LIE):
            self.chassis.network.settle(self.chassis.state)
        await self._face_network()

    async def reboot(self) -> None:
        """Power-cycle: sessions break, and what was not saved is gone."""
        await self._shut()
        self.chassis.network.reboot(self.chassis.state)
        if self._store is not None:
            self._store.reboot()
        await self._face_network()

    async def _face_network(self) -> None:
        """Bring the listener into line with the faults of the cable."""
        refuse = self.faults.armed(FaultKind.REFUSE)
        silent = self.faults.armed(FaultKind.SILENT) and not refuse
        if refuse or silent:
            await self._shut()
        if silent:
            self._deaf = listen(*self._address, 1)
            silence(self._deaf)
        if not refuse and not silent and self._acceptor is None:
            self._hang_up_deaf()
            await self._open()
        self._offer_key()

    async def _open(self) -> None:
        self._acceptor = await asyncssh.listen(
            sock=listen(*self._address, _BACKLOG),
            server_factory=lambda: _Gate(self),
            server_host_keys=[self._key],
            process_factory=self._serve,
            line_editor=False,
            encoding="utf-8",
            errors="replace",
            allow_scp=False,
            agent_forwarding=False,
            gss_host=None,
        )
        self._offer_key()

    async def _shut(self) -> None:
        self._hang_up_deaf()
        acceptor, self._acceptor = self._acceptor, None
        connections = list(self._connections)
        if acceptor is not None:
            acceptor.close()
        for connection in connections:
            connection.abort()
        await asyncio.gather(*(c.wait_closed() for c in connections))
        if acceptor is not None:
            await acceptor.wait_closed()

    def _hang_up_deaf(self) -> None:
        if self._deaf is not None:
            self._deaf.close()
            self._deaf = None

    def _offer_key(self) -> None:
        if self._acceptor is not None:
            wrong = self.faults.armed(FaultKind.WRONG_HOST_KEY)
            self._acceptor.update(server_host_keys=[self._impostor if wrong else self._key])

    def connected(self, connection: asyncssh.SSHServerConnection) -> None:
        """Take note of a connection; the host key it met counts as a hit."""
        self._connections.add(connection)
        if self.faults.strike(FaultKind.WRONG_HOST_KEY):
            self._offer_key()

    def disconnected(self, connection: asyncssh.SSHServerConnection) -> None:
        """Forget a connection."""
        self._connections.discard(connection)

    def admits(self, username: str, password: str) -> bool:
        """Whether these are the credentials, compared in constant time."""
        if self.faults.strike(FaultKind.WRONG_PASSWORD):
            return False
        right_user = hmac.compare_digest(username.encode(), self._login.username.encode())
        right_password = hmac.compare_digest(password.encode(), self._login.password.encode())
        return right_user and right_password

    def admits_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether this is the authorized key of this user."""
        known = " ".join((self._login.authorized_key or "").split()[:2])
        right_user = hmac.compare_digest(username.encode(), self._login.username.encode())
        return right_user and hmac.compare_digest(public_line(key).encode(), known.encode())

    @property
    def takes_keys(self) -> bool:
        """Whether public keys are accepted at all."""
        return self._login.authorized_key is not None

    def _shells(self, minute_s: float) -> Callable[[Console], Shell]:
        if self.chassis.state.platform != "juniper_junos":
            return SHELLS[self.chassis.state.platform]
        store = self._store = JunosStore(self.chassis, minute_s)
        return lambda console: JuniperJunos(console, store)

    async def _serve(self, process: Process) -> None:
        if process.command is not None or process.subsystem is not None:
            process.stderr.write("only an interactive shell is offered\n")
            process.exit(1)
            return
        session = f"{self.chassis.state.name}-{secrets.token_hex(4)}"
        user = process.get_extra_info("username")
        connection = process.get_extra_info("connection")
        shell = self._shell(Console(self.chassis, session, user))
        await Terminal(process, shell, self.faults, connection.abort).run()


class _Gate(asyncssh.SSHServer):
    """Authentication, as asyncssh asks for it."""

    def __init__(self, switch: EmulatedSwitch) -> None:
        self._switch = switch
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._switch.connected(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncssh's signature
        if self._connection is not None:
            self._switch.disconnected(self._connection)

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return self._switch.admits(username, password)

    def public_key_auth_supported(self) -> bool:
        return self._switch.takes_keys

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return self._switch.admits_key(username, key)


def public_line(key: asyncssh.SSHKey) -> str:
    """Type and key, without a comment."""
    return " ".join(key.export_public_key().decode().split()[:2])


def new_host_key() -> bytes:
    """A fresh Ed25519 private key in OpenSSH format."""
    return asyncssh.generate_private_key(_KEY_TYPE).export_private_key()
