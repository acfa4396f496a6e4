"""A simulated NAS: takes RFC 5176 requests over UDP and changes the sessions of the range.

It is as strict as a real one: what is not signed, not stamped or not recent gets no answer at all.
It shares no code with the product's client, so that both must agree with the RFC.
"""

import asyncio
import hmac
import re
import struct
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import cast

from pyrad.packet import CoAPacket, PacketError

from firebreak.cyber_range.journal import Journal
from firebreak.cyber_range.nas_faults import NasFault, NasFaultKind, NasFaults
from firebreak.cyber_range.nas_sessions import NasSessions
from firebreak.cyber_range.network import Network, Port, SwitchState
from firebreak.cyber_range.policy import RangeAuthorization
from firebreak.domain.device import normalize_mac

# The codes of the attributes, RFC 2865, 2868, 2869 and 5176.
_NAS_IP, _SERVICE_TYPE, _VENDOR, _STATION, _NAS_ID = 4, 6, 26, 31, 32
_PROXY_STATE, _TIMESTAMP, _SIGNATURE, _CAUSE = 33, 55, 80, 101
_TUNNEL_TYPE, _TUNNEL_MEDIUM, _TUNNEL_GROUP = 64, 65, 81
_TUNNEL = frozenset({_TUNNEL_TYPE, _TUNNEL_MEDIUM, _TUNNEL_GROUP})
_PLAIN = frozenset({_NAS_IP, _SERVICE_TYPE, _STATION, _NAS_ID, _PROXY_STATE})
_KNOWN = _PLAIN | _TUNNEL | {_VENDOR, _TIMESTAMP, _SIGNATURE}
_CISCO_PAIR = struct.pack("!LB", 9, 1)
_COMMAND = re.compile(rb"subscriber:command=([a-z-]+)")

_DISCONNECT, _COA = 40, 43
_NAK_OFFSET = 2  # request + 1 is its ACK, request + 2 its NAK
_REMEMBERED = 1024

# What a request is answered with: None for ACK, or an Error-Cause.
_UNSUPPORTED, _MISSING, _OTHER_NAS, _INVALID = 401, 402, 403, 407
_SERVICE, _PROHIBITED, _NO_SESSION = 405, 501, 503


class _Refused(Exception):
    """A NAK, with its Error-Cause."""

    def __init__(self, cause: int | None) -> None:
        super().__init__(str(cause))
        self.cause = cause


@dataclass(frozen=True)
class NasConfig:
    """How a NAS is set up. ``clients`` are the addresses it takes requests from.

    ``commands`` are the Cisco commands it obeys; ``tunnel`` says whether it takes Tunnel-* in a
    CoA-Request; ``window_s`` is how old or early an Event-Timestamp may be.
    """

    secret: bytes = field(repr=False)
    identifier: str = ""
    clients: Collection[str] = ("127.0.0.1",)
    commands: Collection[str] = ("reauthenticate", "bounce-host-port", "disable-host-port")
    tunnel: bool = True
    window_s: int = 300
    reauth_s: float = 0.0


