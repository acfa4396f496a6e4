"""What is wrong with a people file beyond the form of each part: who claims what of whom."""

from collections.abc import Iterator

from firebreak.domain.people import NO_PERSONS
from firebreak.domain.rota import Rota
from firebreak.people.file import PeopleFile, PersonEntry
from firebreak.strict_yaml import Place

# Roles that make automation; who holds one of them is no person.
_NOT_FOR_PEOPLE = frozenset({"automation", "service"})

Problem = tuple[Place, str]


def problems(file: PeopleFile) -> Iterator[Problem]:
    """Each problem, and where in the file it is."""
    yield from _ids(file)
    yield from _claimed_twice(file)
    yield from _roles(file)
    yield from _strangers(file)


def _ids(file: PeopleFile) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, entry in enumerate(file.people):
        place = ("people", number, "id")
        if entry.id in seen:
            yield place, f"{entry.id} is the id of two people"
        if entry.id in NO_PERSONS:
            yield place, f"{entry.id} is what the engine itself is called"
        seen.add(entry.id)


def _claimed_twice(file: PeopleFile) -> Iterator[Problem]:
    owners: dict[tuple[str, str], str] = {}
    for entry in file.people:
        owners.setdefault(("token", entry.id), entry.id)
    for number, entry in enumerate(file.people):
        for place, provider, account in _claims(("people", number), entry):
            # Accounts that differ in case only are told apart by a machine and by no reader.
            owner = owners.setdefault((provider, account.casefold()), entry.id)
            if owner != entry.id:
                yield place, f"{account} is {owner}'s already; an account is one person's"


def _claims(place: Place, entry: PersonEntry) -> Iterator[tuple[Place, str, str]]:
    for number, email in enumerate(entry.emails):
        yield (*place, "emails", number), "email", email
    for provider in type(entry.accounts).model_fields:
        for number, account in enumerate(getattr(entry.accounts, provider)):
            yield (*place, "accounts", provider, number), provider, account


def _roles(file: PeopleFile) -> Iterator[Problem]:
    given: set[str] = set()
    for number, rota in enumerate(file.rotas):
        if rota.role in given:
            yield ("rotas", number, "role"), f"{rota.role} is given out by two rotas"
        if rota.role in _NOT_FOR_PEOPLE:
            yield ("rotas", number, "role"), f"{rota.role} is the engine's own role"
        given.add(rota.role)
    for number, entry in enumerate(file.people):
        for which, role in enumerate(entry.roles):
            place = ("people", number, "roles", which)
            if role in given:
                yield place, f"a rota gives out {role}: only who is on duty holds it; take it out"
            if role in _NOT_FOR_PEOPLE:
                yield place, f"{role} is the engine's own role"


def _strangers(file: PeopleFile) -> Iterator[Problem]:
    known = {entry.id for entry in file.people}
    for number, rota in enumerate(file.rotas):
        for place, person in _named(("rotas", number), rota):
            if person not in known:
                yield place, f"{person} is nobody in this file; ids stand under people"


def _named(place: Place, rota: Rota) -> Iterator[tuple[Place, str]]:
    for number, layer in enumerate(rota.layers):
        for which, person in enumerate(layer.members):
            yield (*place, "layers", number, "members", which), person
    for number, override in enumerate(rota.overrides):
        yield (*place, "overrides", number, "person"), override.person
    for number, person in enumerate(rota.fallback):
        yield (*place, "fallback", number), person
