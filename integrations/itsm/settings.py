"""What the channels file says about a ticket system, and what is assumed when it does not."""

from ipaddress import ip_address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, model_validator

from firebreak.domain.base import Model, SecretRef
from integrations.itsm.helpdesk import Phase

_Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/@?#]+(/[^\s@?#]*)?$")]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
# Fits between the quotes of a query (TicketSQL) as it is.
_Quotable = Annotated[str, StringConstraints(pattern=r"^[^'\"{}\\]{1,200}$")]
_SEVERITIES = 7  # OCSF: unknown, informational, low, medium, high, critical, fatal


class TicketSystem(Model):
    """What all of them have. Times are seconds.

    ``settle_s``: how long a write that was not answered may take to show up; until then it is
    neither repeated nor given up.
    """

    url: _Url
    ca_file: str | None = None
    timeout_s: float = Field(default=10.0, gt=0, le=60)
    settle_s: float = Field(default=30.0, ge=0, le=600)

    @model_validator(mode="after")
    def _safe_way(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme != "https" and not _is_loopback(parts.hostname):
            raise ValueError("use https: anyone on this way could read the credential")
        return self


class Statuses(Model):
    """The status that each phase has in the ticket system, by its name there."""

    open: _Name
    waiting: _Name
    contained: _Name
    failed: _Name
    resolved: _Name

    def of(self, phase: Phase) -> str:
        """The status of a phase."""
        return str(getattr(self, phase.value))


class RequestTracker(TicketSystem):
    """Request Tracker 5. ``custom_field`` holds the incident's id, if there is one for that.

    ``priority``: by severity, from unknown to fatal.
    """

    kind: Literal["rt"] = "rt"
    token: SecretRef
    queue: _Quotable
    custom_field: _Quotable | None = None
    statuses: Statuses = Statuses(
        open="open", waiting="stalled", contained="open", failed="open", resolved="resolved"
    )
    closed: tuple[_Name, ...] = ("resolved", "rejected")
    priority: tuple[int, ...] = Field(
        default=(50, 10, 20, 40, 70, 90, 100), min_length=_SEVERITIES, max_length=_SEVERITIES
    )


class ChangeStates(Model):
    """Values of ``state`` of change requests; None: this type of change skips the state."""

    new: _Name = "-5"
    assess: _Name | None = None
    authorize: _Name = "-3"
    scheduled: _Name | None = "-2"
    implement: _Name = "-1"
    review: _Name = "0"
    closed: _Name = "3"
    canceled: _Name = "4"


class ServiceNowChanges(Model):
    """One change request for each request for approval.

    ``fields``: more fields of a new record. ``close``: false leaves the end of it to people.
    ``close_code``, ``close_code_else``: of a response that was completed, and of any other.
    """

    type: _Name = "emergency"
    states: ChangeStates = ChangeStates()
    fields: dict[str, str] = Field(default_factory=dict)
    close: bool = True
    close_code: _Name = "successful"
    close_code_else: _Name = "unsuccessful"


class ServiceNow(TicketSystem):
    """ServiceNow's incident table. ``token`` (OAuth), or ``username`` and ``password``.

    ``statuses``: values of ``state``. ``urgency`` and ``impact``: by severity; ServiceNow works
    out the priority. ``fields``: more fields of a new record, such as ``assignment_group``.
    ``on_resolve``: fields that a record needs to be resolved. ``change``: with change requests.
    """

    kind: Literal["servicenow"] = "servicenow"
    username: str | None = None
    password: SecretRef | None = None
    token: SecretRef | None = None
    statuses: Statuses = Statuses(open="2", waiting="2", contained="2", failed="2", resolved="6")
    closed: tuple[_Name, ...] = ("6", "7", "8")
    urgency: tuple[int, ...] = Field(
        default=(2, 3, 3, 2, 1, 1, 1), min_length=_SEVERITIES, max_length=_SEVERITIES
    )
    impact: tuple[int, ...] = Field(
        default=(2, 3, 3, 2, 2, 1, 1), min_length=_SEVERITIES, max_length=_SEVERITIES
    )
    fields: dict[str, str] = Field(default_factory=dict)
    on_resolve: dict[str, str] = Field(default={"close_code": "Solution provided"})
    change: ServiceNowChanges | None = None

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        basic = self.username is not None and self.password is not None
        if basic == (self.token is not None) or (self.username is None) != (self.password is None):
            raise ValueError("give either token, or username and password")
        return self


class JiraServiceManagement(TicketSystem):
    """Jira Service Management, as the account of ``email`` with its API token.

    ``priority``: names by severity, for request types whose form has that field. ``fields``: more
    fields of a new request. A search may lag behind, so ``settle_s`` is longer.
    """

    kind: Literal["jira-sm"] = "jira-sm"
    email: _Name
    token: SecretRef
    service_desk: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,50}$")]
    request_type: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
    settle_s: float = Field(default=120.0, ge=0, le=600)
    statuses: Statuses = Statuses(
        open="In Progress",
        waiting="Pending",
        contained="In Progress",
        failed="In Progress",
        resolved="Resolved",
    )
    closed: tuple[_Name, ...] = ("Resolved", "Closed", "Canceled", "Done")
    priority: tuple[str, ...] | None = Field(
        default=None, min_length=_SEVERITIES, max_length=_SEVERITIES
    )
    fields: dict[str, str] = Field(default_factory=dict)


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False
