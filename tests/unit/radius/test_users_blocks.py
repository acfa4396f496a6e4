"""Firebreak's blocks in a users file: exactly as written, or hands off; others' lines stay."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebreak.errors import Rejected
from integrations.network.radius.users_blocks import Block, UsersText
from tests.peers.freeradius import notations

MAC, OTHER = "02:0e:3c:a1:b2:c3", "02:0e:3c:a1:b2:c4"

lines_of_others = st.text(
    st.characters(codec="utf-8") | st.sampled_from('\n\r\t", :=\x0b\x85\u2028'), max_size=200
).filter(lambda text: not any(line.startswith("# firebreak ") for line in text.split("\n")))
blocks = st.builds(
    Block,
    st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":")),
    st.none() | st.integers(2, 4094),
    st.booleans(),
)


@given(lines_of_others, blocks)
def test_a_block_comes_and_goes_without_a_trace(others: str, block: Block) -> None:
    parsed = UsersText.parse(others)
    held = UsersText.parse(parsed.put(block).text())
    assert held.block(block.mac) == block
    assert held.text() == block.text() + others
    assert held.without(block.mac).text() == others


@given(st.lists(blocks, unique_by=lambda block: block.mac, max_size=5))
def test_blocks_of_many_devices_stand_side_by_side(held: list[Block]) -> None:
    content = UsersText(())
    for block in held:
        content = UsersText.parse(content.put(block).text())
    assert all(content.block(block.mac) == block for block in held)


def test_a_block_changes_where_it_stands() -> None:
    first, second = Block(MAC, 666, pending=False), Block(OTHER, 666, pending=False)
    text = f"# a\n{first.text()}# b\n{second.text()}# c\n"
    changed = UsersText.parse(text).put(Block(MAC, 777, pending=True)).text()
    assert changed == text.replace(first.text(), Block(MAC, 777, pending=True).text())


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("666", "10", 1),
        lambda text: text.replace('"666"', '"10"', 1),
        lambda text: text.replace("Tunnel-Type := VLAN,\n", "Tunnel-Type := VLAN,\n\tx := 1,\n", 1),
        lambda text: text.replace("^02", "^.*|02", 1),
        lambda text: text.replace("# firebreak end", "# ended", 1),
        lambda text: text[: len(text) // 2],
        lambda text: text.partition("\n")[2],
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("vlan 666", "vlan 6666"),
        lambda text: text.replace("begin", "begins"),
        lambda text: text + text,
        lambda text: "# firebreak \n" + text,
    ],
)
def test_a_block_that_was_edited_by_hand_is_not_touched(edit: object) -> None:
    assert callable(edit)
    text = edit(Block(MAC, 666, pending=False).text())
    with pytest.raises(Rejected, match=r"edited by hand|two blocks"):
        UsersText.parse(f"# before\n{text}")


def test_an_entry_fits_its_device_in_every_notation_and_no_other() -> None:
    entry = Block(MAC, 666, pending=False).text()
    patterns = set(re.findall(r'=~ "([^"]+)"', entry))
    assert len(patterns) == 1
    (pattern,) = patterns
    assert all(re.search(pattern, written) for written in notations(MAC))
    assert not any(re.search(pattern, written) for written in notations(OTHER))
    assert not re.search(pattern, f"{MAC}:10")
    assert not re.search(pattern, f"x{MAC}")
