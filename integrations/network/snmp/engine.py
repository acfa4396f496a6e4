"""One pysnmp engine with one user, for one agent: single requests, no second tries."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pysnmp.error import PySnmpError
from pysnmp.hlapi.v3arch import asyncio as hlapi
from pysnmp.proto import errind, rfc1902, rfc1905

from firebreak.domain.estate import SnmpAccess
from firebreak.errors import AuthFailed, Unreachable
from integrations import secrets
from integrations.network.snmp.faults import Denied, Refused, Silent
from integrations.network.snmp.mib import Oid

Value = int | bytes
Row = tuple[Oid, Value | None]  # None: the agent has no such object

_AUTH = {
    "sha224": hlapi.USM_AUTH_HMAC128_SHA224,
    "sha256": hlapi.USM_AUTH_HMAC192_SHA256,
    "sha384": hlapi.USM_AUTH_HMAC256_SHA384,
    "sha512": hlapi.USM_AUTH_HMAC384_SHA512,
}
_PRIV = {
    "aes128": hlapi.USM_PRIV_CFB128_AES,
    "aes192": hlapi.USM_PRIV_CFB192_AES,
    "aes256": hlapi.USM_PRIV_CFB256_AES,
}
_MISSING = (rfc1905.NoSuchObject, rfc1905.NoSuchInstance, rfc1905.EndOfMibView)
_V3 = 3


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

    def __init__(self, access: SnmpAccess, engine: Any, target: Any, user: Any) -> None:
        self._access = access
        self._engine = engine
        self._target = target
        self._user = user

    @classmethod
    async def open(cls, access: SnmpAccess) -> Self:
        """An engine that has sent nothing yet.

        Raises:
            AuthFailed: a secret reference has no secret, or one that is no SNMPv3 passphrase.
            Unreachable: the host name has no address.
        """
        user = _user(access)
        family = hlapi.Udp6TransportTarget if _is_v6(access.host) else hlapi.UdpTransportTarget
        try:
            target = await family.create(
                (access.host, access.port), timeout=access.timeout_s, retries=0
            )
        except PySnmpError as error:
            raise Unreachable(f"{access.host} has no address") from error
        # It compiles its MIB modules: a tenth of a second that the event loop must not wait for.
        return cls(access, await asyncio.to_thread(hlapi.SnmpEngine), target, user)

    @property
    def met(self) -> bool:
        """Whether the agent has told its engine ID: something speaks SNMPv3 there."""
        messages = self._engine.message_processing_subsystems[_V3]
        known = messages.get_peer_engine_info(
            self._target.TRANSPORT_DOMAIN, self._target.transport_address
        )
        return known[0] is not None

    async def get(self, oids: Sequence[Oid], context: str, limit_s: float) -> list[Row]:
        """Read objects. Raises Silent, Denied, Refused."""
        objects = [_object(oid) for oid in oids]
        return await self._ask(hlapi.get_cmd, context, limit_s, *objects)

    async def bulk(
        self, oids: Sequence[Oid], repetitions: int, context: str, limit_s: float
    ) -> list[Row]:
        """The objects that come after each of ``oids``, interleaved. Raises as ``get``."""
        objects = [_object(oid) for oid in oids]
        return await self._ask(hlapi.bulk_cmd, context, limit_s, 0, repetitions, *objects)

    async def set(self, writes: Sequence[Write], context: str, limit_s: float) -> None:
        """Write objects, all or none as far as the agent keeps to RFC 3416. Raises as ``get``."""
        objects = [_object(write.oid, write.value) for write in writes]
        await self._ask(hlapi.set_cmd, context, limit_s, *objects)

    async def _ask(
        self, command: Callable[..., Awaitable[Any]], context: str, limit_s: float, *args: Any
    ) -> list[Row]:
        named = hlapi.ContextData(contextName=context.encode())
        try:
            async with asyncio.timeout(limit_s):
                indication, status, index, rows = await command(
                    self._engine, self._user, self._target, named, *args, lookupMib=False
                )
        except TimeoutError as error:
            raise Silent("no answer in time") from error
        except PySnmpError as error:
            raise Denied(f"the request was not understood: {type(error).__name__}") from error
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


def _user(access: SnmpAccess) -> Any:
    keys = secrets.resolve(access.auth_key), secrets.resolve(access.priv_key)
    try:
        return hlapi.UsmUserData(
            access.user,
            *keys,
            authProtocol=_AUTH[access.auth],
            privProtocol=_PRIV[access.priv],
        )
    except (PySnmpError, ValueError):
        # The error would quote what it was given.
        raise AuthFailed(
            f"{access.auth_key} or {access.priv_key} is no SNMPv3 passphrase (8 characters or more)"
        ) from None


def _is_v6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6  # noqa: PLR2004 - the protocol's number
    except ValueError:
        return False


def _object(oid: Oid, *value: Any) -> Any:
    return hlapi.ObjectType(hlapi.ObjectIdentity(oid), *value)


def _plain(value: Any) -> Value | None:
    if isinstance(value, _MISSING):
        return None
    if isinstance(value, rfc1902.OctetString):
        return bytes(value)
    try:
        return int(value)
    except (TypeError, ValueError):
        return str(value).encode()  # an object identifier: nothing here reads one
