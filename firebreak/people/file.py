"""What a people file may say."""

from typing import Annotated

from pydantic import AfterValidator, Field

from firebreak.domain.base import Model
from firebreak.domain.device import Slug
from firebreak.domain.people import Person
from firebreak.domain.rota import Rota


def _account(text: str) -> str:
    # What is only ASCII has no look-alikes in other scripts, and one Unicode form.
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise ValueError("must be plain ASCII without blanks: other letters can look like these")
    return text


Account = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_account)]
Email = Annotated[
    str,
    Field(
        max_length=254,
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$",
    ),
]
Ids = tuple[Account, ...]


class Accounts(Model):
    """Ids of one person elsewhere: token names, OIDC subjects, Slack and PagerDuty user ids."""

    token: Ids = ()
    oidc: Ids = ()
    slack: Ids = ()
    pagerduty: Ids = ()


class PersonEntry(Model):
    """A person as the file has them. The name is for people to read and identifies nobody."""

    id: Slug
    name: str = Field(default="", max_length=200)
    emails: tuple[Email, ...] = Field(default=(), max_length=20)
    accounts: Accounts = Accounts()
    roles: tuple[Slug, ...] = ()
    teams: tuple[Slug, ...] = ()

    def person(self) -> Person:
        """The person. A token with their id as its name is theirs without saying so."""
        accounts: dict[str, tuple[str, ...]] = self.accounts.model_dump()
        accounts["token"] = tuple(dict.fromkeys([self.id, *accounts["token"]]))
        return Person(
            id=self.id,
            name=self.name,
            emails=self.emails,
            accounts={provider: found for provider, found in accounts.items() if found},
            roles=frozenset(self.roles),
            teams=frozenset(self.teams),
        )


class PeopleFile(Model):
    """All of the file."""

    people: tuple[PersonEntry, ...] = Field(min_length=1, max_length=20_000)
    rotas: tuple[Rota, ...] = Field(default=(), max_length=200)
