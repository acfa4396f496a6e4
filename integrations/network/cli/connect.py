"""Opening a line to a switch: strict host key first, credentials after, nothing logged."""

import contextlib
import socket
from pathlib import Path
from typing import Any

import paramiko
from netmiko import (
    BaseConnection,
    ConnectHandler,
    NetmikoAuthenticationException,
    NetmikoBaseException,
)

from firebreak.domain.estate import Switch
from firebreak.errors import AuthFailed, Unreachable
from integrations import secrets
from integrations.network import clock
from integrations.network.cli.access import access
from integrations.network.cli.faults import LineLost
from integrations.network.cli.hostkeys import fingerprint
from integrations.network.cli.line import GuardedChannel, LineTime

_KEEPALIVE_S = 30


class Wire:
    """One connection to a switch. ``abort`` may be called from any thread and ends it at once."""

    def __init__(self, switch: Switch, known_hosts: Path) -> None:
        self._switch = switch
        self._cli = access(switch)
        self._known_hosts = known_hosts
        self._socket: socket.socket | None = None

    def abort(self) -> None:
        """Shut the socket down under whatever waits on it; nothing can be sent afterwards."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def open(self, netmiko_type: str, limit: LineTime) -> BaseConnection:
        """Connect, log in and prepare the session.

        Raises:
            AuthFailed: the host key is another one (then no credential was sent), or the
                credentials were not accepted.
            Unreachable: no connection, no SSH, or no prompt within the deadline.
        """
        cli = self._cli
        password = secrets.resolve(cli.password) if cli.password else None
        enable = secrets.resolve(cli.enable_secret) if cli.enable_secret else ""
        if cli.key_file:
            secrets.check_private(Path(cli.key_file))
        self._socket = self._tcp(limit)
        connection = ConnectHandler(
            device_type=netmiko_type,
            username=cli.username,
            password=password,
            key_file=cli.key_file,
            secret=enable,
            **self._ways(self._socket, max(limit.left(), 0.1)),
        )
        try:
            self._log_in(connection, limit)
            self._prepare(connection, limit, enable=bool(enable))
        except BaseException:
            close(connection)
            self._socket.close()
            raise
        return connection

    def _ways(self, sock: socket.socket, left: float) -> dict[str, Any]:
        """The options of netmiko that hold no secret."""
        return {
            "host": self._cli.host,
            "port": self._cli.port,
            "sock": sock,
            "ssh_strict": True,
            "system_host_keys": False,
            "alt_host_keys": True,
            "alt_key_file": str(self._known_hosts),
            "conn_timeout": left,
            "banner_timeout": left,
            "auth_timeout": left,
            "keepalive": _KEEPALIVE_S,
            "auto_connect": False,  # so that the guard is on the line before a byte of text is
        }

    def _tcp(self, limit: LineTime) -> socket.socket:
        where = f"{self._cli.host}:{self._cli.port}"
        try:
            sock = socket.create_connection(
                (self._cli.host, self._cli.port), timeout=max(limit.left(), 0.001)
            )
        except OSError as error:
            raise Unreachable(f"switch {self._switch.id} at {where}: {error}") from error
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def _log_in(self, connection: BaseConnection, limit: LineTime) -> None:
        name = self._switch.id
        try:
            connection.establish_connection()
        except NetmikoAuthenticationException as error:
            if not limit.left():
                raise Unreachable(f"switch {name} did not answer the log-in in time") from error
            raise AuthFailed(
                f"switch {name} did not accept the credentials of {self._cli.username}"
            ) from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._not_connected(error) from error

    def _not_connected(self, error: BaseException) -> AuthFailed | Unreachable:
        # netmiko reports every SSH failure as a time-out; the cause tells a wrong host key apart.
        cause = error.__context__
        if isinstance(cause, paramiko.BadHostKeyException):
            expected, got = (fingerprint(k.asbytes()) for k in (cause.expected_key, cause.key))
            return AuthFailed(
                f"switch {self._switch.id}: host key changed: expected {expected}, got {got}; "
                "no credential was sent. Find out why before you change host_key"
            )
        return Unreachable(f"switch {self._switch.id}: no SSH session: {cause or error}")

    def _prepare(self, connection: BaseConnection, limit: LineTime, *, enable: bool) -> None:
        connection.channel = GuardedChannel(connection.remote_conn, connection.encoding, limit)
        try:
            connection.write_channel(connection.RETURN)
            connection.session_preparation()
        except (LineLost, NetmikoBaseException, paramiko.SSHException, ValueError) as error:
            raise Unreachable(
                f"switch {self._switch.id} gave no prompt after the log-in"
            ) from error
        try:
            if enable:
                connection.enable()
        except ValueError as error:
            raise AuthFailed(
                f"switch {self._switch.id} did not accept the enable secret"
            ) from error
        except (LineLost, NetmikoBaseException) as error:
            raise Unreachable(f"switch {self._switch.id} did not answer enable") from error


def close(connection: BaseConnection) -> None:
    """Close the transport at once; nothing more is sent, not even an ``exit``."""
    channel = getattr(connection, "channel", None)
    if isinstance(channel, GuardedChannel):
        channel.limit = LineTime(deadline=clock.now() - 1)
    # disconnect() lets go of netmiko's log filter; the limit above keeps it from sending.
    connection.disconnect()
