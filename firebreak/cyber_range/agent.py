"""An emulated SNMPv3 agent over the range's network state: authPriv only, and faults on demand."""

import asyncio
import bisect
import secrets
import socket
from dataclasses import dataclass, field, replace
from typing import Any

from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413 import cmdrsp
from pysnmp.entity.rfc3413.context import SnmpContext
from pysnmp.error import PySnmpError
from pysnmp.proto import rfc1902, rfc1905
from pysnmp.proto.api import v2c
from pysnmp.smi import error as smi
from pysnmp.smi.instrum import AbstractMibInstrumController

from firebreak.cyber_range.console import Chassis, LineDropped, LineHung, WriteRejected
from firebreak.cyber_range.faults import Fault, FaultKind, Faults
from firebreak.cyber_range.snmp_mib import PVID, Oid, Value
from firebreak.cyber_range.snmp_objects import SetRefused, SwitchObjects

_AUTH_PRIV = 3
_DEAF = (FaultKind.REFUSE, FaultKind.SILENT, FaultKind.HANG)
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


@dataclass(frozen=True, slots=True)
class SnmpUser:
    """Who may ask: one user, always authPriv."""

    name: str
    auth_key: str = field(repr=False)
    priv_key: str = field(repr=False)
    auth: str = "sha256"
    priv: str = "aes128"


class EmulatedAgent:
    """One switch's SNMPv3 agent on one UDP address.

    Its faults are its own, so that a drill can break this road and leave the command line whole.
    Of faults.FaultKind it knows REFUSE, SILENT and HANG (no answer to anything), WRONG_PASSWORD
    (other keys), REJECT_WRITE (notWritable), LIE, and those before and after a write: there is no
    line to break in UDP, so from the write on the agent is silent until it is cleared.
    """

    def __init__(
        self, chassis: Chassis, user: SnmpUser, *, dot1x: bool = False, piecemeal: bool = False
    ) -> None:
        self.faults = Faults()
        self._chassis = replace(chassis, faults=self.faults)
        self._objects = SwitchObjects(self._chassis, dot1x=dot1x, piecemeal=piecemeal)
        self._user = user
        self._engine: Any = None
        self._struck = False  # by a fault of a write: silent from then on
        self._address = ("", 0)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens on, once started."""
        return self._address

    async def start(self, host: str, port: int) -> None:
        """Listen; port 0 takes a free one. Raises OSError when the address is taken."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.settimeout(0)
            sock.bind((host, port))
        except OSError:
            sock.close()
            raise
        self._address = sock.getsockname()
        if self._engine is None:
            self._engine = await asyncio.to_thread(SnmpEngine)
            _equip(self._engine, self)
            self._admit(self._user)
        ear = _Ear(self)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: ear, sock=sock)
        config.add_transport(self._engine, udp.DOMAIN_NAME, ear)
        self._engine.transport_dispatcher.job_started(1)

    async def stop(self) -> None:
        """Stop listening; it comes back with the same engine ID."""
        if self._engine is not None:
            self._engine.close_dispatcher()
            await asyncio.sleep(0)  # the loop closes the socket in its next turn

    async def reborn(self) -> None:
        """Restart with another engine ID, as after a replacement or a factory reset."""
        await self.stop()
        self._engine = None
        await self.start(*self._address)

    def inject(self, fault: Fault) -> Fault:
        """Arm a fault."""
        self.faults.inject(fault)
        if fault.kind is FaultKind.WRONG_PASSWORD:
            self._admit(replace(self._user, auth_key=secrets.token_hex(16)))
        return fault

    def clear(self, kind: FaultKind | None = None) -> None:
        """Disarm faults, and speak again; the hardware catches up with the configuration."""
        self.faults.clear(kind)
        self._struck = False
        self._admit(self._user)
        if not self.faults.armed(FaultKind.LIE):
            self._chassis.network.settle(self._chassis.state)

    @property
    def silent(self) -> bool:
        """Whether it answers nothing now."""
        return self._struck or any(self.faults.armed(kind) for kind in _DEAF)

    def shown(self, context: str) -> dict[Oid, Value]:
        """The objects of a context."""
        return self._objects.shown(context)

    def write(self, wanted: list[tuple[Oid, Value]]) -> None:
        """Do a SET. Raises SetRefused, or PySnmpError for no answer at all."""
        try:
            self._objects.write(wanted)
        except WriteRejected:
            raise SetRefused("notWritable", 1) from None
        except (LineDropped, LineHung) as error:
            self._struck = True
            raise PySnmpError("struck by a fault") from error

    def _admit(self, user: SnmpUser) -> None:
        if self._engine is not None:
            config.add_v3_user(
                self._engine,
                user.name,
                _AUTH[user.auth],
                user.auth_key,
                _PRIV[user.priv],
                user.priv_key,
            )


