"""A directory that tests write in, in the place of the people file's."""

from dataclasses import dataclass, field
from datetime import datetime

from firebreak.domain.people import Person, Principal


@dataclass
class Book:
    """People by id, and whose each account is: ``{("token", "the-analyst"): "alice"}``."""

    people: dict[str, frozenset[str]] = field(default_factory=dict)
    accounts: dict[tuple[str, str], str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def person(self, person_id: str) -> Person | None:
        if person_id not in self.people:
            return None
        return Person(id=person_id, name=person_id.title(), roles=self.people[person_id])

    async def principal(self, provider: str, account: str, at: datetime) -> Principal | None:
        assert at.tzinfo is not None
        found = self.accounts.get((provider, account))
        return Principal(id=found, roles=self.people.get(found, frozenset())) if found else None

    async def current(self, principal: Principal, at: datetime) -> Principal:
        assert at.tzinfo is not None
        if principal.id in self.people or principal.id in self.gone:
            roles = self.people.get(principal.id, frozenset())
            return principal.model_copy(update={"roles": roles})
        return principal
