"""API tokens on the command line. They live in the ledger's database, so no server is needed."""

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Annotated, TypeVar

import typer
from rich.text import Text

from firebreak.cli.configuration import load_settings
from firebreak.cli.durations import moment, seconds
from firebreak.cli.exits import Exit, ProblemError
from firebreak.cli.screen import JsonFlag, clean, progress, show, tabulate
from firebreak.cli.token_files import token_file, write_token
from firebreak.domain.scopes import SCOPES
from firebreak.errors import FirebreakError, LedgerConflict, NotFound
from firebreak.ledger.audit import AuditLog, Line
from firebreak.ledger.database import Database
from firebreak.ledger.tokens import Token, Tokens
from firebreak.server.roles import (
    AUDITORS,
    BREAKERS,
    OPERATORS,
    READERS,
    RESUMERS,
    REVIEWERS,
    SERVICE,
    STARTERS,
)
from firebreak.statedir import StateDir

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True)

# The roles that the server asks for. Policies and playbooks may name others.
_ROLES = sorted(
    (READERS | STARTERS | RESUMERS | OPERATORS | AUDITORS | BREAKERS | REVIEWERS) - {SERVICE}
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Whose token it is.")]


@app.callback()
def token() -> None:
    """Create, list and revoke API tokens."""


@app.command()
def create(
    name: Name,
    *,
    roles: Annotated[
        list[str] | None, typer.Option("--role", help="on-call, admin, source:suricata...")
    ] = None,
    scopes: Annotated[
        list[str] | None,
        typer.Option("--scope", help="For a service, instead of roles: incidents:read, ..."),
    ] = None,
    lifetime: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="DURATION", help="How long it is good; with scopes 90d unless said."
        ),
    ] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Keep it for --as NAME; print no secret.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Create a token. Its secret is shown once and cannot be had again."""
    if not roles and not scopes:
        raise ProblemError(
            "a token without a role or a scope is good for nothing",
            f"--role for a person or a detector; --scope for a service: {', '.join(SCOPES)}",
            code=Exit.USAGE,
        )
    file = token_file(StateDir(load_settings().state_dir.absolute()), name)
    ttl = timedelta(seconds=seconds(lifetime)) if lifetime else None
    try:
        secret = _ordered(
            "create_token",
            name,
            lambda tokens: tokens.create(name, roles or (), ttl, scopes or ()),
            ", ".join(sorted(scopes or roles or ())),
        )
    except LedgerConflict as error:
        raise ProblemError(
            f"a live token is named {name}", f"`firebreak token revoke {name}` ends that one"
        ) from error
    _warn_of_typos(roles or ())
    facts: dict[str, object] = {"name": name, "roles": sorted(roles or ())}
    facts["scopes"] = sorted(scopes) if scopes else None
    if save:
        write_token(file, secret)
        show({**facts, "file": str(file)}, Text(clean(f"kept in {file}")), as_json=as_json)
    else:
        show({**facts, "token": secret}, Text(secret), as_json=as_json)


@app.command("list")
def list_tokens(*, as_json: JsonFlag = False) -> None:
    """List all tokens, without their secrets."""
    rows = _with_tokens(lambda tokens: tokens.list())
    now = datetime.now(UTC)
    table = tabulate(
        ("name", "roles or scopes", "created", "good until"),
        [(t.name, _good_for(t), moment(t.created_at), _end(t, now)) for t in rows],
        "there are no tokens",
    )
    listed = [{**row.to_json(), "expires_soon": row.expires_soon(now)} for row in rows]
    show(listed, table, as_json=as_json)


@app.command()
def revoke(name: Name, *, as_json: JsonFlag = False) -> None:
    """End a token; a running server refuses it within two seconds."""
    try:
        _ordered("revoke_token", name, lambda tokens: tokens.revoke(name))
    except NotFound as error:
        raise ProblemError(
            str(error), "`firebreak token list` lists them", error=error.code
        ) from error
    show({"name": name, "revoked": True}, Text(clean(f"{name} is revoked")), as_json=as_json)


def _warn_of_typos(roles: Iterable[str]) -> None:
    """A role that only policies and playbooks name is as good as any; most often it is a typo."""
    for role in roles:
        if role in _ROLES or role.startswith("source:"):
            continue
        meant = get_close_matches(role, _ROLES, n=1)
        instead = f"did you mean {meant[0]}?" if meant else f"it knows {', '.join(_ROLES)}"
        said = f"warning: Firebreak itself knows no role {role}; {instead}"
        progress().print(Text(clean(said), style="yellow"))


def _with_tokens(work: Callable[[Tokens], Awaitable[T]]) -> T:
    return _with_database(lambda database: work(Tokens(database)))


def _ordered(action: str, name: str, work: Callable[[Tokens], Awaitable[T]], detail: str = "") -> T:
    """Carry an order out with its line in the audit log, written before as for the API's."""
    line = Line(
        at=datetime.now(UTC),
        principal=_shell_user(),
        via="shell",
        action=action,
        target=clean(name),
        detail=clean(detail),
    )

    async def run(database: Database) -> T:
        log = AuditLog(database)
        number = await log.begin(line)
        try:
            result = await work(Tokens(database))
        except FirebreakError as error:
            status = 404 if isinstance(error, NotFound) else 409
            await log.end(number, replace(line, status=status, detail=clean(str(error))))
            raise
        await log.end(number, replace(line, status=200))
        return result

    return _with_database(run)


def _shell_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"


def _with_database(work: Callable[[Database], Awaitable[T]]) -> T:
    async def run() -> T:
        database = await Database.open(load_settings().ledger_url)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


def _good_for(token: Token) -> str:
    return ", ".join(sorted(token.roles if token.scopes is None else token.scopes))


def _end(token: Token, now: datetime) -> str:
    if token.revoked_at is not None:
        return f"revoked {moment(token.revoked_at)}"
    soon = " (soon)" if token.expires_soon(now) else ""
    return f"{moment(token.expires_at)}{soon}" if token.expires_at else "no end"
