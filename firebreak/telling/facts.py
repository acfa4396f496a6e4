"""What templates are given: a story as plain, harmless text and nothing else."""

from collections.abc import Callable, Sequence
from typing import Any

from firebreak.contracts.ledger import IncidentRow
from firebreak.contracts.people import News, Story, Weight
from firebreak.domain.base import JsonObject
from firebreak.domain.hold import Hold
from firebreak.domain.people import Approval
from firebreak.domain.record import JOURNAL
from firebreak.telling.safe import one_line
from firebreak.telling.times import zoned_clock

MOST_APPROVALS = 50
MOST_NEWS = 100
MOST_SUMMARY = 20

Link = Callable[[str], str]


def facts(story: Story, link: Link) -> JsonObject:
    """The facts of a story; docs/how-to/channels.md lists them. Every text in it is one line.

    Of long lists the newest are kept, and ``left_out`` counts the news that is not shown.
    """
    incident = story.incident
    shown = story.news[-MOST_NEWS:]
    return {
        "chain": story.chain,
        "link": one_line(link(story.chain)),
        "incident": _incident(incident) if incident else None,
        "about": _about(story.chain, incident),
        "news": [_news(each) for each in shown],
        "left_out": len(story.news) - len(shown),
        "approvals": [_approval(each) for each in story.approvals[-MOST_APPROVALS:]],
        "holds": [_hold(each) for each in story.holds[-MOST_APPROVALS:]],
        "asks": any(each.weight is Weight.ASK for each in story.news),
        "alarm": any(each.weight is Weight.ALARM for each in story.news),
        "headline": _headline(story.news),
        "ended": story.ended,
    }


def _about(chain: str, incident: IncidentRow | None) -> str:
    if incident is not None:
        return one_line(f"{incident.device}: {incident.title or incident.playbook}", 200)
    return "the installation" if chain == JOURNAL else one_line(chain)


def _headline(news: Sequence[News]) -> str:
    """The heaviest piece of news, the latest of those."""
    if not news:
        return ""
    top = max(news, key=lambda each: (each.weight, each.entry.seq))
    first = top.text.split("\n", 1)[0]
    return one_line(f"{top.word} {first}".strip(), 200)


def _incident(row: IncidentRow) -> dict[str, Any]:
    texts = {
        name: one_line(getattr(row, name))
        for name in ("id", "playbook", "device", "title", "requester", "status")
    }
    return {**texts, "contained": row.contained, "opened_at": zoned_clock(row.opened_at)}


def _news(each: News) -> dict[str, Any]:
    return {
        "seq": each.entry.seq,
        "at": zoned_clock(each.entry.at),
        "kind": each.entry.kind.value,
        "actor": one_line(each.entry.actor),
        "weight": each.weight.name.lower(),
        "word": one_line(each.word),
        "lines": [one_line(line) for line in each.text.split("\n")],
    }


def _approval(approval: Approval) -> dict[str, Any]:
    who = " and ".join(f"{gate.quorum} x {gate.role}" for gate in approval.gates)
    return {
        "id": one_line(approval.id),
        "state": approval.state.value,
        "who": one_line(who) or "people",
        "until": zoned_clock(approval.expires_at),
        "otherwise": "yes" if approval.on_timeout == "allow" else "no",
        "why": one_line(approval.why),
        "summary": [one_line(line) for line in approval.summary[:MOST_SUMMARY]],
        "hits": [one_line(line) for line in approval.hits[:MOST_SUMMARY]],
        "votes": [one_line(f"{vote.who.id}: {vote.verdict.value}") for vote in approval.votes],
    }


def _hold(hold: Hold) -> dict[str, Any]:
    return {
        "id": one_line(hold.id),
        "device": one_line(hold.device),
        "state": hold.state.value,
        "until": zoned_clock(hold.expires_at) if hold.expires_at else "",
    }
