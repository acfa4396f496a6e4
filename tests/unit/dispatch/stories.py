"""Stories to tell a channel directly, without a ledger."""

from collections.abc import Sequence

from firebreak.contracts.ledger import IncidentRow
from firebreak.contracts.people import Keep, Story
from firebreak.domain.base import JsonObject
from firebreak.domain.hold import Hold
from firebreak.domain.people import Approval
from firebreak.domain.record import GENESIS, Entry, NewEntry, entry_hash
from firebreak.telling.news import news
from tests.unit.dispatch.theater import approval, asks, chain, opened


def chained(*entries: NewEntry) -> tuple[Entry, ...]:
    done: list[Entry] = []
    for seq, entry in enumerate(entries):
        prev = done[-1].hash if done else GENESIS
        made = {**dict(entry), "seq": seq, "prev": prev, "hash": entry_hash(entry, seq, prev)}
        done.append(Entry(**made))
    return tuple(done)


def row(title: str = "telnet scan", status: str = "open") -> IncidentRow:
    return IncidentRow(
        id=chain(1),
        workflow="respond/mirai/cam-1",
        playbook="mirai-botnet",
        device="cam-1",
        title=title,
        requester="suricata",
        status=status,
        contained=False,
        opened_at=opened().at,
    )


def story(
    title: str = "telnet scan",
    entries: Sequence[NewEntry] | None = None,
    *,
    told: int = 0,
    approvals: tuple[Approval, ...] | None = None,
    status: str = "open",
    holds: tuple[Hold, ...] = (),
) -> Story:
    """An incident that was opened and asks; ``told``: how many entries were told before."""
    made = chained(*(entries if entries is not None else (opened(title=title), asks())))
    return Story(
        chain=made[0].incident,
        incident=row(title, status),
        news=tuple(news(entry) for entry in made[told:]),
        past=tuple(news(entry) for entry in made[:told]),
        approvals=(approval(),) if approvals is None else approvals,
        holds=holds,
        receipt=None,
    )


def keeping() -> tuple[list[JsonObject], Keep]:
    kept: list[JsonObject] = []

    async def keep(known: JsonObject) -> None:
        kept.append(known)

    return kept, keep
