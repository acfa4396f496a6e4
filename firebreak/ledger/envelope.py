"""DSSE v1 envelopes around in-toto statements, and a reader that accepts one form only.

Sources: DSSE protocol and envelope 1.0.2 (github.com/secure-systems-lab/dsse), in-toto Statement
v1 (github.com/in-toto/attestation, spec/v1/statement.md), RFC 8785.

Any DSSE verifier can check a receipt. Ours is stricter than DSSE asks: an envelope and its payload
must be, byte for byte, the RFC 8785 form that ``seal`` writes. So white space, a second spelling
of a number or of the base64, an added field or a dropped ``keyid`` is a changed receipt too, though
the signature does not cover it.
"""

import base64
import binascii
from typing import Any

from pydantic import Field, ValidationError

from firebreak.domain.base import Model, canonical
from firebreak.errors import BadInput
from firebreak.ledger import jcs
from firebreak.ledger.signing import Signer

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MAX_BYTES = 64 * 1024 * 1024


class Signature(Model):
    """One signature; ``sig`` is base64."""

    keyid: str
    sig: str


class Envelope(Model):
    """A DSSE envelope with its one signature; ``payload`` is base64."""

    payload: str
    payload_type: str = Field(alias="payloadType")
    signatures: tuple[Signature]

    def body(self) -> bytes:
        """The signed bytes. Raises BadInput."""
        return _decode("payload", self.payload)

    def signature(self) -> bytes:
        """The signature's bytes. Raises BadInput."""
        return _decode("sig", self.signatures[0].sig)


def pae(payload_type: str, body: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is really signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)


def seal(statement: dict[str, Any], signer: Signer) -> bytes:
    """Sign a statement."""
    body = canonical(statement)
    envelope = Envelope(
        payload=base64.b64encode(body).decode(),
        payload_type=PAYLOAD_TYPE,
        signatures=(
            Signature(
                keyid=signer.keyid,
                sig=base64.b64encode(signer.sign(pae(PAYLOAD_TYPE, body))).decode(),
            ),
        ),
    )
    return canonical(envelope.to_json())


def read_envelope(content: bytes) -> Envelope:
    """The envelope in a file.

    Raises:
        BadInput: too large, not strict JSON, not an envelope, or not in its one form.
    """
    try:
        return Envelope.model_validate(read_canonical(content))
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in wrong["loc"]) or "envelope"
        raise BadInput(f"{where}: {wrong['msg']}") from error


def read_canonical(content: bytes) -> Any:
    """JSON that is in its RFC 8785 form already; anything else is refused.

    Raises:
        BadInput: too large, not JSON, a name twice, NaN, trailing data, or another form.
    """
    if len(content) > MAX_BYTES:
        raise BadInput(f"larger than {MAX_BYTES // 2**20} MiB")
    try:
        value = jcs.loads(content.decode(), _no_name_twice)
        same = canonical(value) == content
    except RecursionError as error:
        raise BadInput("nested too deeply") from error
    except ValueError as error:
        raise BadInput(f"not strict JSON: {error}") from error
    if not same:
        raise BadInput("not in the RFC 8785 form it was written in: something was changed or added")
    return value


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return value


def _decode(what: str, text: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadInput(f"{what} is not base64") from error
    if base64.b64encode(decoded).decode() != text:
        raise BadInput(f"{what} is not in the one base64 form of its bytes")
    return decoded
