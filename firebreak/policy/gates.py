"""Approvals as a policy writes them.

``@approve("1 on-call within 15m, 2 admin within 1h")``, and what may go with it:
``@escalate("soc-lead after 5m, admin after 10m")``, ``@remind("5m")``, ``@otherwise("allow")``.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, TypeVar

from firebreak.domain.people import Gate, Level, Terms

T = TypeVar("T")

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST_S = 30 * 86400
_ROLE, _TIME = "([a-z0-9][a-z0-9._-]{0,62})", "([1-9][0-9]{0,5})([smhd])"
_GATE = re.compile(f"(10|[1-9]) {_ROLE} within {_TIME}")
_LEVEL = re.compile(f"{_ROLE} after {_TIME}")
_REMIND = re.compile(_TIME)
MIN_REMIND_S = 10

# The annotations that say whom to ask, and what silence means; only beside ``approve``.
WITH_APPROVE = ("escalate", "remind", "otherwise")


def parse(text: str) -> tuple[Gate, ...]:
    """The gates. Raises ValueError with what is wrong; there is always at least one."""
    gates: list[Gate] = []
    for part in text.split(","):
        found = _GATE.fullmatch(part.strip())
        if found is None:
            raise ValueError(
                f"{part.strip()[:80]!r} names nobody; "
                "write it like 1 on-call within 15m (1 to 10 people; s, m, h or d)"
            )
        count, role, number, unit = found.groups()
        within_s = int(number) * _SECONDS[unit]
        if within_s > _LONGEST_S:
            raise ValueError(f"{number}{unit} is longer than 30 days")
        if role in {gate.role for gate in gates}:
            raise ValueError(f"{role} is named twice; write one number")
        gates.append(Gate(role=role, quorum=int(count), within_s=within_s))
    return tuple(gates)


def terms(notes: Mapping[str, str]) -> Terms:
    """What a permit's annotations ask for. Raises ValueError with the annotation that is wrong."""
    if "approve" not in notes:
        alone = [name for name in WITH_APPROVE if name in notes]
        if alone:
            raise ValueError(f"@{alone[0]} needs an @approve: nobody is asked without")
        return Terms()
    gates = _noted("approve", parse, notes["approve"])
    within_s = min(gate.within_s for gate in gates)
    levels = _noted("escalate", parse_levels, notes["escalate"]) if "escalate" in notes else ()
    late = [level for level in levels if level.after_s >= within_s]
    if late:
        raise ValueError(
            f"@escalate: {late[0].role} after {spell_time(late[0].after_s)} comes too late; the "
            f"request expires after {spell_time(within_s)}"
        )
    roles = tuple(gate.role for gate in gates)
    remind_s = _noted("remind", parse_remind, notes["remind"]) if "remind" in notes else None
    if remind_s is not None and remind_s >= within_s:
        raise ValueError(f"@remind: the request expires after {spell_time(within_s)}, before that")
    return Terms(
        gates=gates,
        levels=tuple(level.model_copy(update={"instead_of": roles}) for level in levels),
        remind_s=remind_s,
        otherwise=_noted("otherwise", _otherwise, notes.get("otherwise", "deny")),
    )


def parse_levels(text: str) -> tuple[Level, ...]:
    """An escalation, soonest first. Raises ValueError with what is wrong."""
    levels: list[Level] = []
    for part in text.split(","):
        found = _LEVEL.fullmatch(part.strip())
        if found is None:
            raise ValueError(
                f"{part.strip()[:80]!r} is no level; write it like soc-lead after 5m (s, m, h or d)"
            )
        role, number, unit = found.groups()
        after_s = int(number) * _SECONDS[unit]
        if any(level.role == role for level in levels):
            raise ValueError(f"{role} is named twice")
        if levels and after_s <= levels[-1].after_s:
            raise ValueError(f"{role} must come later than {levels[-1].role} before it")
        levels.append(Level(role=role, after_s=after_s))
    return tuple(levels)


def parse_remind(text: str) -> int:
    """How often to remind, in seconds. Raises ValueError with what is wrong."""
    found = _REMIND.fullmatch(text.strip())
    every_s = int(found[1]) * _SECONDS[found[2]] if found else 0
    if every_s < MIN_REMIND_S:
        raise ValueError(f"{text[:80]!r} is no time; write it like 5m, at least {MIN_REMIND_S}s")
    return every_s


def _otherwise(text: str) -> Literal["deny", "allow"]:
    match text:
        case "deny" | "allow":
            return text
        case _:
            raise ValueError(f"{text[:80]!r} is neither deny nor allow")


def _noted(name: str, read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise ValueError(f"@{name}: {error}") from error


def spell(gates: Iterable[Gate]) -> str:
    """The gates as they are written in a policy."""
    return ", ".join(f"{g.quorum} {g.role} within {spell_time(g.within_s)}" for g in gates)


def spell_levels(levels: Iterable[Level]) -> str:
    """An escalation as it is written in a policy."""
    return ", ".join(f"{level.role} after {spell_time(level.after_s)}" for level in levels)


def spelled(asked: Terms) -> dict[str, str]:
    """Terms by the annotations that would say the same; nothing where nobody is asked."""
    if not asked.gates:
        return {}
    said = {"approve": spell(asked.gates), "otherwise": asked.otherwise}
    if asked.levels:
        said["escalate"] = spell_levels(asked.levels)
    if asked.remind_s is not None:
        said["remind"] = spell_time(asked.remind_s)
    return said


def spell_time(seconds: int) -> str:
    """A time as it is written in a policy."""
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"
