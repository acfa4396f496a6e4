"""Who people are and what they may be now, by the people file."""

from datetime import datetime

from firebreak.domain.people import Person, Principal
from firebreak.people.book import People
from firebreak.people.live import LivePeople
from firebreak.people.roster import RotaRoster


class PeopleDirectory:
    """A Directory from the people file. Its roles are all that a person has, whatever a token says.

    A principal that is a person and not in the file has been taken out of it, or was never let in:
    either way it has no roles. Services are not people, and pass as they are.
    """

    def __init__(self, people: LivePeople, roster: RotaRoster) -> None:
        """``roster``: of the same people."""
        self._people = people
        self._roster = roster

    @property
    def problem(self) -> str | None:
        """Why an older file counts than the one that is there; None when all is well."""
        return self._people.problem

    def person(self, person_id: str) -> Person | None:
        """See Directory."""
        return self._people.current().persons.get(person_id)

    async def principal(self, provider: str, account: str, at: datetime) -> Principal | None:
        """See Directory."""
        people = self._people.current()
        person = people.owner(provider, account)
        return None if person is None else await self._principal(people, person, at)

    async def current(self, principal: Principal, at: datetime) -> Principal:
        """See Directory."""
        if principal.kind != "person":
            return principal
        people = self._people.current()
        person = people.persons.get(principal.id)
        if person is None:
            return Principal(id=principal.id)
        return await self._principal(people, person, at)

    async def _principal(self, people: People, person: Person, at: datetime) -> Principal:
        return Principal(id=person.id, roles=await self._roster.roles(people, person, at))
