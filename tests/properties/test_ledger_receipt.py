"""No changed byte, and no changed chain, gets past the verifier."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from firebreak.ledger.chain import faults
from firebreak.ledger.receipt import build
from firebreak.ledger.signing import Signer
from firebreak.ledger.verification import verify
from tests.unit.ledger.chains import chained, note, story


@cache
def signer() -> Signer:
    with TemporaryDirectory() as directory:
        return Signer.load_or_create(Path(directory))


@cache
def receipt() -> bytes:
    content = build(chained(*story()), signer())
    assert verify(content, signer().public_key).valid
    return content


@settings(max_examples=400, deadline=None)
@given(place=st.integers(0, len(receipt()) - 1), mask=st.integers(1, 255))
def test_a_changed_byte_anywhere_is_caught(place: int, mask: int) -> None:
    """Every byte: those that are signed, and the rest by the envelope's one exact form."""
    content = bytearray(receipt())
    content[place] ^= mask
    assert not verify(bytes(content), signer().public_key).valid


def test_a_changed_byte_outside_of_the_payload_is_caught_at_every_place() -> None:
    """The few hundred bytes around the payload, each of them, without leaving it to luck."""
    content = receipt()
    start = content.index(b'"payload":"') + len(b'"payload":"')
    end = content.index(b'"', start)
    places = [*range(start), *range(end, len(content))]
    for place in places:
        for mask in (1, 32):
            changed = bytearray(content)
            changed[place] ^= mask
            assert not verify(bytes(changed), signer().public_key).valid, (place, mask)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_cut_or_stretched_bytes_are_caught(data: st.DataObject) -> None:
    content = receipt()
    start = data.draw(st.integers(0, len(content) - 1))
    end = data.draw(st.integers(start + 1, min(start + 80, len(content))))
    repeat = data.draw(st.sampled_from([0, 2]))
    changed = content[:start] + content[start:end] * repeat + content[end:]
    assert not verify(changed, signer().public_key).valid


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=300))
def test_no_bytes_make_the_verifier_raise(content: bytes) -> None:
    assert not verify(content, signer().public_key).valid


@settings(max_examples=200, deadline=None)
@given(order=st.permutations(range(6)), keep=st.integers(1, 6))
def test_any_other_choice_or_order_of_entries_is_no_whole_chain(
    order: list[int], keep: int
) -> None:
    chain = chained(*(note(f"k{n}") for n in range(6)))
    chosen = [chain[n] for n in order[:keep]]
    in_order = order[:keep] == list(range(keep))
    assert (faults(chosen) == ()) == in_order
