"""A port's bit is read and changed exactly, and no other bit ever is."""

from hypothesis import given
from hypothesis import strategies as st

from integrations.network.snmp.portlist import PortList

octets = st.binary(max_size=64)
ports = st.integers(min_value=1, max_value=520)


def as_text(value: bytes, length: int) -> str:
    """The bits as RFC 4363 draws them, port 1 on the left: a second way to say the same."""
    return "".join(f"{octet:08b}" for octet in value).ljust(length * 8, "0")


@given(octets, ports)
def test_a_port_is_in_the_list_when_its_bit_counted_from_the_left_is_one(
    value: bytes, port: int
) -> None:
    assert (port in PortList(value)) == (as_text(value, 65)[port - 1] == "1")


@given(octets, ports, st.booleans())
def test_changing_a_port_changes_that_bit_and_no_other(
    value: bytes, port: int, member: bool
) -> None:
    before, after = (
        as_text(value, 65),
        as_text(PortList(value).change(port, member=member).octets, 65),
    )
    assert after[port - 1] == str(int(member))
    assert (before[: port - 1], before[port:]) == (after[: port - 1], after[port:])


@given(octets, ports, st.booleans())
def test_the_length_is_the_switchs_own_unless_the_port_does_not_fit(
    value: bytes, port: int, member: bool
) -> None:
    needed = (port + 7) // 8 if member else 0
    assert len(PortList(value).change(port, member=member).octets) == max(len(value), needed)


@given(octets, ports)
def test_out_and_in_again_restores_the_string(value: bytes, port: int) -> None:
    before = PortList(value)
    if port in before:
        assert before.change(port, member=False).change(port, member=True) == before
    elif port <= len(value) * 8:
        assert before.change(port, member=True).change(port, member=False) == before


@given(octets)
def test_the_members_are_those_whose_bits_are_set(value: bytes) -> None:
    members = [n for n, bit in enumerate(as_text(value, len(value)), start=1) if bit == "1"]
    assert list(PortList(value)) == members
