"""One pysnmp engine with one user, for one agent: single requests, no second tries.

Below pysnmp's ``hlapi``, which looks each object up in MIBs that have none of ours: that took half
of the time of a SET.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pysnmp.carrier.asyncio.dgram import udp, udp6
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413 import cmdgen
from pysnmp.error import PySnmpError
from pysnmp.proto import errind, rfc1902, rfc1905

from firebreak.domain.estate import SnmpAccess
from firebreak.errors import AuthFailed, Unreachable
from integrations import secrets
from integrations.network.snmp.faults import Denied, Refused, Silent
from integrations.network.snmp.mib import Oid

Value = int | bytes
Row = tuple[Oid, Value | None]  # None: the agent has no such object
Send = Callable[[Any, Any], object]  # hands a request over: what to call when it ends, and with

_AUTH = {
    "sha224": config.USM_AUTH_HMAC128_SHA224,
    "sha256": config.USM_AUTH_HMAC192_SHA256,
    "sha384": config.USM_AUTH_HMAC256_SHA384,
    "sha512": config.USM_AUTH_HMAC384_SHA512,
}
_PRIV = {
    "aes128": config.USM_PRIV_CFB128_AES,
    "aes192": config.USM_PRIV_CFB192_AES,
    "aes256": config.USM_PRIV_CFB256_AES,
}
_MISSING = (rfc1905.NoSuchObject, rfc1905.NoSuchInstance, rfc1905.EndOfMibView)
_UDP = {
    socket.AF_INET: (udp.DOMAIN_NAME, udp.UdpTransport),
    socket.AF_INET6: (udp6.DOMAIN_NAME, udp6.Udp6Transport),
}
_V3 = 3
_TARGET, _PARAMETERS = "agent", "authPriv"
_NOTHING = rfc1902.Null("")
_HUNDREDTHS = 100  # the unit of snmpTargetAddrTimeout, of a second


@dataclass(frozen=True)
class Write:
    """One object to set; ``value`` is a pysnmp value with the type the MIB gives the object."""

    oid: Oid
    value: Any

    @classmethod
    def gauge(cls, oid: Oid, value: int) -> Self:
        """An Unsigned32: a VLAN number."""
        return cls(oid, rfc1902.Gauge32(value))

    @classmethod
    def integer(cls, oid: Oid, value: int) -> Self:
        """An INTEGER: an enumeration, a truth value, vmVlan."""
        return cls(oid, rfc1902.Integer32(value))

    @classmethod
    def octets(cls, oid: Oid, value: bytes) -> Self:
        """An OCTET STRING: a PortList."""
        return cls(oid, rfc1902.OctetString(value))


class Engine:
    """Talks to one agent. Never retransmits: each call sends its request once.

    The engine asks the agent's engine ID and time first when it does not know them.
    """

    def __init__(self, engine: Any, domain: Oid, address: tuple[Any, ...]) -> None:
        self._engine = engine
        self._agent = domain, address

    @classmethod
    async def open(cls, access: SnmpAccess) -> Self:
        """An engine that has sent nothing yet.

        Raises:
            AuthFailed: a secret reference has no secret, or pysnmp can't make a key of it.
            Unreachable: the host name has no address.
        """
        keys = secrets.resolve(access.auth_key), secrets.resolve(access.priv_key)
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(access.host, access.port, type=socket.SOCK_DGRAM)
        except OSError as error:
            raise Unreachable(f"{access.host} has no address: {error}") from error
        family, address = found[0][0], found[0][4]
        domain, transport = _UDP[family]
        # It compiles its MIB modules: a tenth of a second that the event loop must not wait for.
        engine = await asyncio.to_thread(_equipped, access, keys, domain, address)
        config.add_transport(engine, domain, transport().open_client_mode())
        return cls(engine, domain, address)

    @property
    def met(self) -> bool:
        """Whether the agent has told its engine ID: something speaks SNMPv3 there."""
        messages = self._engine.message_processing_subsystems[_V3]
        return messages.get_peer_engine_info(*self._agent)[0] is not None

    async def get(self, oids: Sequence[Oid], context: str, limit_s: float) -> list[Row]:
        """Read objects. Raises Silent, Denied, Refused."""
        asked = [(rfc1902.ObjectName(oid), _NOTHING) for oid in oids]
        command = cmdgen.GetCommandGenerator()
        return await self._ask(lambda *end: self._send(command, context, asked, *end), limit_s)

    async def bulk(
        self, oids: Sequence[Oid], repetitions: int, context: str, limit_s: float
    ) -> list[Row]:
        """The objects that come after each of ``oids``, interleaved. Raises as ``get``."""
        asked = [(rfc1902.ObjectName(oid), _NOTHING) for oid in oids]
        command = cmdgen.BulkCommandGeneratorSingleRun()
        many = 0, repetitions, asked
        return await self._ask(lambda *end: self._send(command, context, *many, *end), limit_s)

    async def set(self, writes: Sequence[Write], context: str, limit_s: float) -> None:
        """Write objects, all or none as far as the agent keeps to RFC 3416. Raises as ``get``."""
        asked = [(rfc1902.ObjectName(write.oid), write.value) for write in writes]
        command = cmdgen.SetCommandGenerator()
        await self._ask(lambda *end: self._send(command, context, asked, *end), limit_s)

    def _send(self, command: Any, context: str, *request: Any) -> None:
        command.send_varbinds(self._engine, _TARGET, None, context.encode(), *request)

    async def _ask(self, send: Send, limit_s: float) -> list[Row]:
        answer: asyncio.Future[tuple[Any, ...]] = asyncio.get_running_loop().create_future()
        try:
            send(_ended, answer)
            async with asyncio.timeout(limit_s):
                indication, status, index, rows = await answer
        except TimeoutError as error:
            raise Silent("no answer in time") from error
        except PySnmpError as error:
            raise Denied(f"the request could not be made: {type(error).__name__}") from error
        if isinstance(indication, errind.RequestTimedOut):
            raise Silent("no answer in time")
        if indication:
            raise Denied(str(indication))
        found = [(tuple(name), _plain(value)) for name, value in rows]
        if int(status):
            where = int(index) - 1
            raise Refused(int(status), found[where][0] if 0 <= where < len(found) else ())
        return found

    def close(self) -> None:
        """Give the socket back; the engine is of no use afterwards."""
        self._engine.close_dispatcher()


def _equipped(
    access: SnmpAccess, keys: tuple[str, str], domain: Oid, address: tuple[Any, ...]
) -> Any:
    """An engine that knows its user and its one agent. Raises AuthFailed."""
    engine = SnmpEngine()
    auth, priv = _AUTH[access.auth], _PRIV[access.priv]
    try:
        config.add_v3_user(engine, access.user, auth, keys[0], priv, keys[1])
    except (PySnmpError, ValueError):
        # The error would quote what it was given.
        raise AuthFailed(
            f"no SNMPv3 key can be made of {access.auth_key} or {access.priv_key}"
        ) from None
    config.add_target_parameters(engine, _PARAMETERS, access.user, "authPriv")
    ticks = access.timeout_s * _HUNDREDTHS
    config.add_target_address(engine, _TARGET, domain, address, _PARAMETERS, ticks, 0)
    return engine


def _ended(*told: Any) -> None:
    """What pysnmp calls at the end: engine, handle, the four parts of an answer, the future."""
    *answer, future = told[2:]
    if not future.done():
        future.set_result(tuple(answer))


def _plain(value: Any) -> Value | None:
    if isinstance(value, _MISSING):
        return None
    if isinstance(value, rfc1902.OctetString):
        return bytes(value)
    try:
        return int(value)
    except (TypeError, ValueError):
        return str(value).encode()  # an object identifier: nothing here reads one
