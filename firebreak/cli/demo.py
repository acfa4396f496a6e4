"""`firebreak demo`: a genuine alert becomes a verified, approved and receipted quarantine."""

import time
from pathlib import Path
from tempfile import mkdtemp

import typer

from firebreak.cli.client import path
from firebreak.cli.demo_acts import Teller, camera, controller
from firebreak.cli.demo_site import DemoSite
from firebreak.cli.exits import Exit, ProblemError
from firebreak.cli.screen import JsonFlag, output, print_json, progress
from firebreak.contracts.ledger import IncidentRow

app = typer.Typer()


@app.command()
def demo(*, as_json: JsonFlag = False) -> None:
    """Show a whole response on a simulated site, in under a minute."""
    began = time.monotonic()
    teller = Teller(progress() if as_json else output())
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


def _play(site: DemoSite, teller: Teller) -> tuple[IncidentRow, Path]:
    teller.say(f"Temporal, a site with two switches, worker and API at {site.url}")
    teller.say(
        f"ready in {site.took_s:.1f} s; where policies wait half an hour, the demo waits 2 s"
    )
    row = camera(site, teller)
    controller(site, teller)
    receipt = site.state.root / f"receipt-{row.id}.json"
    with site.api("admin") as api:
        receipt.write_bytes(api.get_bytes(path("incidents", row.id, "receipt")))
    return row, receipt


def _verify(site: DemoSite, teller: Teller, receipt: Path) -> list[str]:
    teller.chapter("Everything is stopped. The receipt is verified offline, from two files")
    checks = site.verify(receipt, _public_key(site))
    for check in checks:
        teller.say(f"ok  {check}")
    return checks


def _public_key(site: DemoSite) -> Path:
    return site.state.root / "keys" / "receipt-key.pub.pem"


def _where_everything_is(site: DemoSite, teller: Teller, receipt: Path, took_s: float) -> None:
    state = site.state
    teller.chapter(f"Done in {took_s:.0f} s. Everything is kept in {state.root}")
    teller.to_copy(f"receipt     {receipt}")
    teller.to_copy(f"public key  {_public_key(site)}")
    teller.to_copy(f"ledger      {state.root / 'ledger.db'}")
    teller.to_copy(f"logs        {state.logs}")
    teller.chapter("To try next")
    teller.to_copy(f"firebreak receipt show {receipt}")
    teller.to_copy(f"firebreak up --range --state {state.root}")
    teller.to_copy(f"export FIREBREAK_STATE_DIR={state.root}   # then, in another terminal:")
    teller.to_copy('firebreak isolate cam-12 --reason "trying it" --wait')
    teller.to_copy("firebreak approvals; firebreak approve ID --as oncall   # in a third one")
    teller.to_copy("firebreak incidents; firebreak holds; firebreak devices")
