"""`firebreak demo`: a genuine alert becomes a verified, approved and receipted quarantine."""

import time
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from tempfile import mkdtemp

import typer
from rich.console import Console
from rich.text import Text

from firebreak.cli.client import Api, many, one, path
from firebreak.cli.demo_site import DemoSite
from firebreak.cli.exits import Exit, ProblemError
from firebreak.cli.follow import follow
from firebreak.cli.screen import JsonFlag, clean, output, print_json, progress
from firebreak.cli.timeline import headline, render
from firebreak.contracts import IncidentRow
from firebreak.domain.hold import Hold
from firebreak.domain.people import Approval
from firebreak.domain.record import Entry, Kind
from firebreak.telling.peek import items, text

app = typer.Typer()

ALERTS = "suricata-mirai-eve.json"


@app.command()
def demo(*, as_json: JsonFlag = False) -> None:
    """Show a whole response on a simulated site, in under a minute."""
    began = time.monotonic()
    teller = _Teller(progress() if as_json else output())
    site = DemoSite(Path(mkdtemp(prefix="firebreak-demo-")))
    teller.chapter(f"A site of its own comes up in {site.state.root}")
    try:
        with site:
            row, receipt = _play(site, teller)
        checks = _verify(site, teller, receipt)
    except ProblemError as problem:
        for line in site.last_words:
            teller.quietly(line)
        raise ProblemError(problem.message, problem.hint, code=Exit.NOT_DONE) from problem
    took_s = round(time.monotonic() - began, 1)
    _where_everything_is(site, teller, receipt, took_s)
    if as_json:
        facts = {"state": str(site.state.root), "receipt": str(receipt), "took_s": took_s}
        print_json({**facts, "incident": row.to_json(), "checks": checks})


@dataclass(frozen=True)
class _Teller:
    """Tells the demo in chapters."""

    console: Console

    def chapter(self, title: str) -> None:
        """What happens next."""
        self.console.print(Text(f"\n{clean(title)}", style="bold cyan"))

    def say(self, said: str) -> None:
        """Something to know."""
        self.console.print(Text(f"  {clean(said)}"))

    def quietly(self, said: str) -> None:
        """Something to find when it is looked for."""
        self.console.print(Text(f"  {clean(said)}", style="dim"))


def _play(site: DemoSite, teller: _Teller) -> tuple[IncidentRow, Path]:
    teller.say(f"Temporal, a site with two switches, worker and API at {site.url}")
    teller.say(f"ready in {site.took_s:.1f} s")
    with site.api("suricata") as detector:
        incident = _send_alerts(detector, teller)
    with site.api("admin") as api, site.api("oncall") as oncall:
        teller.chapter(f"The response, live: firebreak incident show {incident} --follow")
        entries: list[Entry] = []

        def each(entry: Entry, row: IncidentRow) -> None:
            entries.append(entry)
            teller.console.print(render(entry, row.opened_at))
            if entry.kind is Kind.APPROVAL_REQUESTED:
                _agree(oncall, text(entry.body, "approval", "id"), teller)

        row = follow(api, incident, each)
        teller.console.print(headline(row))
        _must_have_ended_well(row, entries)
        receipt = site.state.root / f"receipt-{row.id}.json"
        receipt.write_bytes(api.get_bytes(path("incidents", row.id, "receipt")))
    return row, receipt


def _send_alerts(detector: Api, teller: _Teller) -> str:
    teller.chapter("Suricata reports a camera that scans for telnet: POST /alerts/suricata")
    source = resources.files("firebreak.cyber_range") / "data" / ALERTS
    answer = detector.post_bytes("/alerts/suricata", source.read_bytes(), "application/x-ndjson")
    started = {text(alert, "incident"): text(alert, "device") for alert in items(answer, "alerts")}
    started.pop("", None)
    if len(started) != 1:
        for alert in items(answer, "alerts"):
            teller.quietly(f"{text(alert, 'disposition')}: {text(alert, 'detail')}")
        raise ProblemError(f"one response should have begun, not {len(started)}")
    incident, device = started.popitem()
    teller.say(
        f"{text(answer, 'accepted')} genuine alerts about {device} became one incident, {incident}"
    )
    return incident


def _agree(oncall: Api, approval: str, teller: _Teller) -> None:
    """A second identity reads the plan, and votes for exactly that plan."""
    asked = one(Approval, oncall.get(path("approvals", approval)))
    for hold in many(Hold, oncall.get("/holds"), "holds"):
        teller.quietly(f"in force meanwhile: {hold.id}, {hold.plan.summary}")
    teller.quietly(f"the person on call agrees: firebreak approve {asked.id} --as oncall")
    vote = {"verdict": "approve", "plan_hash": asked.plan_hash, "reason": "agreed in the demo"}
    oncall.post(path("approvals", asked.id, "decide"), vote)


def _must_have_ended_well(row: IncidentRow, entries: list[Entry]) -> None:
    released = [entry for entry in entries if entry.kind is Kind.HOLD_ENDED]
    looks = [
        text(probe, "reach")
        for entry in entries
        if entry.kind is Kind.OUTCOME
        for probe in items(entry.body, "outcome", "probes")
    ]
    wanted = {
        f"the response ended as {row.status}": row.status == "completed",
        "the device was never seen to be contained": row.contained,
        "the hold was not released": bool(released),
        f"the probes saw {looks}": looks == ["reachable", "unreachable", "reachable"],
    }
    for complaint, fine in wanted.items():
        if not fine:
            raise ProblemError(complaint, "the logs say more")


def _verify(site: DemoSite, teller: _Teller, receipt: Path) -> list[str]:
    teller.chapter("Everything is stopped. The receipt is verified offline, from two files")
    checks = site.verify(receipt, _public_key(site))
    for check in checks:
        teller.say(f"ok  {check}")
    return checks


def _public_key(site: DemoSite) -> Path:
    return site.state.root / "keys" / "receipt-key.pub.pem"


def _where_everything_is(site: DemoSite, teller: _Teller, receipt: Path, took_s: float) -> None:
    state = site.state
    teller.chapter(f"Done in {took_s:.0f} s. Everything is kept in {state.root}")
    teller.say(f"receipt     {receipt}")
    teller.say(f"public key  {_public_key(site)}")
    teller.say(f"ledger      {state.root / 'ledger.db'}")
    teller.say(f"logs        {state.logs}")
    teller.chapter("To try next")
    teller.say(f"firebreak receipt show {receipt}")
    teller.say(f"firebreak up --range --state {state.root}")
    teller.say(f"export FIREBREAK_STATE_DIR={state.root}   # then, in another terminal:")
    teller.say('firebreak isolate cam-12 --reason "trying it" --wait')
    teller.say("firebreak approvals; firebreak approve ID --as oncall   # in a third one")
    teller.say("firebreak incidents; firebreak holds; firebreak devices")
