"""Approvals on the command line: the plan is shown before anyone can agree to it."""

import sys
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from firebreak.cli.client import Api, AsName, connect, many, one, path
from firebreak.cli.durations import clock
from firebreak.cli.exits import Exit, ProblemError
from firebreak.cli.screen import JsonFlag, clean, progress, show, tabulate
from firebreak.domain.people import Approval, Verdict

app = typer.Typer()

ApprovalId = Annotated[str, typer.Argument(metavar="ID", help="Id of the approval.")]


@app.command()
def approvals(
    *,
    every: Annotated[bool, typer.Option("--all", help="Settled ones too.")] = False,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """List what waits for people's decision."""
    with connect(as_name) as api:
        rows = many(Approval, api.get("/approvals", pending=not every), "approvals")
    table = tabulate(
        ("id", "state", "until", "asked by", "who must agree", "plan"),
        [
            (
                a.id,
                a.state.value,
                clock(a.expires_at),
                a.requester,
                _gates(a),
                "; ".join(a.summary),
            )
            for a in rows
        ],
        "nothing waits for a decision",
    )
    show([row.to_json() for row in rows], table, as_json=as_json)


@app.command()
def approve(
    approval_id: ApprovalId,
    *,
    reason: Annotated[
        str, typer.Option("--reason", help="Why; it goes into the record.")
    ] = "the plan was read and is agreed to",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask on the terminal.")] = False,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """Agree to a plan, after it has been shown."""
    with connect(as_name) as api:
        asked = one(Approval, api.get(path("approvals", approval_id)))
        progress().print(_summary(asked))
        if not yes:
            _confirm()
        _decide(api, asked, Verdict.APPROVE, reason, as_json=as_json)


@app.command()
def deny(
    approval_id: ApprovalId,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; it goes into the record.")],
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """Refuse a plan."""
    with connect(as_name) as api:
        asked = one(Approval, api.get(path("approvals", approval_id)))
        _decide(api, asked, Verdict.DENY, reason, as_json=as_json)


def _decide(api: Api, asked: Approval, verdict: Verdict, reason: str, *, as_json: bool) -> None:
    """The vote repeats the hash of what was shown: a plan that changed since gets no vote."""
    body = {"verdict": verdict.value, "plan_hash": asked.plan_hash, "reason": reason}
    settled = one(Approval, api.post(path("approvals", asked.id, "decide"), body))
    said = f"{settled.id}: your vote is recorded; it is {settled.state.value}"
    show(settled.to_json(), Text(clean(said)), as_json=as_json)


def _summary(asked: Approval) -> RenderableType:
    plans = [Text.assemble(("plan   ", "bold"), clean(line)) for line in asked.summary]
    return Group(
        Text.assemble((clean(asked.id), "bold"), f"  asked by {clean(asked.requester)}"),
        *plans,
        Text.assemble(("why    ", "bold"), clean(asked.why)),
        Text.assemble(("needs  ", "bold"), f"{_gates(asked)} until {clock(asked.expires_at)}"),
        Text.assemble(("hash   ", "dim"), (clean(asked.plan_hash), "dim")),
    )


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise ProblemError(
            "there is no terminal to ask on",
            "add --yes to agree without a question",
            code=Exit.USAGE,
        )
    if not typer.confirm("Agree to this plan?", err=True):
        raise ProblemError("no vote was sent", "`firebreak deny ID --reason TEXT` refuses the plan")


def _gates(asked: Approval) -> str:
    return clean(" and ".join(f"{g.quorum} x {g.role}" for g in asked.gates))
