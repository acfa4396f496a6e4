"""Whether there are people enough for what policies and playbooks ask for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from firebreak.domain.people import Gate, Terms
from firebreak.people.book import People


@dataclass(frozen=True)
class Shortage:
    """A gate that nobody can open: ``most`` people at once can hold what it asks for.

    ``asked_by``: the policy or the step of a playbook.
    """

    asked_by: str
    gate: Gate
    most: int


def shortages(people: People, wanted: Iterable[tuple[str, Terms]]) -> Iterator[Shortage]:
    """Every gate that asks for more people than can ever answer, stand-ins included.

    ``wanted``: who asks, and for whom. A schedule kept elsewhere may put any number on duty, so of
    its role nothing is said; nor of the requester, who cannot answer and may be anybody.
    """
    for asked_by, terms in wanted:
        for gate in terms.gates:
            most = _most(people, gate, terms)
            if most is not None and most < gate.quorum:
                yield Shortage(asked_by, gate, most)


def _most(people: People, gate: Gate, terms: Terms) -> int | None:
    stand_ins = [
        level.role
        for level in terms.levels
        if not level.instead_of or gate.role in level.instead_of
    ]
    held = [_holders(people, role) for role in dict.fromkeys((gate.role, *stand_ins))]
    known = [number for number in held if number is not None]
    return sum(known) if len(known) == len(held) else None


def _holders(people: People, role: str) -> int | None:
    """How many can hold a role at the same time; None when only another system knows."""
    rota = people.rotas.get(role)
    if rota is None:
        return sum(role in person.roles for person in people.persons.values())
    if rota.pagerduty is not None:
        return None
    return 1 if rota.layers else len(rota.fallback)
