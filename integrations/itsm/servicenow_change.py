"""ServiceNow: the change_request table over the Table API.

Source: ServiceNow's "State model and transitions", "State progression for normal, standard, and
emergency changes" and "Process a change request". Documented, not run.
"""

from firebreak.domain.base import JsonObject
from integrations.itsm import marks
from integrations.itsm.change import Course, Proposal, Turn
from integrations.itsm.helpdesk import Seen
from integrations.itsm.servicenow_table import MOST_LONG, MOST_SHORT, Table, uncoded
from integrations.itsm.settings import ServiceNowChanges
from integrations.itsm.text import cut


class ServiceNowChangeDesk:
    """The change requests of one instance. See ChangeDesk.

    Args:
        changes: the table.
        settings: what the channels file says of change requests.
        settle_s: as of the channel.
    """

    most_text = MOST_LONG

    def __init__(self, changes: Table, settings: ServiceNowChanges, settle_s: float) -> None:
        self._changes = changes
        self._settings = settings
        self._settle_s = settle_s
        states = settings.states
        before = (states.new, states.assess, states.authorize, states.scheduled)
        line = (*before, states.implement, states.review, states.closed)
        self._line = [state for state in line if state is not None]

    @property
    def settle_s(self) -> float:
        """See ChangeDesk."""
        return self._settle_s

    async def find(self, approval: str) -> str | None:
        """By ``correlation_id``."""
        return await self._changes.find(approval)

    async def create(self, proposal: Proposal) -> str:
        """In the state that the instance gives it. ``parent`` is the incident's record."""
        texts = {
            "description": proposal.text,
            "implementation_plan": proposal.plan,
            "backout_plan": proposal.back,
            "risk_impact_analysis": proposal.hits,
            "justification": proposal.why,
        }
        body: JsonObject = {
            **self._settings.fields,
            **{name: cut(uncoded(text), MOST_LONG) for name, text in texts.items()},
            "type": self._settings.type,
            "short_description": cut(uncoded(proposal.title), MOST_SHORT),
            "parent": proposal.ticket,
            "correlation_id": proposal.approval,
            "correlation_display": "Firebreak",
        }
        return await self._changes.create(body)

    async def look(self, change: str) -> Seen | None:
        """See Table.look."""
        record = await self._changes.look(change)
        if record is None:
            return None
        ends = (self._settings.states.closed, self._settings.states.canceled)
        return Seen(record.sys_id, record.state, record.state in ends)

    async def marks(self, change: str, incident: str) -> set[str]:
        """In the work notes."""
        return marks.found(incident, (await self._changes.notes(change),))

    async def move(self, seen: Seen, turn: Turn) -> None:
        """State by state, as the state model demands; people's own steps are left as they are."""
        steps = self._steps(seen, turn.course)
        for state in steps[:-1]:
            await self._changes.change(seen.ticket, {"state": state})
        last: JsonObject = {"work_notes": uncoded(turn.note)} if turn.note else {}
        if steps:
            last["state"] = steps[-1]
        if steps and steps[-1] == self._settings.states.closed:
            settings = self._settings
            code = settings.close_code if turn.completed else settings.close_code_else
            last |= {"close_code": code, "close_notes": uncoded(turn.words)}
        if last:
            await self._changes.change(seen.ticket, last)

    def _steps(self, seen: Seen, course: Course) -> list[str]:
        """The states to go through, the last one is to be shown; none: it is there, or further."""
        if seen.closed:
            return []
        states = self._settings.states
        if course is Course.DROPPED:
            # Work that is under review can no longer be canceled.
            return [] if seen.status == states.review else [states.canceled]
        wanted = {
            Course.ASKED: states.authorize,
            Course.AGREED: states.implement,
            Course.FAILED: states.review,
            Course.DONE: states.closed if self._settings.close else states.review,
        }[course]
        line, at = self._line, seen.status
        # From a state that nobody named in the settings it is tried straight.
        return line[line.index(at) + 1 : line.index(wanted) + 1] if at in line else [wanted]
