"""Policies on the command line: check them, and ask them why; `status` alone needs a server."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from firebreak.cli.client import AsName, connect
from firebreak.cli.configuration import load_settings
from firebreak.cli.durations import moment
from firebreak.cli.estate_file import load_estate
from firebreak.cli.exits import Exit, ProblemError
from firebreak.cli.people import who_is
from firebreak.cli.screen import JsonFlag, clean, output, print_json, show, tabulate
from firebreak.contracts.policy import Question
from firebreak.domain.people import Decision, Effect, Principal
from firebreak.playbook.catalogue import SHIPPED
from firebreak.policy import gates
from firebreak.policy.cases import Supposed
from firebreak.policy.cedar import CedarPolicy
from firebreak.policy.check import check as everything_wrong
from firebreak.policy.files import shipped
from firebreak.policy.live import PolicyStatus
from firebreak.policy.vocabulary import Vocabulary

policy_app = typer.Typer(help="Check policies, and ask why they decide.", no_args_is_help=True)

_AUTOMATION = "automation"
_WORDS = {
    Effect.ALLOW: ("ALLOWED", "bold green"),
    Effect.APPROVE: ("AFTER APPROVAL", "bold yellow"),
    Effect.FORBID: ("FORBIDDEN", "bold red"),
}

Where = Annotated[
    Path | None,
    typer.Argument(metavar="[PATH]", help="A .cedar file or a directory; else the settings' own."),
]
ActionName = Annotated[str, typer.Argument(metavar="ACTION", help="Like network.quarantine.")]
DeviceId = Annotated[str, typer.Argument(metavar="DEVICE", help="Its id in the estate file.")]
Who = Annotated[
    str, typer.Option("--as", metavar="WHO", help="Who asks: a person's name, or `automation`.")
]
Roles = Annotated[
    list[str] | None,
    typer.Option(
        "--role", metavar="ROLE", help="Suppose that WHO holds it; else as the people file."
    ),
]
Severity = Annotated[int, typer.Option(min=0, max=6, help="The alert's; 0 without an alert.")]
Confidence = Annotated[int, typer.Option(min=0, max=100, help="The alert's, in percent.")]
Rung = Annotated[str | None, typer.Option(metavar="RUNG", help="The rung of the plan.")]
PlanRisk = Annotated[
    Literal["low", "medium", "high"] | None,
    typer.Option("--risk", metavar="RISK", help="The plan's: low, medium or high."),
]
NoWayBack = Annotated[bool, typer.Option("--irreversible", help="The plan has no way back.")]
Moment = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="When, like 2026-01-31T03:00 on the site's clock; else now."),
]
Drill = Annotated[bool, typer.Option("--drill", help="It is a drill.")]
Window = Annotated[bool, typer.Option("--change-window", help="A change window is open.")]


@policy_app.command()
def check(path: Where = None, *, as_json: JsonFlag = False) -> None:
    """Check policies against the schema, and ask them the cases that lie beside them."""
    path = path or _path()
    report = everything_wrong(path, Vocabulary(SHIPPED))
    body = {
        "path": str(path),
        "policies": report.policies,
        "cases": report.cases,
        "digest": report.digest,
        "problems": list(report.problems),
    }
    told = [Text(clean(problem)) for problem in report.problems]
    verdict = f"{len(told)} problems" if told else "no problems"
    summary = Text(f"{report.policies} policies checked, {report.cases} cases asked, {verdict}")
    show(body, Group(*told, summary), as_json=as_json)
    if told:
        raise typer.Exit(Exit.USAGE)


@policy_app.command()
def explain(
    action: ActionName,
    device: DeviceId,
    *,
    who: Who,
    role: Roles = None,
    severity: Severity = 0,
    confidence: Confidence = 0,
    rung: Rung = None,
    risk: PlanRisk = None,
    irreversible: NoWayBack = False,
    at: Moment = None,
    drill: Drill = False,
    change_window: Window = False,
    as_json: JsonFlag = False,
) -> None:
    """Show what policy says, and the policies that decide it. Nothing is done."""
    inventory = load_estate()
    target = inventory.device(device)
    when = _moment(at, inventory.time_zone(target.site))
    vocabulary = Vocabulary(SHIPPED)
    supposed = Supposed(rung=rung, risk=risk, reversible=False if irreversible else None)
    question = Question(
        action=action,
        plan=supposed.plan(action, target, vocabulary),
        device=target,
        requester=_principal(who, role, when),
        severity=severity,
        confidence=confidence,
        drill=drill,
        change_window=change_window,
        at=when,
    )
    policy = CedarPolicy.load(_path(), vocabulary, time_zone=inventory.time_zone)
    said = policy.decide(question)
    decided = [_policy(policy, rule_id) for rule_id in said.rules]
    show(_body(question, said, decided), _told(question, said, decided), as_json=as_json)


@policy_app.command()
def status(*, as_name: AsName = None, as_json: JsonFlag = False) -> None:
    """Show which policies decide in the server, and what is wrong with their files."""
    with connect(as_name) as api:
        found = PolicyStatus.model_validate(api.get("/policy"))
    told = [
        Text(f"digest   {found.digest}"),
        Text(f"since    {moment(found.since)}"),
        Text(clean(f"files    {', '.join(found.files)} ({found.policies} policies)")),
    ]
    if found.problem is not None:
        lines = clean(found.problem)
        told.append(Text(f"BROKEN   the files as they are now do not decide: {lines}", "bold red"))
    show(found.to_json(), Group(*told), as_json=as_json)


@policy_app.command()
def schema(*, as_json: JsonFlag = False) -> None:
    """Print the Cedar schema: everything that a policy can say."""
    vocabulary = Vocabulary(SHIPPED)
    if as_json:
        print_json({"schema": vocabulary.schema, "digest": vocabulary.digest})
    else:
        output().print(Text(vocabulary.schema.rstrip("\n")), soft_wrap=True)


def _path() -> Path:
    return load_settings().policy_file or shipped()


def _principal(who: str, roles: list[str] | None, at: datetime) -> Principal:
    """Roles that are given are supposed; else those that the people file says WHO has then."""
    if who == _AUTOMATION or who.startswith("source:"):
        return Principal(id=who, kind="automation", roles=frozenset({who, *(roles or ())}))
    if roles is None and load_settings().people_file is not None:
        return who_is(who, at)
    return Principal(id=who, roles=frozenset(roles or ()))


def _moment(written: str | None, zone: str) -> datetime:
    if written is None:
        return datetime.now(UTC).astimezone(ZoneInfo(zone))
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise ProblemError(
            f"{written!r} is no time", "write it like 2026-01-31T03:00", error="bad-input"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))


def _policy(policy: CedarPolicy, rule_id: str) -> dict[str, str]:
    rule = policy.rule(rule_id)
    return {"id": rule.id, "at": rule.place, "text": rule.head, "summary": rule.summary}


def _body(question: Question, said: Decision, decided: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "action": question.action,
        "device": question.device.id,
        "as": question.requester.to_json(),
        "at": question.at.isoformat() if question.at else None,
        "effect": said.effect.value,
        "gates": [gate.to_json() for gate in said.gates],
        "levels": [level.to_json() for level in said.levels],
        "remind_s": said.remind_s,
        "otherwise": said.otherwise,
        "reason": said.reason,
        "policies": decided,
        "digest": said.policy_digest,
    }


def _asked(said: Decision) -> Iterator[str]:
    """Who has to agree, and what happens while they do not answer."""
    told = gates.spelled(said)
    for name, word in (("approve", "agreed"), ("escalate", "then"), ("remind", "again")):
        if name in told:
            every = "every " if name == "remind" else ""
            yield f"{word:<8} {every}{told[name]}"
    if told.get("otherwise") == "allow":
        yield "silence  is a yes, for a plan of low risk that can be undone"


def _told(question: Question, said: Decision, decided: list[dict[str, str]]) -> RenderableType:
    word, style = _WORDS[said.effect]
    who = question.requester
    roles = ", ".join(sorted(who.roles)) or "no role"
    asked = f"  {question.action} of {question.device.id} by {who.id} ({roles})"
    lines = [Text.assemble((word, style), clean(asked)), Text(clean(f"because  {said.reason}"))]
    lines += [Text(line) for line in _asked(said)]
    if question.at:
        lines.append(Text(f"at       {question.at:%A %Y-%m-%d %H:%M} ({question.at.tzname()})"))
    lines.append(Text(f"digest   {said.policy_digest}"))
    rows = [(one["id"], one["at"], one["text"]) for one in decided]
    table = tabulate(("policy", "where", "what it speaks of"), rows, "no policy speaks of it")
    return Group(*lines, Text(), table)
