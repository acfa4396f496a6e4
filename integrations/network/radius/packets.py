"""RFC 5176 requests as bytes, and which bytes are a reply to them.

pyrad encodes and decodes attributes. What a packet is around them is decided here: how a request is
signed, that the code of a reply belongs to the request's, and that nothing is decoded before the
shared secret has proved who sent it.
"""

import hashlib
import hmac
import importlib.resources
import io
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from pyrad.dictionary import Dictionary
from pyrad.packet import CoAPacket, PacketError

DISCONNECT_REQUEST: Final = 40
DISCONNECT_ACK: Final = 41
DISCONNECT_NAK: Final = 42
COA_REQUEST: Final = 43
COA_ACK: Final = 44
COA_NAK: Final = 45

_ANSWERS = {
    DISCONNECT_REQUEST: (DISCONNECT_ACK, DISCONNECT_NAK),
    COA_REQUEST: (COA_ACK, COA_NAK),
}
_NAMES = {
    DISCONNECT_REQUEST: "Disconnect-Request",
    DISCONNECT_ACK: "Disconnect-ACK",
    DISCONNECT_NAK: "Disconnect-NAK",
    COA_REQUEST: "CoA-Request",
    COA_ACK: "CoA-ACK",
    COA_NAK: "CoA-NAK",
}
_HEADER = 20
_DIGEST = 16
_ZEROS = bytes(_DIGEST)
_LONGEST = 4096  # RFC 2865 section 3
_ROOM = 24  # for Message-Authenticator and Event-Timestamp
_SIGNATURE = bytes([80, 18])  # Message-Authenticator, before its value
_STAMP = bytes([55, 6])  # Event-Timestamp, before its value
_ERROR_CAUSE = 101
_CAUSE_OCTETS = 4

Attribute = tuple[str, str | int]


def _dictionary() -> Dictionary:
    text = importlib.resources.files(__package__ or "").joinpath("dictionary").read_text("utf-8")
    return Dictionary(io.StringIO(text))


DICTIONARY = _dictionary()


@dataclass(frozen=True)
class Request:
    """A request without what the wire adds: identifier, time and authenticators.

    ``takes_s``: what the NAS may need before it can answer, beyond the estate's time-out.
    ``harmless``: it has no effect, so that silence means that nothing was done.
    """

    code: Literal[40, 43]
    attributes: tuple[Attribute, ...]
    takes_s: float = 0.0
    harmless: bool = False

    def __str__(self) -> str:
        """``CoA-Request (Calling-Station-Id, Cisco-AVPair)``: what stands in messages."""
        names = dict.fromkeys(name.partition(":")[0] for name, _ in self.attributes)
        return f"{_NAMES[self.code]} ({', '.join(names)})"


@dataclass(frozen=True)
class Reply:
    """A reply that the NAS has signed. ``sends`` is how often the request had left by then."""

    code: int
    cause: int | None  # Error-Cause
    sends: int = 1

    @property
    def ack(self) -> bool:
        """Whether the NAS says that it did what it was asked."""
        return self.code in (DISCONNECT_ACK, COA_ACK)

    @property
    def name(self) -> str:
        """``CoA-NAK``."""
        return _NAMES[self.code]

    def after(self, sends: int) -> "Reply":
        """The same reply to a request that had left so often."""
        return replace(self, sends=sends)


class Sealed:
    """A request as it goes over the wire: every transmission is these very bytes."""

    def __init__(self, request: Request, number: int, secret: bytes, now: int) -> None:
        """``number``: the packet identifier; ``now``: Unix time for Event-Timestamp.

        Message-Authenticator is made before the Request Authenticator, with zeros in the place of
        both (RFC 5176 section 3.4). It comes first, as advised since BlastRADIUS (CVE-2024-3596).

        Raises:
            ValueError: an attribute does not fit into a packet.
        """
        body = _encoded(request.attributes) + _STAMP + now.to_bytes(4)
        length = _HEADER + len(_SIGNATURE) + _DIGEST + len(body)
        head = bytes([request.code, number]) + length.to_bytes(2)
        unsigned = head + _ZEROS + _SIGNATURE + _ZEROS + body
        signature = hmac.digest(secret, unsigned, "md5")
        attributes = _SIGNATURE + signature + body
        self._authenticator = _md5(head + _ZEROS + attributes + secret)
        self.raw = head + self._authenticator + attributes
        self._code = request.code
        self._number = number
        self._secret = secret

    def opens(self, data: bytes) -> Reply | None:
        """The reply in a datagram, or None when it is not the NAS's answer to this request.

        Checked in constant time: the Response Authenticator, and Message-Authenticator when there
        is one (RFC 5176 section 3.4, RFC 3579 section 3.2).
        """
        data = data[: int.from_bytes(data[2:4])]
        code = _answer_code(self._code, self._number, data)
        if code is None or not self._signed(data):
            return None
        if len(data) == _HEADER:
            return Reply(code, None)
        try:
            packet = CoAPacket(packet=data, secret=self._secret, dict=DICTIONARY)
        except PacketError:
            return None
        if packet.message_authenticator and not packet.verify_message_authenticator(
            original_authenticator=self._authenticator, original_code=self._code
        ):
            return None
        return Reply(code, _cause(packet.get(_ERROR_CAUSE)))

    def _signed(self, data: bytes) -> bool:
        told = _md5(data[:4] + self._authenticator + data[_HEADER:] + self._secret)
        return hmac.compare_digest(told, data[4:_HEADER])


@lru_cache(maxsize=256)
def _encoded(attributes: tuple[Attribute, ...]) -> bytes:
    """The attributes as pyrad encodes them. Kept: observe, apply and revert ask alike."""
    packet = CoAPacket(dict=DICTIONARY)
    for name, value in attributes:
        packet.AddAttribute(name, value)
    raw: bytes = packet.RequestPacket()
    if len(raw) > _LONGEST - _ROOM:
        raise ValueError("the attributes do not fit into a packet")
    return raw[_HEADER:]


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data).digest()  # noqa: S324 - the algorithm of RFC 2865 section 3


def _answer_code(request: int, number: int, data: bytes) -> int | None:
    if not _HEADER <= len(data) <= _LONGEST or len(data) != int.from_bytes(data[2:4]):
        return None
    if data[1] != number or data[0] not in _ANSWERS[request]:
        return None
    return data[0]


def _cause(values: list[bytes] | None) -> int | None:
    """Error-Cause (RFC 5176 section 3.5), four octets; anything else is no cause."""
    if not values or len(values[0]) != _CAUSE_OCTETS:
        return None
    return int.from_bytes(values[0])
