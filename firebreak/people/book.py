"""Everyone in a people file, by id and by each of their accounts."""

from collections.abc import Iterator
from pathlib import Path

from firebreak.domain.people import Person
from firebreak.errors import DefinitionError
from firebreak.people.checks import problems
from firebreak.people.file import PeopleFile
from firebreak.strict_yaml import SHOWN_PROBLEMS, read

EMAIL = "email"
MAX_BYTES = 8 * 1024 * 1024


class People:
    """The persons by id, the rotas by role, both in the order of the file."""

    def __init__(self, file: PeopleFile) -> None:
        """Use ``load``: it checks what this relies on."""
        self.persons = {entry.id: entry.person() for entry in file.people}
        self.rotas = {rota.role: rota for rota in file.rotas}
        self._owners = {
            claim: person for person in self.persons.values() for claim in _claims(person)
        }

    def owner(self, provider: str, account: str) -> Person | None:
        """Whose account it is: by its exact id, an e-mail address whatever the case of its letters.

        Letters that merely look alike, or that Unicode would fold into the same, are nobody's.
        """
        if not account.isascii():
            return None
        return self._owners.get((provider, account.lower() if provider == EMAIL else account))


def load(path: Path) -> People:
    """Read and check a people file. Raises DefinitionError with ``file:line`` for each problem."""
    document = read(path, max_bytes=MAX_BYTES)
    file = document.validate(PeopleFile)
    found = [str(document.error(place, problem)) for place, problem in problems(file)]
    if found:
        more = len(found) - SHOWN_PROBLEMS
        tail = [f"and {more} more problems"] if more > 0 else []
        raise DefinitionError("\n".join([*found[:SHOWN_PROBLEMS], *tail]))
    return People(file)


def _claims(person: Person) -> Iterator[tuple[str, str]]:
    for provider, accounts in person.accounts.items():
        yield from ((provider, account) for account in accounts)
    yield from ((EMAIL, email.lower()) for email in person.emails)
