"""Approvals on the command line: the plan is shown before anyone can agree to it."""

import sys
from typing import Annotated

import typer
from rich.text import Text

from firebreak.cli.assignments import assignments
from firebreak.cli.bulk import decide_all, gates, holds, summary
from firebreak.cli.client import Api, AsName, connect, many, one, path
from firebreak.cli.durations import seconds
from firebreak.cli.exits import Exit, ProblemError
from firebreak.cli.screen import JsonFlag, clean, progress, show, tabulate
from firebreak.domain.people import Approval, Verdict
from firebreak.telling.times import zoned_clock

app = typer.Typer()

ApprovalId = Annotated[str, typer.Argument(metavar="ID", help="Id of the approval.")]
OneId = Annotated[str | None, typer.Argument(metavar="[ID]", help="Id of the approval.")]
Incident = Annotated[
    str | None, typer.Option("--incident", metavar="INC", help="All of this incident that wait.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it goes into the record.")]


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
                zoned_clock(a.expires_at),
                a.requester,
                gates(a),
                "; ".join([*a.summary, *holds(a)]),
            )
            for a in rows
        ],
        "nothing waits for a decision",
    )
    show([row.to_json() for row in rows], table, as_json=as_json)


@app.command()
def approve(
    approval_id: OneId = None,
    *,
    incident: Incident = None,
    reason: Annotated[
        str, typer.Option("--reason", help="Why; it goes into the record.")
    ] = "the plan was read and is agreed to",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask on the terminal.")] = False,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """Agree to a plan, or to all of an incident, after they have been shown."""
    with connect(as_name) as api:
        requests = _chosen(api, approval_id, incident)
        for asked in requests:
            progress().print(summary(asked))
        if not yes:
            _confirm(len(requests))
        _decide(api, requests, Verdict.APPROVE, reason, as_json=as_json)


@app.command()
def deny(
    approval_id: OneId = None,
    *,
    incident: Incident = None,
    reason: Reason,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """Refuse a plan, or all of an incident."""
    with connect(as_name) as api:
        requests = _chosen(api, approval_id, incident)
        _decide(api, requests, Verdict.DENY, reason, as_json=as_json)


@app.command()
def delegate(
    approval_id: ApprovalId,
    *,
    to: Annotated[str, typer.Option("--to", metavar="WHO", help="Who answers instead of you.")],
    reason: Reason,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """Let another person answer a request instead of you."""
    with connect(as_name) as api:
        body = {"to": to, "reason": reason}
        settled = one(Approval, api.post(path("approvals", approval_id, "delegate"), body))
    named = any(one.to == to for one in settled.delegations)
    who = f"{to} answers instead of you" if named else "you answer yourself again"
    said = f"{settled.id}: {who}"
    show(settled.to_json(), Text(clean(said)), as_json=as_json)


@app.command()
def snooze(
    approval_id: ApprovalId,
    *,
    for_: Annotated[str, typer.Option("--for", metavar="DURATION", help="Such as 10m or 1h.")],
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """Not be reminded of a request for a while. It expires as before."""
    with connect(as_name) as api:
        body = {"for_s": seconds(for_)}
        settled = one(Approval, api.post(path("approvals", approval_id, "snooze"), body))
    until = zoned_clock(settled.expires_at)
    said = f"{settled.id}: you are left in peace for {for_}; it expires {until}"
    show(settled.to_json(), Text(clean(said)), as_json=as_json)


@app.command()
def change(
    approval_id: ApprovalId,
    *,
    reason: Reason,
    hold: Annotated[
        str | None, typer.Option("--hold", metavar="DURATION", help="For how long instead.")
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="An input; JSON, or else text."),
    ] = None,
    step: Annotated[str, typer.Option("--step", help="Which step, when there are several.")] = "",
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """Have a plan made otherwise; it is asked for anew, and others have to agree."""
    with connect(as_name) as api:
        asked = one(Approval, api.get(path("approvals", approval_id)))
        body = {
            "plan_hash": asked.plan_hash,
            "step": step,
            "inputs": assignments(inputs),
            "hold_s": seconds(hold) if hold else None,
            "reason": reason,
        }
        settled = one(Approval, api.post(path("approvals", asked.id, "change"), body))
    said = f"{settled.id} is void; `firebreak approvals` shows the one that follows"
    show(settled.to_json(), Text(clean(said)), as_json=as_json)


def _chosen(api: Api, approval_id: str | None, incident: str | None) -> tuple[Approval, ...]:
    """The one request, or all of an incident that wait."""
    if (approval_id is None) == (incident is None):
        raise ProblemError("give either ID or --incident", code=Exit.USAGE)
    if approval_id is not None:
        return (one(Approval, api.get(path("approvals", approval_id))),)
    waiting = many(Approval, api.get("/approvals", pending=True), "approvals")
    found = tuple(asked for asked in waiting if asked.incident == incident)
    if not found:
        raise ProblemError(
            f"nothing of {incident} waits for a decision",
            "`firebreak approvals` lists what does",
            error="not-found",
        )
    return found


def _decide(
    api: Api, requests: tuple[Approval, ...], verdict: Verdict, reason: str, *, as_json: bool
) -> None:
    """The votes repeat the hashes of what was shown: a plan that changed since gets no vote."""
    if len(requests) > 1:
        decide_all(api, requests, verdict, reason, as_json=as_json)
        return
    (asked,) = requests
    body = {"verdict": verdict.value, "plan_hash": asked.plan_hash, "reason": reason}
    settled = one(Approval, api.post(path("approvals", asked.id, "decide"), body))
    said = f"{settled.id}: your vote is recorded; it is {settled.state.value}"
    show(settled.to_json(), Text(clean(said)), as_json=as_json)


def _confirm(plans: int) -> None:
    if not sys.stdin.isatty():
        raise ProblemError(
            "there is no terminal to ask on",
            "add --yes to agree without a question",
            code=Exit.USAGE,
        )
    question = "Agree to this plan?" if plans == 1 else f"Agree to all {plans} plans?"
    if not typer.confirm(question, err=True):
        raise ProblemError("no vote was sent", "`firebreak deny ID --reason TEXT` refuses the plan")
