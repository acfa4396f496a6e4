"""Requests as people read them before they answer, and one answer to many of them."""

from datetime import timedelta

from rich.console import Group, RenderableType
from rich.text import Text

from firebreak.cli.client import Api, many
from firebreak.cli.exits import ProblemError
from firebreak.cli.screen import clean, show, tabulate
from firebreak.domain.base import Model
from firebreak.domain.durations import duration
from firebreak.domain.people import Approval, Verdict
from firebreak.telling.times import zoned_clock


class Answered(Model):
    """What the API says became of one of many."""

    approval: str
    state: str | None = None
    error: str = ""
    message: str = ""


def decide_all(
    api: Api, requests: tuple[Approval, ...], verdict: Verdict, reason: str, *, as_json: bool
) -> None:
    """One verdict, a vote for each. Raises ProblemError when some of them do not count."""
    body = {
        "requests": [{"approval": a.id, "plan_hash": a.plan_hash} for a in requests],
        "verdict": verdict.value,
        "reason": reason,
    }
    rows = many(Answered, api.post("/approvals/decide", body), "answered")
    table = tabulate(
        ("id", "", ""), [(row.approval, row.state or row.error, row.message) for row in rows], ""
    )
    show([row.to_json() for row in rows], table, as_json=as_json)
    refused = [row for row in rows if row.error]
    if refused:
        raise ProblemError(
            f"{len(refused)} of {len(rows)} votes do not count",
            "look at those requests again with `firebreak approvals`",
            error=refused[0].error,
        )


def summary(asked: Approval) -> RenderableType:
    """What will happen, to what, what else it hits, how it is undone, and what silence means."""
    rows = [("plan", line) for line in asked.summary]
    rows += [("hold", line) for line in holds(asked)]
    rows += [("also", line) for line in asked.hits]
    rows += [("why", asked.why), ("needs", f"{gates(asked)} until {zoned_clock(asked.expires_at)}")]
    if asked.asked:
        rows.append(("asked", ", ".join(asked.asked)))
    rows += [("else", line) for line in _silence(asked)]
    return Group(
        Text.assemble((clean(asked.id), "bold"), f"  asked by {clean(asked.requester)}"),
        *(Text.assemble((f"{name:<7}", "bold"), clean(text)) for name, text in rows),
        Text.assemble(("hash   ", "dim"), (clean(asked.plan_hash), "dim")),
    )


def _silence(asked: Approval) -> list[str]:
    """What happens if nobody answers."""
    lines = [
        f"{level.role} may answer too from "
        f"{zoned_clock(asked.requested_at + timedelta(seconds=level.after_s))}"
        for level in asked.levels
    ]
    end = "it is done" if asked.on_timeout == "allow" else "it is refused"
    return [*lines, f"nobody answers until {zoned_clock(asked.expires_at)}: {end}"]


def gates(asked: Approval) -> str:
    """Who must agree."""
    return clean(" and ".join(f"{gate.quorum} x {gate.role}" for gate in asked.gates))


def holds(asked: Approval) -> list[str]:
    """How long each step would hold."""
    return [f"{g.step} for {duration(g.hold_s)}" for g in asked.given if g.hold_s]
