"""The audit log on the command line: who asked for what, and what they were answered."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from firebreak.cli.client import AsName, connect, many
from firebreak.cli.durations import moment, seconds
from firebreak.cli.exits import Exit, ProblemError
from firebreak.cli.screen import JsonFlag, show, tabulate
from firebreak.domain.scopes import OF_OPERATION, PEOPLE_ONLY
from firebreak.ledger.audit import AuditLine

app = typer.Typer()

# The operations that leave lines; what a server adds to them is found without being named here.
_OTHERS = ("create_token", "dry_run", "post_alerts", "revoke_token", "whoami")
_ACTIONS = tuple(sorted({*OF_OPERATION, *PEOPLE_ONLY, *_OTHERS}))


@app.command()
def audit(
    *,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DURATION", help="Of the last 24h, 7d, ...")
    ] = None,
    who: Annotated[str | None, typer.Option("--who", help="Of this principal only.")] = None,
    action: Annotated[
        str | None, typer.Option("--action", help="Of this operation only: decide_approval, ...")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 50,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """List requests, allowed and refused, newest first. Needs the role auditor or admin."""
    start = None if since is None else datetime.now(UTC) - timedelta(seconds=seconds(since))
    with connect(as_name) as api:
        answer = api.get(
            "/audit",
            since=start.isoformat() if start else None,
            who=who,
            action=action,
            limit=limit,
        )
    rows = many(AuditLine, answer, "lines")
    if not rows and action is not None and action not in _ACTIONS:
        raise ProblemError(
            f"there is no operation {action}", f"one of: {', '.join(_ACTIONS)}", code=Exit.USAGE
        )
    table = tabulate(
        ("at", "who", "via", "action", "target", "status", ""),
        [
            (moment(r.at), r.principal, r.via, r.action, r.target, r.status or "no end", r.detail)
            for r in rows
        ],
        _nothing(who, action, since),
    )
    show([row.to_json() for row in rows], table, as_json=as_json)


def _nothing(who: str | None, action: str | None, since: str | None) -> str:
    """Why there is no line: a name may be mistyped, and is repeated for that."""
    looked_for = {"of": who, "about": action, "in the last": since}
    said = [f"{word} {value}" for word, value in looked_for.items() if value]
    return " ".join(["no line", *said]) if said else "nothing was asked for"