def _equip(engine: Any, agent: EmulatedAgent) -> None:
    """Have an engine answer from an agent's objects."""
    context = _Contexts(engine, agent)
    cmdrsp.GetCommandResponder(engine, context)
    cmdrsp.NextCommandResponder(engine, context)
    cmdrsp.BulkCommandResponder(engine, context)
    _SetResponder(engine, context)


class _Ear(udp.UdpAsyncioTransport):  # type: ignore[misc] # pysnmp has no types
    """A socket that hears nothing while the agent is silent."""

    def __init__(self, agent: EmulatedAgent) -> None:
        super().__init__()
        self._agent = agent

    def datagram_received(self, datagram: bytes, transportAddress: Any) -> None:  # noqa: N803 - pysnmp's name
        if not self._agent.silent:
            super().datagram_received(datagram, transportAddress)


class _Contexts(SnmpContext):  # type: ignore[misc] # pysnmp has no types
    """Every context name is a view of the same agent."""

    def __init__(self, engine: Any, agent: EmulatedAgent) -> None:
        super().__init__(engine)
        self._agent = agent

    def get_mib_instrum(self, contextName: Any = b"") -> "_View":  # noqa: N803 - pysnmp's name
        return _View(self._agent, bytes(contextName).decode("ascii", "replace"))


class _View(AbstractMibInstrumController):  # type: ignore[misc] # pysnmp has no types
    """Answers one request, from one snapshot of the switch."""

    def __init__(self, agent: EmulatedAgent, context: str) -> None:
        self._agent = agent
        self._shown = agent.shown(context)
        self._order = sorted(self._shown)

    def read_variables(self, *varBinds: Any, **context: Any) -> list[Any]:  # noqa: N803 - pysnmp's name
        _authorize(context)
        return [(name, self._value(tuple(name), rfc1905.noSuchObject)) for name, _ in varBinds]

    def read_next_variables(self, *varBinds: Any, **context: Any) -> list[Any]:  # noqa: N803 - pysnmp's name
        _authorize(context)
        rows = []
        for name, _ in varBinds:
            place = bisect.bisect_right(self._order, tuple(name))
            if place < len(self._order):
                oid = self._order[place]
                rows.append((rfc1902.ObjectName(oid), self._value(oid, None)))
            else:
                rows.append((name, rfc1905.endOfMibView))
        return rows

    def write_variables(self, *varBinds: Any, **context: Any) -> list[Any]:  # noqa: N803 - pysnmp's name
        _authorize(context)
        wanted = enumerate(varBinds, start=1)
        self._agent.write([(tuple(name), _plain(name, value, n)) for n, (name, value) in wanted])
        return list(varBinds)

    def _value(self, oid: Oid, missing: Any) -> Any:
        value = self._shown.get(oid)
        if value is None:
            return missing
        if isinstance(value, bytes):
            return rfc1902.OctetString(value)
        return rfc1902.Gauge32(value) if oid[:-1] == PVID else rfc1902.Integer32(value)


class _SetResponder(cmdrsp.SetCommandResponder):  # type: ignore[misc] # pysnmp has no types
    """pysnmp's own tells the wrong varbind when there are several."""

    def handle_management_operation(
        self,
        snmpEngine: Any,  # noqa: N803 - pysnmp's name
        stateReference: Any,  # noqa: N803 - pysnmp's name
        contextName: Any,  # noqa: N803 - pysnmp's name
        PDU: Any,  # noqa: N803 - pysnmp's name
    ) -> None:
        try:
            super().handle_management_operation(snmpEngine, stateReference, contextName, PDU)
        except SetRefused as error:
            rows = v2c.apiPDU.get_varbinds(PDU)
            self.send_varbinds(snmpEngine, stateReference, error.status, error.index, rows)


def _authorize(context: dict[str, Any]) -> None:
    """Nothing below authPriv: pysnmp's USM lets a known user come without a key."""
    request = context["snmpEngine"].observer.get_execution_context("rfc3412.receiveMessage:request")
    if request["securityLevel"] != _AUTH_PRIV:
        raise smi.AuthorizationError(idx=0)


def _plain(name: Any, value: Any, number: int) -> Value:
    """The value, if it has the type its object has in the MIB."""
    if isinstance(value, rfc1902.OctetString):
        return bytes(value)
    if (value.tagSet == rfc1902.Unsigned32.tagSet) != (tuple(name)[:-1] == PVID):
        raise SetRefused("wrongType", number)
    return int(value)
