"""The kinds of ticket system that a channels file can name, and how each is built."""

from collections.abc import Callable
from typing import Protocol

from firebreak.contracts.people import Channel
from firebreak.domain.base import JsonObject
from integrations.itsm.change import ChangeDesk
from integrations.itsm.channel import TicketChannel
from integrations.itsm.helpdesk import Helpdesk
from integrations.itsm.jira_sm import JiraDesk
from integrations.itsm.rt import RtDesk
from integrations.itsm.servicenow import ServiceNowDesk
from integrations.itsm.servicenow_change import ServiceNowChangeDesk
from integrations.itsm.servicenow_table import Table
from integrations.itsm.settings import (
    JiraServiceManagement,
    RequestTracker,
    ServiceNow,
)
from integrations.itsm.telling import Voice


class Tools(Protocol):
    """What a ticket channel needs of its surroundings."""

    @property
    def render(self) -> Callable[[str, JsonObject], str]:
        """``render("tickets/opening.j2", facts)``; raises DefinitionError."""
        ...

    @property
    def link(self) -> Callable[[str], str]:
        """Where people can look an incident up; "" when no public address is set."""
        ...


def request_tracker(name: str, config: JsonObject, tools: Tools) -> Channel:
    """A channel of kind ``rt``.

    Raises:
        pydantic.ValidationError: the fields are not those of settings.RequestTracker.
        DefinitionError: ``ca_file`` holds no certificate.
    """
    settings = RequestTracker.model_validate(config)
    return _channel(name, RtDesk(name, settings), tools)


def servicenow(name: str, config: JsonObject, tools: Tools) -> Channel:
    """A channel of kind ``servicenow``; raises as ``request_tracker``, for settings.ServiceNow."""
    settings = ServiceNow.model_validate(config)
    desk = ServiceNowDesk(name, settings)
    changes: ChangeDesk | None = None
    if settings.change is not None:
        table = Table(desk.api, "change_request")
        changes = ServiceNowChangeDesk(table, settings.change, settings.settle_s)
    return _channel(name, desk, tools, changes)


def jira_sm(name: str, config: JsonObject, tools: Tools) -> Channel:
    """A channel of kind ``jira-sm``; as ``request_tracker``, for settings.JiraServiceManagement."""
    settings = JiraServiceManagement.model_validate(config)
    return _channel(name, JiraDesk(name, settings), tools)


def _channel(name: str, desk: Helpdesk, tools: Tools, changes: ChangeDesk | None = None) -> Channel:
    return TicketChannel(Voice(name, tools.render, tools.link), desk, changes)
