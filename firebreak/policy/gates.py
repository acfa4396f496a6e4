"""Approvals as a policy writes them: ``@approve("1 on-call within 15m, 2 admin within 1h")``."""

import re
from collections.abc import Iterable

from firebreak.domain.people import Gate

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST_S = 30 * 86400
_GATE = re.compile(r"(10|[1-9]) ([a-z0-9][a-z0-9._-]{0,62}) within ([1-9][0-9]{0,5})([smhd])")


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


def spell(gates: Iterable[Gate]) -> str:
    """The gates as they are written in a policy."""
    return ", ".join(f"{g.quorum} {g.role} within {_duration(g.within_s)}" for g in gates)


def _duration(seconds: int) -> str:
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"
