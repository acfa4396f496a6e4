"""The ground every model stands on: frozen, strict about fields, and with one canonical form.

Hashes are taken over RFC 8785 (JSON Canonicalization Scheme), so that anyone can recompute a
plan hash, a ledger chain or a receipt with a few lines in any language.
"""

import hashlib
from typing import Any

import rfc8785
from pydantic import BaseModel, ConfigDict, JsonValue

JsonObject = dict[str, JsonValue]


class Model(BaseModel):
    """A frozen value that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def to_json(self) -> dict[str, Any]:
        """The value as plain JSON types, by alias: what is hashed, stored and shown."""
        return self.model_dump(mode="json", by_alias=True)


def canonical(value: Any) -> bytes:
    """The RFC 8785 form of plain JSON types.

    Raises:
        ValueError: the value is not JSON, or holds an integer beyond 2**53.
    """
    return rfc8785.dumps(value)


def digest(value: Any) -> str:
    """``sha256:<hex>`` over the canonical form of plain JSON types."""
    return "sha256:" + hashlib.sha256(canonical(value)).hexdigest()
