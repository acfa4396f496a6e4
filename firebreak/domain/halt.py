"""A halt: nothing more is contained, at one site or everywhere, until a second person resumes."""

from pydantic import AwareDatetime

from firebreak.domain.base import Model

EVERYWHERE = "*"  # no site can have this name


class Halt(Model):
    """A halt as the ledger projects it. ``site`` None: everywhere."""

    id: str
    site: str | None
    by: str
    reason: str
    at: AwareDatetime
    lifted_by: str | None = None
    lifted_at: AwareDatetime | None = None
    lifted_reason: str = ""

    @property
    def where(self) -> str:
        """For people: ``site plant-1`` or ``everywhere``."""
        return f"site {self.site}" if self.site else "everywhere"
