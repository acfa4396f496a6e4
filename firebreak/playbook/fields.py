"""The small types an author writes: durations, expressions, names, identifiers."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, JsonValue, WithJsonSchema

from firebreak.playbook.expressions import bare

LONGEST_S = 90 * 24 * 3600  # longer than any response; a typo, not a plan

_DURATION = r"^([0-9]{1,4}d)?([0-9]{1,5}h)?([0-9]{1,6}m)?([0-9]{1,8}s)?$"
_SECONDS = (86_400, 3_600, 60, 1)


def seconds(value: Any) -> int:
    """``90s``, ``15m``, ``4h``, ``1h30m``, ``7d`` as seconds.

    Raises:
        ValueError: another shape, nothing at all, or longer than 90 days.
    """
    match = re.fullmatch(_DURATION, value) if isinstance(value, str) and value else None
    if match is None:
        raise ValueError("a duration is written like 90s, 15m, 4h, 1h30m or 7d")
    parts = zip(match.groups(), _SECONDS, strict=True)
    total = sum(int(part[:-1]) * size for part, size in parts if part)
    if not 1 <= total <= LONGEST_S:
        raise ValueError("a duration is between 1s and 90d")
    return total


def _expression(value: Any) -> Any:
    """YAML's own true and false are expressions too; ``{{ }}`` around one is not needed."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return bare(value) if isinstance(value, str) else value


Duration = Annotated[
    int,
    BeforeValidator(seconds),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": _DURATION,
            "minLength": 2,
            "description": "A duration such as 90s, 15m, 4h, 1h30m or 7d",
        }
    ),
]
Expression = Annotated[
    str,
    BeforeValidator(_expression),
    Field(min_length=1),
    WithJsonSchema(
        {
            "type": ["string", "boolean"],
            "description": "An expression such as alert.severity >= 4",
        }
    ),
]
Template = Annotated[
    JsonValue,
    WithJsonSchema({"description": "A value; its strings may hold {{ expressions }}"}),
]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
ActionName = Annotated[str, Field(pattern=r"^[a-z]+\.[a-z-]+$")]
Text = Annotated[str, Field(max_length=2000)]
