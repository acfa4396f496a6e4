"""Whether a chain of entries is whole: what every reader of the record can check alone."""

from collections.abc import Sequence

from firebreak.domain.record import GENESIS, Entry, entry_hash


def faults(chain: Sequence[Entry]) -> tuple[str, ...]:
    """What is wrong with a chain, one sentence for each entry concerned; empty when it is whole.

    Whole means: one incident, places counted from 0 without a gap, each entry linked to the one
    before it, and each hash equal to ``firebreak.domain.record.entry_hash``.
    """
    found: list[str] = []
    prev = GENESIS
    for place, entry in enumerate(chain):
        fault = _fault(entry, place, prev, chain[0].incident)
        if fault:
            found.append(f"entry {place} ({entry.kind.value}, {entry.key!r}): {fault}")
        prev = entry.hash
    return tuple(found)


def _fault(entry: Entry, place: int, prev: str, incident: str) -> str:
    if entry.incident != incident:
        return f"belongs to incident {entry.incident}"
    if entry.seq != place:
        return f"says it is number {entry.seq}: one was dropped, inserted or moved"
    if entry.prev != prev:
        return "is not linked to the entry before it"
    if entry.hash != entry_hash(entry, entry.seq, entry.prev):
        return "was changed after it was recorded"
    return ""
