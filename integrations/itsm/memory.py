"""What a channel knows of its ticket between two calls."""

from firebreak.domain.base import Model


class Memory(Model):
    """Kept by the dispatcher as JSON.

    ``posting`` and ``creating``: something was begun, at ``since`` (Unix seconds), and its end was
    not seen. ``done``: marks other than entries. ``guest``: the ticket is somebody else's that ours
    was merged into. ``lost``: tickets that are gone. ``abandoned``: no more is tried.
    """

    ticket: str = ""
    creating: bool = False
    posting: str = ""
    since: float = 0.0
    posted: int = -1
    done: tuple[str, ...] = ()
    phase: str = ""
    guest: bool = False
    lost: tuple[str, ...] = ()
    abandoned: bool = False
