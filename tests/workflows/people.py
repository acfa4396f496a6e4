"""Directory and roster that a test sets by hand; whoever it does not name is a stranger to both."""

from dataclasses import dataclass, field
from datetime import datetime

from firebreak.domain.people import Person, Principal


@dataclass
class MemoryPeople:
    """``roles`` of everybody who is known, as they are now; who is on ``duty``, by role."""

    roles: dict[str, frozenset[str]] = field(default_factory=dict)
    duty: dict[str, tuple[str, ...]] = field(default_factory=dict)
    asked_for: list[str] = field(default_factory=list)  # the roles that the roster was asked for
    roster_error: Exception | None = None

    def person(self, person_id: str) -> Person | None:
        if person_id not in self.roles:
            return None
        return Person(id=person_id, roles=self.roles[person_id])

    async def principal(self, provider: str, account: str, at: datetime) -> Principal | None:
        raise NotImplementedError(f"{provider} {account} {at}: workflows know principals only")

    async def current(self, principal: Principal, at: datetime) -> Principal:
        del at
        if principal.id not in self.roles:
            return principal
        return principal.model_copy(update={"roles": self.roles[principal.id]})

    async def on_duty(self, role: str, at: datetime) -> tuple[str, ...]:
        del at
        if self.roster_error is not None:
            raise self.roster_error
        self.asked_for.append(role)
        return self.duty.get(role, ())
