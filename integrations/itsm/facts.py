"""The facts that ticket templates are given. Every text in them is one harmless line."""

from datetime import datetime

from firebreak.contracts.ledger import IncidentRow
from firebreak.contracts.people import News, Story
from firebreak.domain.base import JsonObject, Model
from firebreak.domain.people import Approval
from integrations.itsm.helpdesk import Phase, phase_of
from integrations.itsm.text import line, lines

_MOST_NEWS = 200  # in one note


class IncidentFacts(Model):
    """``incident``: times are ISO 8601 in UTC, ``closed_at`` is "" while it is open."""

    id: str
    title: str
    playbook: str
    requester: str
    status: str
    contained: bool
    opened_at: str
    closed_at: str


class NewsFacts(Model):
    """One of ``news``, oldest first: ``word`` says what happened, ``lines`` the rest."""

    entry: int
    at: str
    actor: str
    weight: str
    word: str
    lines: tuple[str, ...]


class ApprovalFacts(Model):
    """One of ``approvals``: ``summary`` has a line for each plan."""

    id: str
    state: str
    roles: tuple[str, ...]
    why: str
    summary: tuple[str, ...]
    expires_at: str


class TicketFacts(Model):
    """Everything a template may name.

    ``link`` is "" when no public address is set. ``left_out`` counts news that is not shown.
    ``receipt`` is the name of the attached file, "" when there is none. ``lost``: earlier tickets
    of the incident that are gone.
    """

    incident: IncidentFacts
    device: str
    phase: Phase
    news: tuple[NewsFacts, ...]
    left_out: int
    approvals: tuple[ApprovalFacts, ...]
    holds: int
    link: str
    receipt: str = ""
    lost: tuple[str, ...] = ()


def facts(
    story: Story,
    incident: IncidentRow,
    news: tuple[News, ...],
    link: str,
    *,
    receipt: str = "",
    lost: tuple[str, ...] = (),
) -> JsonObject:
    """What a template says this about, as JSON; see TicketFacts."""
    shown = news[-_MOST_NEWS:]
    return TicketFacts(
        incident=_incident(incident),
        device=line(incident.device),
        phase=phase_of(story),
        news=tuple(_news(each) for each in shown),
        left_out=len(news) - len(shown),
        approvals=tuple(_approval(each) for each in story.approvals),
        holds=len(story.holds),
        link=line(link),
        receipt=receipt,
        lost=tuple(line(each) for each in lost),
    ).to_json()


def _incident(row: IncidentRow) -> IncidentFacts:
    return IncidentFacts(
        id=row.id,
        title=line(row.title),
        playbook=line(row.playbook),
        requester=line(row.requester),
        status=line(row.status),
        contained=row.contained,
        opened_at=_time(row.opened_at),
        closed_at=_time(row.closed_at) if row.closed_at else "",
    )


def _news(news: News) -> NewsFacts:
    return NewsFacts(
        entry=news.entry.seq,
        at=_time(news.entry.at),
        actor=line(news.entry.actor),
        weight=news.weight.name.lower(),
        word=line(news.word),
        lines=tuple(lines(news.text)),
    )


def _approval(approval: Approval) -> ApprovalFacts:
    return ApprovalFacts(
        id=line(approval.id),
        state=approval.state.value,
        roles=tuple(line(gate.role) for gate in approval.gates),
        why=line(approval.why),
        summary=tuple(line(each) for each in approval.summary),
        expires_at=_time(approval.expires_at),
    )


def _time(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
