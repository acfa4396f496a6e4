"""Tokens: made once at the first start, kept for their owner only, and manageable offline."""

import asyncio
import getpass
import json
from pathlib import Path

import pytest

from firebreak.cli.exits import Exit
from firebreak.cli.first_start import FIRST_TOKENS, prepare
from firebreak.ledger.audit import AuditLog
from firebreak.ledger.database import Database
from firebreak.settings import Settings
from firebreak.statedir import StateDir
from tests.unit.cli.conftest import Call


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateDir:
    state = StateDir(tmp_path / "fresh")
    state.create()
    monkeypatch.setenv("FIREBREAK_STATE_DIR", str(state.root))
    return state


def secrets_in(state: StateDir) -> dict[str, str]:
    return {file.stem: file.read_text().strip() for file in state.tokens.iterdir()}


def test_the_first_start_makes_three_tokens_that_only_their_owner_can_read(
    fresh: StateDir, call: Call
) -> None:
    prepare(Settings(), fresh)
    assert secrets_in(fresh).keys() == FIRST_TOKENS.keys()
    for file in fresh.tokens.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
    listed = call("token", "list", "--json").stdout
    assert {row["name"]: row["roles"] for row in json.loads(listed)} == {
        name: list(roles) for name, roles in FIRST_TOKENS.items()
    }
    assert not any(secret in listed for secret in secrets_in(fresh).values())
    database = (fresh.root / "ledger.db").read_bytes()
    assert not any(secret.encode() in database for secret in secrets_in(fresh).values())


def test_a_later_start_changes_no_token(fresh: StateDir) -> None:
    prepare(Settings(), fresh)
    before = secrets_in(fresh)
    prepare(Settings(), fresh)
    assert secrets_in(fresh) == before


def test_a_revoked_token_is_not_brought_back_by_a_start(fresh: StateDir, call: Call) -> None:
    prepare(Settings(), fresh)
    (fresh.tokens / "oncall.token").unlink()
    assert call("token", "revoke", "oncall").exit_code == 0
    prepare(Settings(), fresh)
    assert "oncall" not in secrets_in(fresh)


def test_a_created_token_is_shown_once_or_kept_in_a_file(fresh: StateDir, call: Call) -> None:
    shown = call("token", "create", "ana", "--role", "analyst", "--for", "90d", "--json")
    assert json.loads(shown.stdout)["token"].startswith("fb_")
    kept = call("token", "create", "ben", "--role", "on-call", "--save")
    assert kept.exit_code == 0
    assert secrets_in(fresh)["ben"] not in kept.output


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["create", "admin", "--role", "admin"], 1),  # there is one already
        (["create", "x", "--role", "Not A Role"], 2),
        (["create", "x", "--role", "source:suricata", "--role", "admin"], 2),
        (["create", "../x", "--role", "admin"], 2),
        (["revoke", "nobody"], 5),
    ],
)
def test_what_cannot_be_is_refused_with_its_exit_code(
    fresh: StateDir, call: Call, arguments: list[str], code: int
) -> None:
    prepare(Settings(), fresh)
    result = call("token", *arguments)
    assert result.exit_code == code
    assert result.stderr.startswith("error: ")


def test_a_service_gets_scopes_an_end_and_no_roles(fresh: StateDir, call: Call) -> None:
    made = call("token", "create", "etl", "--scope", "incidents:read", "--for", "6d", "--json")
    assert json.loads(made.stdout)["scopes"] == ["incidents:read"]
    (row,) = json.loads(call("token", "list", "--json").stdout)
    assert (row["scopes"], row["expires_soon"]) == (["incidents:read"], True)
    assert "(soon)" in call("token", "list").stdout
    assert fresh.root.exists()


def test_a_token_that_is_good_for_nothing_is_not_made(fresh: StateDir, call: Call) -> None:
    for options, why in (((), "good for nothing"), (("--scope", "approvals:decide"), "no scope")):
        refused = call("token", "create", "etl", *options)
        assert refused.exit_code == Exit.USAGE
        assert why in refused.stderr
    assert json.loads(call("token", "list", "--json").stdout) == []
    assert fresh.root.exists()


def test_a_live_token_without_an_end_is_not_listed_as_revoked(fresh: StateDir, call: Call) -> None:
    prepare(Settings(), fresh)
    listed = call("token", "list").stdout
    assert listed.count("no end") == len(FIRST_TOKENS)
    assert "revoked" not in listed


@pytest.mark.parametrize(
    ("role", "warning"),
    [
        ("oncall", "did you mean on-call?"),
        ("plant-manager", "it knows admin, analyst"),
        ("on-call", ""),
        ("source:zeek", ""),
    ],
)
def test_a_role_that_may_be_a_typo_is_warned_of_and_given(
    fresh: StateDir, call: Call, role: str, warning: str
) -> None:
    del fresh
    made = call("token", "create", "bo", "--role", role, "--json")
    assert made.exit_code == 0
    assert json.loads(made.stdout)["roles"] == [role]
    assert warning in made.stderr
    assert bool(made.stderr) == bool(warning)


async def test_who_made_or_ended_a_token_is_in_the_audit_log(fresh: StateDir, call: Call) -> None:
    for words in ("create ana --role break-glass", "create ana --role admin", "revoke ana"):
        await asyncio.to_thread(call, "token", *words.split())
    assert fresh.root.exists()
    database = await Database.open(Settings().ledger_url)
    lines = await AuditLog(database).listed()
    await database.close()
    assert [(line.action, line.target, line.status) for line in reversed(lines)] == [
        ("create_token", "ana", 200),
        ("create_token", "ana", 409),
        ("revoke_token", "ana", 200),
    ]
    assert {(line.via, line.principal) for line in lines} == {("shell", getpass.getuser())}
    assert lines[-1].detail == "break-glass"
