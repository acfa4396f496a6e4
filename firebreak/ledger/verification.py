"""Verifying a receipt offline: each thing that must hold is a check that says how it went."""

from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from firebreak.domain.base import JsonObject, Model, canonical
from firebreak.domain.record import Entry
from firebreak.errors import BadInput
from firebreak.ledger import receipt
from firebreak.ledger.chain import faults
from firebreak.ledger.envelope import PAYLOAD_TYPE, Envelope, pae, read_canonical, read_envelope
from firebreak.ledger.signing import is_signed, key_id


class Check(Model):
    """One thing that must hold, and in plain words how it went."""

    name: str
    ok: bool
    message: str


class Report(Model):
    """The verdict. ``predicate`` is what the receipt says, and only there when all of it holds."""

    checks: tuple[Check, ...]
    keyid: str
    predicate: JsonObject | None = None

    @property
    def valid(self) -> bool:
        """Whether every check was made and none failed."""
        return self.predicate is not None and all(check.ok for check in self.checks)


def verify(content: bytes, public_key: Ed25519PublicKey) -> Report:
    """Check the bytes of a receipt against the key of the one who should have signed it.

    Needs nothing but its arguments, and raises nothing for any bytes: what cannot be read is a
    check that failed. After a check that the next ones stand on has failed, those are left out.
    """
    run = _Run()
    keyid = key_id(public_key)
    envelope = run.check("envelope", "one DSSE envelope, in its exact form", _envelope, content)
    if envelope is None:
        return Report(checks=run.checks, keyid=keyid)
    run.check("type", f"the payload is {PAYLOAD_TYPE}", _type, envelope)
    run.check("key", f"it names the key that was given, {keyid[:16]}", _key, envelope, keyid)
    run.check("signature", "not one signed byte was changed", _signature, envelope, public_key)
    statement = run.check("statement", "an in-toto statement of a receipt", _statement, envelope)
    entries = statement and run.check("entries", "every entry can be read", _entries, statement)
    if statement and entries:
        run.check(
            "chain",
            f"{len(entries)} entries, linked and unchanged, of one incident",
            _chain,
            entries,
        )
        run.check("subject", "it is about the end of that chain", _subject, statement, entries)
        run.check("story", "the summary says what the entries say", _story, statement, entries)
    valid = bool(entries) and all(check.ok for check in run.checks)
    return Report(
        checks=run.checks,
        keyid=keyid,
        predicate=statement["predicate"] if statement and valid else None,
    )


class _Run:
    """Makes checks and keeps how they went."""

    def __init__(self) -> None:
        self.checks: tuple[Check, ...] = ()

    def check(self, name: str, good: str, look: Callable[..., Any], *subject: Any) -> Any:
        """Note a check; what ``look`` returned, or None when it failed."""
        try:
            found = look(*subject)
        except BadInput as error:
            self.checks += (Check(name=name, ok=False, message=str(error)),)
            return None
        self.checks += (Check(name=name, ok=True, message=good),)
        return found


def _envelope(content: bytes) -> Envelope:
    envelope = read_envelope(content)
    envelope.body()
    envelope.signature()
    return envelope


def _type(envelope: Envelope) -> None:
    if envelope.payload_type != PAYLOAD_TYPE:
        raise BadInput(f"the payload is {envelope.payload_type!r}, not {PAYLOAD_TYPE}")


def _key(envelope: Envelope, keyid: str) -> None:
    named = envelope.signatures[0].keyid
    if named != keyid:
        raise BadInput(f"it names key {named[:16]!r}; the key given is {keyid[:16]}")


def _signature(envelope: Envelope, public_key: Ed25519PublicKey) -> None:
    message = pae(envelope.payload_type, envelope.body())
    if not is_signed(public_key, envelope.signature(), message):
        raise BadInput("it was changed after it was signed, or another key signed it")


def _statement(envelope: Envelope) -> dict[str, Any]:
    statement = read_canonical(envelope.body())
    if not isinstance(statement, dict):
        raise BadInput("the payload is no statement")
    names = {"_type", "subject", "predicateType", "predicate"}
    if set(statement) != names or not isinstance(statement["predicate"], dict):
        raise BadInput("the payload does not have the fields of a statement, and only those")
    for name, value in (
        ("_type", receipt.STATEMENT_TYPE),
        ("predicateType", receipt.PREDICATE_TYPE),
    ):
        if statement[name] != value:
            raise BadInput(f"its {name} is not {value}")
    return statement


def _entries(statement: dict[str, Any]) -> tuple[Entry, ...]:
    listed = statement["predicate"].get("entries")
    if not isinstance(listed, list) or not listed:
        raise BadInput("it holds no entries")
    return tuple(_entry(place, plain) for place, plain in enumerate(listed))


def _entry(place: int, plain: Any) -> Entry:
    try:
        entry = Entry.model_validate(plain)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        raise BadInput(f"entry {place} is malformed: {wrong['msg']}") from error
    if canonical(entry.to_json()) != canonical(plain):
        raise BadInput(f"entry {place} is not in the form it was recorded in")
    return entry


def _chain(entries: tuple[Entry, ...]) -> None:
    if wrong := faults(entries):
        raise BadInput("; ".join(wrong[:3]))


def _subject(statement: dict[str, Any], entries: tuple[Entry, ...]) -> None:
    if statement["subject"] != [receipt.subject(entries)]:
        raise BadInput("its subject is not the incident and the last entry that it holds")


def _story(statement: dict[str, Any], entries: tuple[Entry, ...]) -> None:
    said = {name: part for name, part in statement["predicate"].items() if name != "entries"}
    for name, part in receipt.told(entries).items():
        if name not in said or canonical(said.pop(name)) != canonical(part):
            raise BadInput(f"its {name} is not what the entries say")
    if said:
        raise BadInput(f"it says more than its entries: {', '.join(sorted(said))}")
