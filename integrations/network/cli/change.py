"""One change of one port, on one line: read, compare, write, read back, save."""

import structlog

from firebreak.errors import OutcomeUnknown, Rejected, StateDrifted
from integrations.network.cli.access import access
from integrations.network.cli.faults import LineLost, Refused, Unreadable
from integrations.network.cli.line import Fence
from integrations.network.ports import PortState
from integrations.network.cli.session import Session
from integrations.network.cli.shell import NetmikoShell

log = structlog.get_logger(__name__)


def bring(
    session: Session, shell: NetmikoShell, fence: Fence, known: PortState, wanted: PortState
) -> PortState:
    """Take the port from ``known`` to ``wanted`` and return what is read afterwards.

    Raises:
        StateDrifted: it is neither; nothing was sent.
        Rejected: the switch refused, and the port is as it was.
        OutcomeUnknown: the switch refused a part, and the port is now something else.
    """
    platform = session.platform

    def read() -> PortState:
        return platform.read(shell, wanted.switch, wanted.port).state

    now = read()
    if now == wanted:
        return now
    if now != known:
        raise StateDrifted(
            f"port {wanted.port} of switch {wanted.switch} is {now.record()}; the plan knows "
            f"{known.record()} and wants {wanted.record()}"
        )
    refusal: Refused | None = None
    try:
        platform.write(shell, now, wanted)
    except Refused as error:
        refusal = error
    seen = read()
    fence.unsettled = False
    if refusal is not None and seen == now:
        raise Rejected(f"switch {wanted.switch}: {refusal}") from refusal
    if refusal is not None and seen != wanted:
        raise OutcomeUnknown(f"switch {wanted.switch}: {refusal}; now {seen.record()}")
    if access(session.switch).save:
        _save(session, shell, fence)
    return seen


def _save(session: Session, shell: NetmikoShell, fence: Fence) -> None:
    """Write the startup configuration; the change stands whether or not that works."""
    try:
        fence.check_time()
        session.platform.save(shell)
    except (LineLost, Refused, Unreadable) as error:
        session.unsaved = str(error)
        session.drop()  # it may be waiting at a question
        log.warning("startup configuration not written", switch=session.switch.id, why=str(error))
    else:
        session.unsaved = ""
