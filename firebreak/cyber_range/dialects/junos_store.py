"""Junos' configuration database: candidate, active, history, and the commit that undoes itself."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from firebreak.cyber_range.console import Chassis, Console
from firebreak.cyber_range.network import PortConfig, SwitchState

_HISTORY = 49  # rollback 1 to 49


@dataclass(frozen=True, slots=True)
class Draft:
    """A port as the configuration says it: ``members`` are VLAN names or numbers, as written."""

    mode: str = "access"
    members: tuple[str, ...] = ()
    disabled: bool = False
    description: str = ""

    def set_lines(self, port: str) -> list[str]:
        """``set interfaces ...`` for this port."""
        head = f"set interfaces {port}"
        switching = f"{head} unit 0 family ethernet-switching"
        lines = [f"{head} description {quoted(self.description)}"] if self.description else []
        lines += [f"{head} disable"] if self.disabled else []
        lines.append(f"{switching} interface-mode {self.mode}")
        return lines + [f"{switching} vlan members {member}" for member in self.members]


Drafts = dict[str, Draft]


@dataclass(frozen=True, slots=True)
class Commit:
    """A line of ``show system commit``, and the configuration it made."""

    at: datetime
    user: str
    drafts: Drafts


class CheckFailed(Exception):
    """The candidate can't be committed; the text is what Junos prints."""


class JunosStore:
    """One per switch; all sessions edit the same candidate unless one locked it.

    ``minute_s`` is how long a minute of ``commit confirmed`` lasts: tests shorten it.
    """

    def __init__(self, chassis: Chassis, minute_s: float = 60) -> None:
        self._chassis = chassis
        self._minute_s = minute_s
        self._undo: Drafts | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.minutes = 0  # of the commit that waits for its confirmation
        self.locked_by: Console | None = None
        self.commits: list[Commit] = []
        self.active: Drafts = {}
        self.candidate: Drafts = {}
        self.reboot()

    @property
    def dirty(self) -> bool:
        """Whether the candidate differs from the active configuration."""
        return self.candidate != self.active

    def edit(self, port: str, change: Callable[[Draft], Draft]) -> None:
        """Change a port in the candidate."""
        self.candidate[port] = change(self.candidate[port])

    def check(self) -> dict[str, PortConfig]:
        """What the candidate makes of every port that differs. Raises CheckFailed."""
        return self._difference(self.candidate)

    def commit(self, console: Console, command: str, minutes: int = 0) -> None:
        """Make the candidate active; with ``minutes`` it is undone unless confirmed by then.

        Raises CheckFailed, and what Console.change raises.
        """

        def activate() -> None:
            undo = self.active if self._undo is None else self._undo
            self._activate(dict(self.candidate), console.user)
            if not minutes:
                self._chassis.network.save(self._chassis.state)
                return
            self._undo, self.minutes = undo, minutes
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(minutes * self._minute_s, self._roll_back)

        console.change(command, self.check(), "commit", activate)

    def rollback(self, number: int) -> bool:
        """Load an earlier configuration into the candidate; False when there is none."""
        if number >= len(self.commits):
            return False
        self.candidate = dict(self.commits[number].drafts)
        return True

    def discard(self) -> None:
        """Throw the candidate away."""
        self.candidate = dict(self.active)

    def reboot(self) -> None:
        """Come up with what the switch booted with; a commit that was not confirmed is gone."""
        self.commits = []
        self._activate(drafts_of(self._chassis.state), "root")
        self.discard()

    def close(self) -> None:
        """Stop the timer."""
        self._disarm()

    def _activate(self, drafts: Drafts, user: str) -> None:
        self._disarm()
        self.active = drafts
        self.commits = [Commit(datetime.now(UTC), user, drafts), *self.commits][: _HISTORY + 1]

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._undo, self.minutes = None, None, 0

    def _roll_back(self) -> None:
        if self._undo is None:
            return
        undo = self._undo
        changes = self._difference(undo)
        self._activate(undo, "root")
        self.discard()
        console = Console(self._chassis, session="commit-confirmed", user="root")
        console.unattended("automatic rollback", changes)
        self._chassis.network.save(self._chassis.state)

    def _difference(self, drafts: Drafts) -> dict[str, PortConfig]:
        configs = {name: self._resolve(name, draft) for name, draft in drafts.items()}
        return {n: config for n, config in configs.items() if drafts[n] != self.active[n]}

    def _resolve(self, port: str, draft: Draft) -> PortConfig:
        vlans = [self._vlan(port, member) for member in draft.members]
        if draft.mode == "access" and len(vlans) > 1:
            raise CheckFailed(
                f"[edit interfaces {port} unit 0 family ethernet-switching vlan]\n"
                "  'members'\n    Access interface can have only one vlan member\n"
                "error: configuration check-out failed\n"
            )
        return PortConfig(
            mode="trunk" if draft.mode == "trunk" else "access",
            vlan=vlans[0] if vlans else 1,
            up=not draft.disabled,
            description=draft.description,
        )

    def _vlan(self, port: str, member: str) -> int:
        for number, name in self._chassis.state.vlans.items():
            if member in {name, str(number)}:
                return number
        if member == "all":
            return 1
        raise CheckFailed(
            f"[edit interfaces {port} unit 0]\n  'family'\n    vlan {member} is not configured\n"
            "error: configuration check-out failed\n"
        )


def drafts_of(state: SwitchState) -> Drafts:
    """The configuration that a switch's ports stand for."""
    return {name: draft_of(state, port.config) for name, port in state.ports.items()}


def draft_of(state: SwitchState, config: PortConfig) -> Draft:
    """A port's configuration in Junos' words."""
    if config.mode == "trunk":
        members: tuple[str, ...] = ("all",)
    else:
        members = (state.vlans[config.vlan],) if config.vlan in state.vlans else ()
    return Draft(config.mode, members, not config.up, config.description)


def with_member(draft: Draft, member: str) -> Draft:
    """A VLAN added: in Junos ``set`` adds to what is there."""
    return draft if member in draft.members else replace(draft, members=(*draft.members, member))


def quoted(text: str) -> str:
    """As Junos prints strings: in quotes when they hold blanks."""
    return f'"{text}"' if " " in text else text
