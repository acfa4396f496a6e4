"""What Firebreak writes into a users file is what FreeRADIUS then answers, and nothing else."""

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta

import pytest

from firebreak.domain.base import JsonObject
from firebreak.domain.estate import FreeRadiusUsers
from firebreak.errors import OutcomeUnknown, Rejected
from integrations.network.radius.freeradius_users import FreeRadiusUsersSource
from integrations.network.radius.users_blocks import Block
from tests.peers.daemons import run, until
from tests.peers.freeradius import (
    PRODUCTION,
    QUARANTINE,
    AuthServer,
    notations,
    running_auth_server,
)

pytestmark = [pytest.mark.peer("freeradius"), pytest.mark.xdist_group("freeradius")]

NO_ENTRY: JsonObject = {"entry": None}
HELD: JsonObject = {"entry": {"vlan": QUARANTINE}}


@pytest.fixture
def source(auth_server: AuthServer) -> FreeRadiusUsersSource:
    config = FreeRadiusUsers(
        kind="freeradius-users",
        file=str(auth_server.users),
        reload=auth_server.reload,
    )
    return FreeRadiusUsersSource(config, QUARANTINE)


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=60)


async def test_an_entry_is_in_force_in_every_notation_and_its_release_leaves_no_trace(
    auth_server: AuthServer, source: FreeRadiusUsersSource, mac: str
) -> None:
    site = b"# the site's own line, in Latin-1: \xe9\n\n"
    auth_server.users.write_bytes(site)
    assert auth_server.ask(auth_server.late, mac) == [PRODUCTION]
    assert await source.write(mac, NO_ENTRY, HELD, soon()) == HELD
    for station in notations(mac):
        assert auth_server.ask(auth_server.late, mac, station=station, user="x") == [QUARANTINE]
        assert auth_server.ask(auth_server.early, mac, station=station, user="x") == [QUARANTINE]
        # MAC authentication by a NAS that sends no Calling-Station-Id.
        assert auth_server.ask(auth_server.late, mac, station="", user=station) == [QUARANTINE]
    assert await source.write(mac, HELD, NO_ENTRY, soon()) == NO_ENTRY
    assert auth_server.ask(auth_server.late, mac) == [PRODUCTION]
    assert auth_server.users.read_bytes() == site


async def test_a_reload_that_the_server_swallows_is_not_taken_for_one(
    auth_server: AuthServer, source: FreeRadiusUsersSource, mac: str
) -> None:
    # FreeRADIUS heeds this one, or one shortly before, and ignores the next: with exit code 0.
    run(*auth_server.reload)
    assert await source.write(mac, NO_ENTRY, HELD, soon()) == HELD
    assert auth_server.ask(auth_server.late, mac) == [QUARANTINE]


def test_a_signal_does_not_have_an_included_file_read(mac: str) -> None:
    """Why the estate takes no command that sends one."""
    with running_auth_server() as server:
        server.users.write_text(Block(mac, QUARANTINE, pending=False).text())

        def heeded() -> bool:
            os.kill(server.process.pid, signal.SIGHUP)
            return "HUP - No files changed" in server.log.read_text(errors="replace")

        until(heeded, "a word about the signal", log=server.log)
        assert server.ask(server.late, mac) == [PRODUCTION]


async def test_devices_quarantined_at_once_are_all_in_force(
    auth_server: AuthServer, source: FreeRadiusUsersSource
) -> None:
    macs = [f"02:0e:3c:00:00:{n:02x}" for n in range(12)]
    await asyncio.gather(*(source.write(mac, NO_ENTRY, HELD, soon()) for mac in macs))
    assert [auth_server.ask(auth_server.late, mac) for mac in macs] == [[QUARANTINE]] * len(macs)


async def test_a_server_that_cannot_load_its_files_is_never_taken_for_one_that_did(
    auth_server: AuthServer, source: FreeRadiusUsersSource, mac: str
) -> None:
    main = auth_server.folder / "users"
    good = main.read_text()
    main.write_text(f"nonsense (\n{good}")
    try:
        # Refused at once; or unknown, when FreeRADIUS ignored the first reload of the two.
        with pytest.raises((Rejected, OutcomeUnknown)) as told:
            await source.write(mac, NO_ENTRY, HELD, soon())
    finally:
        main.write_text(good)
    seen = await source.read(mac)
    assert seen == (NO_ENTRY if told.type is Rejected else HELD | {"loaded": False})
    assert auth_server.ask(auth_server.late, mac) == [PRODUCTION]
    assert await source.write(mac, NO_ENTRY, HELD, soon()) == HELD
    assert auth_server.ask(auth_server.late, mac) == [QUARANTINE]
