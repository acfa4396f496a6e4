"""The directory of an installation without a people file: every account is a person of its own."""

from datetime import datetime

from firebreak.domain.people import Person, Principal


class KnowsNobody:
    """A ``contracts.people.Directory`` in which nobody stands."""

    def person(self, person_id: str) -> Person | None:  # noqa: ARG002 - the contract's
        """Nobody."""
        return None

    async def principal(
        self,
        provider: str,  # noqa: ARG002 - the contract's
        account: str,  # noqa: ARG002 - the contract's
        at: datetime,  # noqa: ARG002 - the contract's
    ) -> Principal | None:
        """Nobody's."""
        return None

    async def current(self, principal: Principal, at: datetime) -> Principal:  # noqa: ARG002 - the contract's
        """Unchanged: whoever is not known here has the roles they came with."""
        return principal
