"""Changes of ports of one switch in one turn: read, compare, write, read back, save once."""

from collections.abc import Sequence

import structlog

from firebreak.errors import FirebreakError, OutcomeUnknown, StateDrifted
from integrations.network import clock
from integrations.network.cli.access import access
from integrations.network.cli.asked import PortChange
from integrations.network.cli.faults import LineLost, NoConfig, Refused, TooLate, Unreadable
from integrations.network.cli.platforms.base import Undone
from integrations.network.cli.platforms.gathered import Gathered
from integrations.network.cli.session import Session
from integrations.network.cli.shell import NetmikoShell
from integrations.network.ports import PortState

# What must be left of a change's time, besides what reading took, for it to be sent: with less, it
# might be sent and not be read back.
_SPARE_S = 0.5

log = structlog.get_logger(__name__)


def bring(session: Session, shell: NetmikoShell, changes: Sequence[PortChange]) -> None:
    """Take each port from ``known`` to ``wanted``, or say in its change why not.

    Each change ends by itself, with what is read afterwards or with

    - StateDrifted: the port is neither; nothing was sent for it.
    - Rejected: the switch refused, and the port is as it was.
    - OutcomeUnknown: the switch refused a part, and the port is now something else; or it could not
      be read back.
    - Unreachable: the time for sending had passed; nothing was sent for it.

    Raises:
        LineLost: the line failed. What had ended by then stands; for the others nothing more can
            be sent.
    """
    begun = clock.now()
    wanting = _read(session, shell, changes)
    took = clock.now() - begun
    for change in wanting:  # reading back will take as long, and the way there some more
        change.fence.keep_back(2 * took + _SPARE_S)
    due = [change for change in wanting if _in_time(change)]
    if not due:
        return
    try:
        undone = session.platform.write(shell, due)
    except NoConfig as error:
        undone = {change.port: error for change in due}
    except TooLate:
        # Of all or none, one came too late. It drops out when the rest tries again.
        bring(session, shell, due)
        return
    except Refused as error:
        if len(due) > 1:  # all or none were taken: find out who was refused
            for change in due:
                bring(session, shell, [change])
            return
        undone = {due[0].port: error}
    _conclude(session, shell, due, undone)


def _read(session: Session, shell: NetmikoShell, changes: Sequence[PortChange]) -> list[PortChange]:
    """Those that are not yet as wanted, and may be changed; the others have ended."""
    reader = Gathered(shell, session.platform, len(changes))
    wanting = []
    for change in changes:
        now = _state(session, reader, change)
        if now is None:
            continue
        change.fence.unsettled = False
        if now == change.wanted:
            change.settle(now)
        elif now == change.known:
            wanting.append(change)
        else:
            change.fail(_drifted(change, now))
    return wanting


def _state(session: Session, reader: Gathered, change: PortChange) -> PortState | None:
    """The port as it is, or None when it could not be read; the change has then failed."""
    try:
        return session.platform.read(reader, change.switch, change.port).state
    except (FirebreakError, Unreadable) as error:
        change.fail(error)
        return None


def _drifted(change: PortChange, now: PortState) -> StateDrifted:
    return StateDrifted(
        f"port {change.port} of switch {change.switch} is {now.record()}; the plan knows "
        f"{change.known.record()} and wants {change.wanted.record()}"
    )


def _in_time(change: PortChange) -> bool:
    try:
        change.fence.check_time()
    except TooLate as error:
        change.fail(error)
        return False
    return True


def _conclude(
    session: Session, shell: NetmikoShell, due: Sequence[PortChange], undone: Undone
) -> None:
    """Read back what was sent, and save what has changed before anyone is told."""
    reader = Gathered(shell, session.platform, len(due))
    done: list[PortChange] = []
    for change in due:
        error = undone.get(change.port)
        if error is not None and not change.fence.unsettled:
            change.fail(error)  # nothing of it was sent
            continue
        seen = _state(session, reader, change)
        if seen is None:
            continue
        if error is None or seen == change.wanted:
            change.settle(seen)
            done.append(change)
        else:
            change.fence.unsettled = False
            unknown = OutcomeUnknown(f"switch {change.switch}: {error}; now {seen.record()}")
            change.fail(error if seen == change.known else unknown)
    if done and access(session.switch).save:
        _save(session, shell, done)


def _save(session: Session, shell: NetmikoShell, done: Sequence[PortChange]) -> None:
    """Write the startup configuration; the changes stand whether or not that works."""
    try:
        if not any(change.fence.window() for change in done):
            raise TooLate("the time for sending has passed")
        session.platform.save(shell)
    except (LineLost, Refused, Unreadable) as error:
        session.unsaved = str(error)
        session.drop()  # it may be waiting at a question
        log.warning("startup configuration not written", switch=session.switch.id, why=str(error))
    else:
        session.unsaved = ""
