"""What a users file says is believed only as far as the server was seen to read it."""

import asyncio
import fcntl
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from firebreak.domain.base import JsonObject
from firebreak.domain.estate import FreeRadiusUsers
from firebreak.errors import FirebreakError, OutcomeUnknown, Rejected, StateDrifted, Unreachable
from integrations.network.radius import freeradius_users
from integrations.network.radius.freeradius_users import FreeRadiusUsersSource
from tests.peers.daemons import until

MAC = "02:0e:3c:a1:b2:c3"
NO_ENTRY: JsonObject = {"entry": None}
HELD: JsonObject = {"entry": {"vlan": 666}}
NOT_LOADED: JsonObject = {"entry": {"vlan": 666}, "loaded": False}
SITE = "# the site's own\n"
GAP_S = 0.2

# Notes when it ran and what the file said, then does what the test wants of it.
_RELOAD = """#!/bin/sh
date +%s.%N >> {folder}/runs
cp {file} {folder}/loaded
{then}
"""


class Server:
    """A users file and the command that has it loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "firebreak"
        self.file.write_text(SITE)
        self.command = folder / "reload"
        self.when_reloaded("exit 0")

    def when_reloaded(self, then: str) -> None:
        script = _RELOAD.format(folder=self.folder, file=self.file, then=then)
        self.command.write_text(script)
        self.command.chmod(0o755)

    def runs(self) -> list[float]:
        log = self.folder / "runs"
        return [float(line) for line in log.read_text().split()] if log.exists() else []

    def source(self, **changes: object) -> FreeRadiusUsersSource:
        config = {
            "kind": "freeradius-users",
            "file": str(self.file),
            "reload": (str(self.command),),
            "reload_gap_s": GAP_S,
        }
        return FreeRadiusUsersSource(FreeRadiusUsers.model_validate(config | changes), 666)


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=30)


async def test_the_server_is_asked_to_reload_again_when_no_earlier_reload_can_swallow_it(
    server: Server,
) -> None:
    assert await server.source().write(MAC, NO_ENTRY, HELD, soon()) == HELD
    first, second = server.runs()
    assert second - first >= GAP_S - 0.05
    assert '"666"' in (server.folder / "loaded").read_text()


async def test_one_reload_is_enough_where_every_reload_counts(server: Server) -> None:
    await server.source(reload_gap_s=0).write(MAC, NO_ENTRY, HELD, soon())
    assert len(server.runs()) == 1


async def test_what_stands_already_is_neither_written_nor_reloaded(server: Server) -> None:
    await server.source().write(MAC, NO_ENTRY, HELD, soon())
    before = server.file.stat()
    assert await server.source().write(MAC, NO_ENTRY, HELD, datetime.now(UTC)) == HELD
    assert server.file.stat() == before
    assert len(server.runs()) == 2


async def test_a_server_that_refuses_to_reload_leaves_the_file_as_it_was(server: Server) -> None:
    server.when_reloaded("echo 'Parse error' >&2; exit 3")
    with pytest.raises(Rejected, match="exit code 3: Parse error"):
        await server.source().write(MAC, NO_ENTRY, HELD, soon())
    assert server.file.read_text() == SITE


async def test_a_reload_command_that_is_not_there_leaves_the_file_as_it_was(
    server: Server,
) -> None:
    with pytest.raises(Rejected, match="cannot be started"):
        await server.source(reload=["/no/such/program"]).write(MAC, NO_ENTRY, HELD, soon())
    assert server.file.read_text() == SITE


async def test_a_second_reload_that_fails_leaves_it_unknown(server: Server) -> None:
    server.when_reloaded(f"[ $(wc -l < {server.folder}/runs) = 1 ]")
    with pytest.raises(OutcomeUnknown, match="reloaded once and then did not"):
        await server.source().write(MAC, NO_ENTRY, HELD, soon())
    assert await server.source().read(MAC) == NOT_LOADED


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freeradius_users, "_RELOAD_S", 0.3)


@pytest.mark.usefixtures("impatient")
async def test_a_reload_that_hangs_is_killed_with_its_children_and_leaves_it_unknown(
    server: Server,
) -> None:
    server.when_reloaded(f"sleep 60 & echo $! > {server.folder}/child; wait")
    with pytest.raises(OutcomeUnknown, match="did not end in time"):
        await server.source().write(MAC, NO_ENTRY, HELD, soon())
    child = Path(f"/proc/{(server.folder / 'child').read_text().strip()}")
    await asyncio.to_thread(until, lambda: _ended(child), "the end of the child")
    assert await server.source().read(MAC) == NOT_LOADED
    with pytest.raises(Rejected, match="was not seen to be loaded"):
        server.source().quarantined(NOT_LOADED)
    server.when_reloaded("exit 0")
    assert await server.source().write(MAC, NO_ENTRY, HELD, soon()) == HELD


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("known", "wanted"), [(NO_ENTRY, HELD), (HELD, NO_ENTRY)])
async def test_a_release_or_another_try_settles_what_was_unknown(
    server: Server, known: JsonObject, wanted: JsonObject
) -> None:
    server.when_reloaded("exec sleep 60")
    with pytest.raises(OutcomeUnknown):
        await server.source().write(MAC, NO_ENTRY, HELD, soon())
    server.when_reloaded("exit 0")
    assert await server.source().write(MAC, known, wanted, soon()) == wanted
    assert (server.file.read_text() == SITE) is (wanted == NO_ENTRY)


def _ended(process: Path) -> bool:
    try:
        return "(zombie)" in (process / "status").read_text()
    except OSError:
        return True


async def test_a_service_that_the_reload_starts_does_not_hold_it_up(server: Server) -> None:
    server.when_reloaded(f"sleep 5 & echo $! > {server.folder}/child; exit 0")
    began = time.monotonic()
    await server.source().write(MAC, NO_ENTRY, HELD, soon())
    assert time.monotonic() - began < 4
    os.kill(int((server.folder / "child").read_text()), 15)


async def test_the_reload_command_sees_nothing_of_the_workers_environment(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCH_PASSWORD", "t0p-secret")
    server.when_reloaded(f"env > {server.folder}/env")
    await server.source().write(MAC, NO_ENTRY, HELD, soon())
    assert "t0p-secret" not in (server.folder / "env").read_text()


async def test_an_entry_that_somebody_else_made_is_not_overwritten(server: Server) -> None:
    await server.source().write(MAC, NO_ENTRY, {"entry": {"vlan": 777}}, soon())
    text = server.file.read_text()
    with pytest.raises(StateDrifted, match="VLAN 777"):
        await server.source().write(MAC, NO_ENTRY, HELD, soon())
    assert server.file.read_text() == text


async def test_nothing_is_written_when_there_is_no_time_left_to_see_it_loaded(
    server: Server,
) -> None:
    with pytest.raises(Unreachable, match="too late"):
        await server.source().write(
            MAC, NO_ENTRY, HELD, datetime.now(UTC) + timedelta(seconds=GAP_S)
        )
    assert server.file.read_text() == SITE
    assert server.runs() == []


async def test_a_file_that_another_worker_keeps_locked_is_left_alone(server: Server) -> None:
    with (server.folder / ".firebreak.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Unreachable, match="locked"):
            await server.source().write(
                MAC, NO_ENTRY, HELD, datetime.now(UTC) + timedelta(seconds=4.5)
            )
    assert server.file.read_text() == SITE


async def test_workers_that_act_at_once_lose_nothing(server: Server) -> None:
    macs = [f"02:00:00:00:00:{n:02x}" for n in range(20)]
    await asyncio.gather(*(server.source().write(m, NO_ENTRY, HELD, soon()) for m in macs))
    assert [await server.source().read(mac) for mac in macs] == [HELD] * 20
    await asyncio.gather(*(server.source().write(m, HELD, NO_ENTRY, soon()) for m in macs))
    assert server.file.read_text() == SITE


async def test_the_file_keeps_its_mode_and_the_link_that_leads_to_it(server: Server) -> None:
    real = server.folder / "real"
    server.file.rename(real)
    server.file.symlink_to(real)
    real.chmod(0o640)
    await server.source().write(MAC, NO_ENTRY, HELD, soon())
    assert server.file.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640


def _gone(server: Server) -> None:
    server.file.unlink()


def _edited(server: Server) -> None:
    server.file.write_text(f"# firebreak begin {MAC} vlan 10\nDEFAULT\n")


def _a_folder(server: Server) -> None:
    server.file.unlink()
    server.file.mkdir()


@pytest.mark.parametrize("spoil", [_gone, _edited, _a_folder])
async def test_a_file_that_is_not_as_it_should_be_is_refused(
    server: Server, spoil: Callable[[Server], None]
) -> None:
    spoil(server)
    with pytest.raises(Rejected):
        await server.source().read(MAC)
    with pytest.raises(Rejected):
        await server.source().write(MAC, NO_ENTRY, HELD, soon())


@pytest.mark.parametrize(
    "mac", ["", "02:00:00:00:00", f"{MAC}\n", f'{MAC}"', '" Auth-Type := Accept #', "0" * 13]
)
async def test_what_is_no_mac_address_never_gets_into_the_file(server: Server, mac: str) -> None:
    try:
        await server.source().write(mac, NO_ENTRY, HELD, soon())
    except FirebreakError:
        assert server.file.read_text() == SITE
    else:  # a line end around it is none of the address
        assert await server.source().read(MAC) == HELD


@pytest.mark.parametrize(
    "record",
    [{}, {"entry": {"vlan": 0}}, {"entry": {"vlan": '"666"'}}, {"entry": None, "more": 1}],
)
async def test_what_is_no_state_of_it_never_gets_into_the_file(
    server: Server, record: JsonObject
) -> None:
    with pytest.raises(Rejected, match="no state"):
        await server.source().write(MAC, NO_ENTRY, record, soon())
    assert server.file.read_text() == SITE


@pytest.mark.parametrize(
    "argv",
    [
        ("kill", "-HUP", "4711"),
        ("pkill", "-s", "HUP", "freeradius"),
        ("sudo", "systemctl", "reload", "freeradius"),
        ("service", "freeradius", "force-reload"),
    ],
)
def test_a_signal_is_no_way_to_reload(argv: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="not read an included users file"):
        FreeRadiusUsers(kind="freeradius-users", file="/f", reload=argv)
