"""Requests are what RFC 5176 wants, byte for byte, and only their own signed replies count."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebreak.domain.estate import MacStyle, RadiusAccess
from integrations.network.radius import requests
from integrations.network.radius.packets import COA_REQUEST, Request, Sealed
from tests.unit.radius.responder import cause, signed, with_signature
from tests.unit.radius.site import MAC, SECRET

NAS = RadiusAccess(host="192.0.2.1", secret="env:S", nas_identifier="sw-1", nas_ip="192.0.2.1")
DISCONNECT = requests.reauthentication(NAS, MAC)


def sealed(request: Request = DISCONNECT, number: int = 7) -> Sealed:
    return Sealed(request, number, SECRET.encode(), 1_700_000_000)


def attributes(raw: bytes) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    rest = raw[20:]
    while rest:
        found.setdefault(rest[0], []).append(rest[2 : rest[1]])
        rest = rest[rest[1] :]
    return found


def test_a_request_carries_who_when_and_both_authenticators() -> None:
    raw = sealed().raw
    found = attributes(raw)
    assert raw[:2] == bytes([40, 7])
    assert len(raw) == int.from_bytes(raw[2:4])
    assert found[31] == [b"02-00-00-00-00-17"]
    assert found[32] == [b"sw-1"]
    assert found[4] == [bytes([192, 0, 2, 1])]
    assert found[55] == [(1_700_000_000).to_bytes(4)]
    empty = bytes(16)
    zeroed = raw[20:].replace(found[80][0], empty)
    mac = hmac.new(SECRET.encode(), raw[:4] + empty + zeroed, "md5").digest()
    assert found[80] == [mac]
    body = raw[:4] + empty + raw[20:] + SECRET.encode()
    assert raw[4:20] == hashlib.md5(body).digest()  # noqa: S324 - the algorithm of RFC 2865


def test_a_move_carries_the_vlan_under_one_tag() -> None:
    found = attributes(sealed(requests.move(NAS, MAC, 666)).raw)
    assert found[64] == [bytes([1, 0, 0, 13])]
    assert found[65] == [bytes([1, 0, 0, 6])]
    assert found[81] == [b"\x01666"]


@pytest.mark.parametrize(
    ("kind", "commands"),
    [
        ("reauthenticate", [b"command=reauthenticate", b"reauthenticate-type=last"]),
        ("bounce-port", [b"command=bounce-host-port"]),
    ],
)
def test_cisco_commands_travel_as_vendor_attributes(kind: str, commands: list[bytes]) -> None:
    nas = NAS.model_copy(update={"reauthenticate": kind})
    raw = sealed(requests.reauthentication(nas, MAC)).raw
    assert raw[0] == COA_REQUEST
    pairs = [b"subscriber:" + command for command in commands]
    expected = [bytes([0, 0, 0, 9, 1, len(pair) + 2]) + pair for pair in pairs]
    assert attributes(raw)[26] == expected


@pytest.mark.parametrize(
    "style",
    ["04-0E-3C-A1-B2-C3", "04:0e:3c:a1:b2:c3", "040e.3ca1.b2c3", "040e3c-a1b2c3", "040E3CA1B2C3"],
)
def test_a_mac_address_is_written_as_the_nas_writes_it(style: MacStyle) -> None:
    assert requests.station("04:0e:3c:a1:b2:c3", style) == style


def test_requests_about_nobody_are_harmless_and_others_are_not() -> None:
    for kind in ("disconnect", "reauthenticate", "bounce-port"):
        nas = NAS.model_copy(update={"reauthenticate": kind})
        assert requests.reauthentication(nas, requests.NOBODY).harmless
        assert not requests.reauthentication(nas, MAC).harmless
    assert requests.shut(NAS, requests.NOBODY).harmless
    assert not requests.shut(NAS, MAC).harmless
    assert requests.move(NAS, requests.NOBODY, 2).harmless
    assert not requests.move(NAS, MAC, 2).harmless


@pytest.mark.parametrize(("request_", "ack"), [(DISCONNECT, 41), (requests.shut(NAS, MAC), 44)])
def test_a_signed_reply_is_read(request_: Request, ack: int) -> None:
    packet = sealed(request_)
    reply = packet.opens(signed(packet.raw, ack))
    assert reply is not None
    assert reply.ack
    nak = packet.opens(signed(packet.raw, ack + 1, cause(503)))
    assert nak is not None
    assert (nak.ack, nak.cause) == (False, 503)


def test_a_reply_with_its_own_message_authenticator_must_have_it_right() -> None:
    packet = sealed()
    assert packet.opens(with_signature(packet.raw, 41, b"", right=True)) is not None
    assert packet.opens(with_signature(packet.raw, 41, b"", right=False)) is None


@pytest.mark.parametrize("code", [1, 2, 3, 5, 11, 40, 43, 44, 45, 255])
def test_a_disconnect_is_not_answered_by_any_other_code(code: int) -> None:
    packet = sealed()
    assert packet.opens(signed(packet.raw, code)) is None


@pytest.mark.parametrize("code", [2, 5, 40, 41, 42, 43])
def test_a_coa_is_not_answered_by_any_other_code(code: int) -> None:
    packet = sealed(requests.shut(NAS, MAC))
    assert packet.opens(signed(packet.raw, code)) is None


def test_what_is_not_a_reply_to_this_very_request_does_not_count() -> None:
    packet = sealed()
    reply = signed(packet.raw, 41)
    assert packet.opens(signed(packet.raw, 41, secret="guess")) is None
    assert packet.opens(signed(sealed(number=8).raw, 41)) is None
    assert packet.opens(reply[:4] + bytes(16) + reply[20:]) is None
    assert packet.opens(reply[:19]) is None
    assert packet.opens(reply[:3] + bytes([21]) + reply[4:]) is None
    assert packet.opens(b"") is None


def test_octets_after_the_length_are_padding() -> None:
    packet = sealed()
    assert packet.opens(signed(packet.raw, 41) + b"\x00\x00") is not None


def test_a_signed_reply_that_cannot_be_read_does_not_count() -> None:
    packet = sealed()
    assert packet.opens(signed(packet.raw, 41, bytes([101]))) is None
    assert packet.opens(signed(packet.raw, 41, bytes([101, 1]))) is None
    odd = packet.opens(signed(packet.raw, 42, bytes([101, 3, 9])))
    assert odd is not None
    assert odd.cause is None


@given(st.binary(max_size=200))
def test_no_bytes_from_outside_raise_or_count(data: bytes) -> None:
    assert sealed().opens(data) is None


@given(st.binary(max_size=80))
def test_no_attributes_from_a_signing_nas_raise(body: bytes) -> None:
    packet = sealed()
    packet.opens(signed(packet.raw, 41, body))
