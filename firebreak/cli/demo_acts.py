"""The two acts of `firebreak demo`: what happens on the site, and what people do about it."""

from dataclasses import dataclass, field
from importlib import resources

from rich.console import Console
from rich.text import Text

from firebreak.cli.client import Api, many, one, path
from firebreak.cli.demo_site import DemoSite
from firebreak.cli.exits import ProblemError
from firebreak.cli.follow import follow
from firebreak.cli.screen import clean
from firebreak.cli.standing import in_words, live_holds
from firebreak.cli.timeline import headline, render
from firebreak.contracts.engine import Started
from firebreak.contracts.ledger import IncidentRow
from firebreak.domain.device import Device
from firebreak.domain.hold import Hold
from firebreak.domain.people import Approval, ApprovalState
from firebreak.domain.record import Entry, Kind
from firebreak.telling.peek import items, text

ALERTS = "suricata-mirai-eve.json"


@dataclass(frozen=True)
class Teller:
    """Tells the demo in chapters."""

    console: Console

    def chapter(self, title: str) -> None:
        """What happens next."""
        self.console.print(Text(f"\n{clean(title)}", style="bold cyan"))

    def say(self, said: str) -> None:
        """Something to know."""
        self.console.print(Text(f"  {clean(said)}"))

    def to_copy(self, said: str) -> None:
        """A path or a command: on one line, however long, so that it can be copied."""
        self.console.print(Text(f"  {clean(said)}"), soft_wrap=True)

    def quietly(self, said: str) -> None:
        """Something to find when it is looked for."""
        self.console.print(Text(f"  {clean(said)}", style="dim"))


@dataclass
class _Told:
    """A response as it is followed: shown line by line, and kept."""

    teller: Teller
    entries: list[Entry] = field(default_factory=list)

    def show(self, entry: Entry, row: IncidentRow) -> None:
        """One more entry."""
        self.entries.append(entry)
        self.teller.console.print(render(entry, row.opened_at))

    def asked(self) -> int:
        """How many requests there have been."""
        return sum(entry.kind is Kind.APPROVAL_REQUESTED for entry in self.entries)


def camera(site: DemoSite, teller: Teller) -> IncidentRow:
    """A detector's alert: one person agrees to the quarantine, another to its end.

    Raises:
        ProblemError: it did not go as it should.
    """
    with site.api("suricata") as detector:
        incident = _send_alerts(detector, teller)
    told = _Told(teller)
    with site.api("admin") as api, site.api("oncall") as oncall, site.api("lead") as lead:
        teller.chapter(f"The response, live: firebreak incident show {incident} --follow")

        def each(entry: Entry, row: IncidentRow) -> None:
            told.show(entry, row)
            approval = text(entry.body, "approval", "id")
            if entry.kind is Kind.APPROVAL_REQUESTED and told.asked() == 1:
                _agree(oncall, "oncall", approval, teller)
            elif entry.kind is Kind.APPROVAL_REQUESTED:
                _show_holds(api, teller)
                teller.quietly("nobody on call answers this one")
            elif entry.kind is Kind.APPROVAL_ESCALATED:
                _agree(lead, "lead", approval, teller)

        row = follow(api, incident, each)
        stands = in_words(row, live_holds(api), told.entries)
    teller.console.print(headline(row, stands))
    _must_have_ended_well(row, told.entries)
    return row


def controller(site: DemoSite, teller: Teller) -> IncidentRow:
    """A person's wish, about a device the plant depends on: two others must agree.

    Raises:
        ProblemError: it did not go as it should.
    """
    told = _Told(teller)
    with site.api("admin") as api, site.api("oncall") as oncall, site.api("lead") as lead:
        device = _first(api, "plc")
        reason = "its program was changed tonight"
        teller.chapter(
            f'The plant depends on a controller: firebreak isolate {device} --reason "{reason}"'
        )
        wish = {"playbook": "isolate", "device": device, "reason": reason, "inputs": {}}
        incident = one(Started, api.post("/responses", wish)).incident

        def each(entry: Entry, row: IncidentRow) -> None:
            told.show(entry, row)
            if entry.kind is not Kind.APPROVAL_REQUESTED:
                return
            approval = text(entry.body, "approval", "id")
            _is_refused(api, "admin", approval, teller)
            _agree(oncall, "oncall", approval, teller)
            again = _agree(oncall, "oncall", approval, teller)
            if len(again.votes) != 1 or again.state is not ApprovalState.PENDING:
                raise ProblemError("one person counted twice", "the logs say more")
            teller.quietly("the same person counts once: it still waits for the SOC lead")
            _agree(lead, "lead", approval, teller)

        row = follow(api, incident, each)
        teller.console.print(headline(row, in_words(row, live_holds(api), told.entries)))
        if not (told.asked() and row.contained):
            raise ProblemError("two people should have agreed to it", "the logs say more")
        teller.quietly(f'and back: firebreak release {device} --reason "restored" --as oncall')
        where = path("holds", device, "network.quarantine", "release")
        hold = one(Hold, oncall.post(where, {"reason": "restored"}))
        teller.say(f"{hold.id} is {hold.state.value}: {hold.plan.way_back}")
    return row


def _first(api: Api, kind: str) -> str:
    devices = many(Device, api.get("/devices"), "devices")
    return next(device.id for device in devices if device.device_class == kind)


def _send_alerts(detector: Api, teller: Teller) -> str:
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


def _show_holds(api: Api, teller: Teller) -> None:
    for hold in many(Hold, api.get("/holds"), "holds"):
        teller.quietly(f"in force meanwhile: {hold.id}, {hold.plan.summary}")


def _agree(api: Api, name: str, approval: str, teller: Teller) -> Approval:
    """Somebody reads the plan, and votes for exactly that plan. Raises ProblemError."""
    asked = one(Approval, api.get(path("approvals", approval)))
    teller.quietly(f"firebreak approve {asked.id} --as {name}")
    vote = {"verdict": "approve", "plan_hash": asked.plan_hash, "reason": "agreed in the demo"}
    return one(Approval, api.post(path("approvals", asked.id, "decide"), vote))


def _is_refused(api: Api, name: str, approval: str, teller: Teller) -> None:
    """Somebody's vote must not count. Raises ProblemError when it does."""
    try:
        _agree(api, name, approval, teller)
    except ProblemError as refusal:
        teller.quietly(f"refused: {refusal.message}")
        return
    raise ProblemError(f"the vote of {name} should not have counted", "the logs say more")


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