class RadiusNas(asyncio.DatagramProtocol):
    """The dynamic authorization server of one switch."""

    def __init__(
        self,
        network: Network,
        switch: SwitchState,
        policy: RangeAuthorization,
        journal: Journal,
        config: NasConfig,
    ) -> None:
        self.faults = NasFaults()
        self.sessions = NasSessions(network, switch, policy, journal, config.reauth_s)
        self.requests = 0  # datagrams that were signed and recent
        self._config = config
        self._identifier = config.identifier or switch.name
        self._transport: asyncio.DatagramTransport | None = None
        self._answered: dict[tuple[object, bytes], bytes] = {}
        self._address = ("", 0)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens on, once started."""
        return self._address

    async def start(self, host: str, port: int = 0) -> None:
        """Listen. Raises OSError when the address is taken."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
        self._address = transport.get_extra_info("sockname")[:2]

    async def stop(self) -> None:
        """Stop listening."""
        self.sessions.stop()
        if self._transport is not None:
            self._transport.close()
            self._transport = None
            await asyncio.sleep(0)  # asyncio closes the socket in its next turn

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one request, or drop it without a word."""
        request = self._admitted(data, addr)
        if request is None or self._transport is None:
            return
        self.requests += 1
        known = self._answered.get((addr, data[:20]))
        if known is not None:  # a retransmission: same port, identifier and authenticator
            self._transport.sendto(known, addr)
            return
        reply = self._answer(request, (addr, data[:20]))
        if reply is not None:
            self._transport.sendto(reply, addr)

    def _admitted(self, data: bytes, addr: tuple[str, int]) -> CoAPacket | None:
        """The request, when it is from a known client, signed by the secret, and recent."""
        if addr[0] not in self._config.clients or self.faults.strike(NasFaultKind.SILENT):
            return None
        wrong = self.faults.strike(NasFaultKind.WRONG_SECRET)
        secret = self._config.secret[::-1] + b"?" if wrong else self._config.secret
        try:
            request = CoAPacket(packet=data, secret=secret)
        except PacketError:
            return None
        if request.code not in (_DISCONNECT, _COA) or not request.VerifyCoARequest():
            return None
        signed = request.message_authenticator and request.verify_message_authenticator()
        return request if signed and self._recent(request) else None

    def _recent(self, request: CoAPacket) -> bool:
        stamps = request.get(_TIMESTAMP, [])
        return any(
            abs(int.from_bytes(stamp) - time.time()) <= self._config.window_s for stamp in stamps
        )

    def _answer(self, request: CoAPacket, key: tuple[object, bytes]) -> bytes | None:
        fault: NasFault | None = None
        code, cause = request.code + 1, None
        try:
            self._check(request)
            port = self._session(request)
            fault = self.faults.strike(*_AT_SESSIONS)
            self._act(request, port, fault)
        except _Refused as refused:
            code, cause = request.code + _NAK_OFFSET, refused.cause
        reply = _written(request, code, cause)
        return self._sent(request, key, reply, fault.kind if fault else None)

    def _sent(
        self, request: CoAPacket, key: tuple[object, bytes], reply: bytes, kind: NasFaultKind | None
    ) -> bytes | None:
        """What leaves of a reply, and what is remembered for a retransmission."""
        match kind:
            case NasFaultKind.FORGED_REPLY:
                return reply[:4] + bytes(16) + reply[20:]
            case NasFaultKind.WRONG_CODE:
                other = _COA if request.code == _DISCONNECT else _DISCONNECT
                return _written(request, other + 1, None)
            case NasFaultKind.SWALLOW | NasFaultKind.HANG_AFTER_WRITE | NasFaultKind.FORGET:
                return None
            case _:
                self._answered[key] = reply
                if len(self._answered) > _REMEMBERED:
                    del self._answered[next(iter(self._answered))]
                return None if kind is NasFaultKind.LOSE_REPLY else reply

    def _check(self, request: CoAPacket) -> None:
        """Whether the request speaks of this NAS, and in attributes that it takes."""
        for value in request.get(_NAS_ID, []):
            if not hmac.compare_digest(value, self._identifier.encode()):
                raise _Refused(_OTHER_NAS)
        taken = _KNOWN if self._config.tunnel else _KNOWN - _TUNNEL
        if request.code == _DISCONNECT:
            taken = taken - _TUNNEL - {_VENDOR}
        if any(code not in taken for code in dict.keys(request)):
            raise _Refused(_UNSUPPORTED)
        if _SERVICE_TYPE in request:
            raise _Refused(_SERVICE)

    def _session(self, request: CoAPacket) -> Port:
        values = request.get(_STATION)
        if not values:
            raise _Refused(_MISSING)
        port = self.sessions.find(_mac(values[0]))
        if port is None:
            raise _Refused(_NO_SESSION)
        return port

    def _act(self, request: CoAPacket, port: Port, fault: NasFault | None) -> None:
        if fault is not None and fault.kind is NasFaultKind.NAK:
            raise _Refused(fault.cause)
        if fault is not None and fault.kind not in _ACTING:
            return
        mac = _mac(request[_STATION][0])
        if request.code == _DISCONNECT:
            self.sessions.reauthenticate("Disconnect-Request", port, mac, lapse=True)
        elif _TUNNEL_GROUP in request:
            self._move(request, port, mac)
        else:
            self._obey(_command(request), port, mac)

    def _move(self, request: CoAPacket, port: Port, mac: str) -> None:
        if not all(code in request for code in _TUNNEL):
            raise _Refused(_MISSING)
        group = request[_TUNNEL_GROUP][0].lstrip(bytes(range(0x20)))
        vlan = int(group) if group.isdigit() else 0
        if not self.sessions.move(f"CoA-Request VLAN {vlan}", port, mac, vlan):
            raise _Refused(_INVALID)

    def _obey(self, command: str, port: Port, mac: str) -> None:
        if command not in self._config.commands:
            raise _Refused(_PROHIBITED)
        said = f"CoA-Request {command}"
        if command == "disable-host-port":
            self.sessions.shut(said, port)
        else:
            self.sessions.reauthenticate(said, port, mac, lapse=command == "bounce-host-port")


_ACTING = (
    NasFaultKind.HANG_AFTER_WRITE,
    NasFaultKind.LOSE_REPLY,
    NasFaultKind.FORGET,
    NasFaultKind.WRONG_CODE,
)
_AT_SESSIONS = (
    *_ACTING,
    NasFaultKind.NAK,
    NasFaultKind.LIE,
    NasFaultKind.SWALLOW,
    NasFaultKind.FORGED_REPLY,
)


def _written(request: CoAPacket, code: int, cause: int | None) -> bytes:
    reply = request.CreateReply()
    reply.code = code
    if cause is not None:
        reply[_CAUSE] = [struct.pack("!I", cause)]
    reply.add_message_authenticator()
    raw: bytes = reply.ReplyPacket()
    return raw


def _command(request: CoAPacket) -> str:
    for value in request.get(_VENDOR, []):
        found = _COMMAND.fullmatch(value[6:]) if value.startswith(_CISCO_PAIR) else None
        if found:
            return found[1].decode()
    raise _Refused(_MISSING)


def _mac(value: bytes) -> str:
    try:
        return normalize_mac(value.decode())
    except ValueError as error:
        raise _Refused(_INVALID) from error
