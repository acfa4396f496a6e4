"""Who stands for whom: what several terms want together, and for which gates a person counts.

``firebreak.domain.people.passed`` decides. What is here only says which roles each person brings:
their own, those they were named for, and those that an escalation lets them stand in for.
"""

from collections.abc import Iterable, Sequence

from firebreak.domain.people import Delegation, Gate, Level, Principal, Terms, passed, united
from firebreak.domain.plan import Plan


def combined(voices: Iterable[Terms]) -> Terms:
    """What several want together: never less than any of them.

    For each role the largest quorum and the shortest time. Somebody may stand in for a role only
    where everybody who asks for that role says so, after the longest of their times. Reminders are
    as frequent as the most impatient wants; silence is a yes only where all of them say so, and
    then after the longest of their times.
    """
    asking = [voice for voice in voices if voice.gates]
    if not asking:
        return Terms()
    gates = united(gate for voice in asking for gate in voice.gates)
    silent_yes = all(voice.otherwise == "allow" for voice in asking)
    if silent_yes:
        longest_s = max(min(gate.within_s for gate in voice.gates) for voice in asking)
        gates = tuple(_within(gate, longest_s) for gate in gates)
    reminders = [voice.remind_s for voice in asking if voice.remind_s is not None]
    return Terms(
        gates=gates,
        levels=_levels(asking, gates),
        remind_s=min(reminders, default=None),
        otherwise="allow" if silent_yes else "deny",
    )


def _within(gate: Gate, least_s: int) -> Gate:
    return gate.model_copy(update={"within_s": max(gate.within_s, least_s)})


def _levels(asking: Sequence[Terms], gates: Sequence[Gate]) -> tuple[Level, ...]:
    """The stand-ins that are left, soonest first; those who would come too late are not."""
    instead: dict[tuple[int, str], list[str]] = {}
    for gate in gates:
        who = [v for v in asking if any(gate.role == other.role for other in v.gates)]
        for role, after_s in _agreed(who, gate.role).items():
            instead.setdefault((after_s, role), []).append(gate.role)
    within_s = min(gate.within_s for gate in gates)
    return tuple(
        Level(after_s=after_s, role=role, instead_of=tuple(roles))
        for (after_s, role), roles in sorted(instead.items())
        if after_s < within_s
    )


def _agreed(voices: Sequence[Terms], gate: str) -> dict[str, int]:
    """Who may stand in for a gate's role after how many seconds, by every one of the voices."""
    said = [_stand_ins(voice.levels, gate) for voice in voices]
    common = set(said[0]).intersection(*said[1:])
    return {role: max(one[role] for one in said) for role in common}


def _stand_ins(levels: Iterable[Level], gate: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for level in levels:
        if stands_for(level, gate):
            found[level.role] = min(level.after_s, found.get(level.role, level.after_s))
    return found


def stands_for(level: Level, gate: str) -> bool:
    """Whether the level's role may stand in for a gate's."""
    return not level.instead_of or gate in level.instead_of


class Standing:
    """For which gates people count at one moment of a request.

    Args:
        gates: those of the request.
        levels: those of its levels that have been reached.
        delegations: with ``by`` as those people are now.
    """

    def __init__(
        self,
        gates: Iterable[Gate],
        levels: Iterable[Level] = (),
        delegations: Iterable[Delegation] = (),
    ) -> None:
        self._gates = tuple(gates)
        self._levels = tuple(levels)
        self._delegations = tuple(delegations)

    def named(self, who: str) -> tuple[Principal, ...]:
        """On whose behalf somebody answers."""
        return tuple(one.by for one in self._delegations if one.to == who)

    def has_left_it(self, who: str) -> bool:
        """Whether somebody named another person to answer instead."""
        return any(one.by.id == who for one in self._delegations)

    def level(self, who: Principal) -> Level | None:
        """The first level that lets somebody stand in."""
        return next((level for level in self._levels if level.role in who.roles), None)

    def own(self, who: Principal) -> frozenset[str]:
        """The gates' roles that somebody has, or may stand in for since an escalation."""
        return frozenset(
            gate.role
            for gate in self._gates
            if gate.role in who.roles
            or any(lv.role in who.roles and stands_for(lv, gate.role) for lv in self._levels)
        )

    def roles(self, who: Principal) -> frozenset[str]:
        """The gates' roles that somebody counts for; none once they left it to another."""
        if self.has_left_it(who.id):
            return frozenset()
        return self.own(who).union(*(self.own(by) for by in self.named(who.id)))

    def capacity(self, who: Principal) -> tuple[str, str]:
        """``(role, instead of whom)`` for a vote; both empty for a role that was asked for."""
        if any(gate.role in who.roles for gate in self._gates):
            return "", ""
        level = self.level(who)
        if level is not None and self.own(who):
            return level.role, ""
        for by in self.named(who.id):
            if own := self.own(by):
                return ", ".join(sorted(own)), by.id
        return "", ""

    def passed(self, voters: Iterable[Principal]) -> bool:
        """Whether enough people agreed, each for one gate, in the roles they count for."""
        return passed(
            self._gates,
            (who.model_copy(update={"roles": self.roles(who)}) for who in voters),
        )


def harmless(plan: Plan) -> bool:
    """Whether silence may be enough for a plan, where policy says so."""
    return plan.reversible and plan.risk == "low"
