"""What is known of people without a people file: nothing. Tokens say what their owners may do."""

from datetime import datetime

from firebreak.domain.people import Person, Principal


class NobodyKnown:
    """A Directory and a Roster that know nobody."""

    def person(self, person_id: str) -> Person | None:
        """See Directory."""
        del person_id
        return None

    async def principal(self, provider: str, account: str, at: datetime) -> Principal | None:
        """See Directory."""
        del provider, account, at
        return None

    async def current(self, principal: Principal, at: datetime) -> Principal:
        """See Directory."""
        del at
        return principal

    async def on_duty(self, role: str, at: datetime) -> tuple[str, ...]:
        """See Roster."""
        del role, at
        return ()
