"""What a channel knows of its records between two calls."""

from pydantic import Field

from firebreak.domain.base import Model


class Trace(Model):
    """What is known of one record, kept by the dispatcher as JSON.

    ``posting`` and ``creating``: something was begun, at ``since`` (Unix seconds), and its end was
    not seen. ``posted``: the highest entry that was told. ``done``: marks other than entries.
    ``phase``: where it was brought last. ``abandoned``: no more is tried.
    """

    ticket: str = ""
    creating: bool = False
    posting: str = ""
    since: float = 0.0
    posted: int = -1
    done: tuple[str, ...] = ()
    phase: str = ""
    abandoned: bool = False


class Memory(Trace):
    """What is known of an incident's ticket.

    ``guest``: the ticket is somebody else's that ours was merged into. ``lost``: tickets that are
    gone. ``changes``: the change requests beside the ticket, by approval.
    """

    guest: bool = False
    lost: tuple[str, ...] = ()
    changes: dict[str, Trace] = Field(default_factory=dict)
