import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firebreak.cyber_range.faults import Fault, FaultKind
from firebreak.cyber_range.site import BOT, Range
from tests.unit.cyber_range.operators import LineBroke, Operator, sound

FAMILY = "interfaces ge-0/0/2 unit 0 family ethernet-switching"
MOVE = (f"delete {FAMILY} vlan members CAMERAS", f"set {FAMILY} vlan members 666")
# Long enough for a test to look inside a confirmed commit's minute on a busy machine.
MINUTE_S = 1.2


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Range]:
    async with Range.build(
        tmp_path / "r",
        devices=6,
        switches=2,
        platforms=("juniper_junos",),
        minute_s=MINUTE_S,
    ) as running:
        yield running


async def edit(operator: Operator, *lines: str, how: str = "configure") -> str:
    said = [await operator.say(line, until="# ") for line in (how, *lines)]
    return "".join(said)


async def rolled_back(site: Range) -> None:
    async with asyncio.timeout(5):
        while not any(w.kind == "rollback" for w in site.journal.writes()):
            await asyncio.sleep(0.01)


async def test_nothing_changes_before_the_commit(site: Range) -> None:
    async with Operator(site, "sw-1") as operator:
        said = await edit(operator, *MOVE, "show | compare")
        assert "members 666" in said
        assert await sound(site, BOT) == "open"
        await operator.say("commit", until="commit complete")
    assert await sound(site, BOT) == "silent"
    assert [w.kind for w in site.journal.writes()] == ["candidate", "candidate", "commit"]


async def test_an_unconfirmed_commit_is_rolled_back_by_the_switch(site: Range) -> None:
    async with Operator(site, "sw-1") as operator:
        said = await edit(operator, *MOVE, "commit confirmed 1")
        assert "automatically rolled back in 1 minutes unless confirmed" in said
        assert await sound(site, BOT) == "silent"
    await rolled_back(site)
    assert await sound(site, BOT) == "open"
    assert site.journal.writes()[-1].session == "commit-confirmed"


async def test_a_confirmed_commit_stays(site: Range) -> None:
    async with Operator(site, "sw-1") as operator:
        await edit(operator, *MOVE, "commit confirmed 1")
        await operator.say("run show system commit", until="commit confirmed, rollback in 1mins")
        await operator.say("commit", until="commit complete")
        await asyncio.sleep(1.25 * MINUTE_S)
    assert await sound(site, BOT) == "silent"
    await site.switches["sw-1"].reboot()
    assert await sound(site, BOT) == "silent"


async def test_a_reboot_inside_the_minute_forgets_the_commit(site: Range) -> None:
    async with Operator(site, "sw-1") as operator:
        await edit(operator, *MOVE, "commit confirmed 9")
    await site.switches["sw-1"].reboot()
    assert await sound(site, BOT) == "open"


async def test_a_line_that_breaks_after_commit_confirmed_heals_itself(site: Range) -> None:
    await site.switches["sw-1"].inject(
        Fault(FaultKind.DROP_AFTER_WRITE, times=1, match="confirmed")
    )
    async with Operator(site, "sw-1") as operator:
        with pytest.raises(LineBroke):
            await edit(operator, *MOVE, "commit confirmed 1")
    assert await sound(site, BOT) == "silent"
    await rolled_back(site)
    assert await sound(site, BOT) == "open"


async def test_an_access_port_with_two_vlans_does_not_pass_the_check(site: Range) -> None:
    async with Operator(site, "sw-1") as operator:
        said = await edit(operator, MOVE[1], "commit")
        assert "error: configuration check-out failed" in said
    assert await sound(site, BOT) == "open"


async def test_an_unknown_vlan_does_not_pass_the_check(site: Range) -> None:
    async with Operator(site, "sw-1") as operator:
        said = await edit(operator, MOVE[0], f"set {FAMILY} vlan members NOWHERE", "commit check")
        assert "vlan NOWHERE is not configured" in said


async def test_an_exclusive_session_keeps_others_out_and_discards_when_it_breaks(
    site: Range,
) -> None:
    async with Operator(site, "sw-1") as first, Operator(site, "sw-1") as second:
        await edit(first, *MOVE, how="configure exclusive")
        await second.say("configure exclusive", until="configuration database locked by")
    async with Operator(site, "sw-1") as third:
        async with asyncio.timeout(2):
            while "Entering" not in await third.say("configure exclusive", until="@sw-1"):
                await asyncio.sleep(0.01)
        assert "members 666" not in await third.say("show | compare", until="# ")


async def test_rollback_one_is_the_way_back(site: Range) -> None:
    async with Operator(site, "sw-1") as operator:
        await edit(operator, *MOVE, "commit", "rollback 1", "commit")
        said = await operator.say("rollback 49", until="# ")
        assert "could not find rollback configuration 49" in said
    assert await sound(site, BOT) == "open"


async def test_leaving_with_changes_asks_first(site: Range) -> None:
    async with Operator(site, "sw-1") as operator:
        await edit(operator, *MOVE)
        await operator.say("exit", until="Exit with uncommitted changes? [yes,no] (yes) ")
        await operator.say("no", until="# ")
        await operator.say("exit", until="(yes) ")
        await operator.say("yes", until="Exiting configuration mode")
    assert await sound(site, BOT) == "open"
