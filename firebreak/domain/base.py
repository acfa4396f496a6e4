"""The ground every model stands on: frozen, strict about fields, and with one canonical form.

Hashes are taken over RFC 8785 (JSON Canonicalization Scheme), so that anyone can recompute a
plan hash, a ledger chain or a receipt with a few lines in any language.
"""

import hashlib
import json
from typing import Annotated, Any

import rfc8785
from pydantic import BaseModel, ConfigDict, JsonValue, StringConstraints

_EXACT = 2**53  # integers from here on cannot be told apart in JSON's numbers

JsonObject = dict[str, JsonValue]

# A reference to a secret, never the secret: `env:NAME`, `file:/path`.
SecretRef = Annotated[str, StringConstraints(pattern=r"^(env:[A-Z][A-Z0-9_]*|file:.+)$")]


class Model(BaseModel):
    """A frozen value that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def to_json(self) -> dict[str, Any]:
        """The value as plain JSON types, by alias: what is hashed, stored and shown."""
        return self.model_dump(mode="json", by_alias=True)


def canonical(value: Any) -> bytes:
    """The RFC 8785 form of plain JSON types.

    What the ledger holds is nearly always simple, and for simple values the standard library's
    encoder, in C, writes the very same bytes ten times as fast.

    Raises:
        ValueError: the value is not JSON, or holds an integer beyond 2**53.
    """
    if not _is_simple(value):
        return rfc8785.dumps(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _is_simple(value: Any) -> bool:
    """No numbers but small integers, and no keys whose order UTF-16 would change."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return bool(-_EXACT < value < _EXACT)
    if kind is dict:
        return all(
            type(key) is str and key.isascii() and _is_simple(item) for key, item in value.items()
        )
    return kind is list and all(map(_is_simple, value))


def digest(value: Any) -> str:
    """``sha256:<hex>`` over the canonical form of plain JSON types."""
    return "sha256:" + hashlib.sha256(canonical(value)).hexdigest()
