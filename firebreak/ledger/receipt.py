"""Receipts: a signed statement of a whole response that anyone can verify offline."""

from collections.abc import Sequence
from typing import Any

from firebreak.domain.base import JsonObject
from firebreak.domain.record import Entry
from firebreak.errors import LedgerConflict
from firebreak.ledger import story
from firebreak.ledger.chain import faults
from firebreak.ledger.envelope import seal
from firebreak.ledger.signing import Signer

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:firebreak:receipt:v1"


def build(chain: Sequence[Entry], signer: Signer) -> bytes:
    """The receipt of an incident: a DSSE envelope around an in-toto statement.

    The same chain and key always give the same bytes. A response that is still open has a
    receipt too, whose status says so.

    Raises:
        LedgerConflict: the chain does not verify; nothing of it is signed.
        BadInput: it lacks the opening of a response, or a body is malformed.
    """
    if wrong := faults(chain):
        raise LedgerConflict(f"the record does not verify: {wrong[0]}")
    return seal(statement(chain), signer)


def statement(chain: Sequence[Entry]) -> dict[str, Any]:
    """The in-toto Statement v1. Its subject is the incident by the hash of the chain's end."""
    predicate = {**told(chain), "entries": [entry.to_json() for entry in chain]}
    return {
        "_type": STATEMENT_TYPE,
        "subject": [subject(chain)],
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate,
    }


def subject(chain: Sequence[Entry]) -> dict[str, Any]:
    """The resource descriptor of a chain. It must hold an entry."""
    head = chain[-1]
    return {"name": head.incident, "digest": {"sha256": head.hash.removeprefix("sha256:")}}


def told(chain: Sequence[Entry]) -> JsonObject:
    """Everything in the predicate that is computed from the entries."""
    told: JsonObject = {
        "summary": story.summarize(chain).to_json(),
        "approvals": [*story.approvals(chain)],
        "effects": [*story.effects(chain)],
        "holds": [*story.holds(chain)],
    }
    if overrides := story.overrides(chain):  # so that receipts without any stay as they were
        told["overrides"] = [*overrides]
    return told
