"""The builders of ticket channels, by the kinds that a channels file names."""

from collections.abc import Callable, Mapping

from firebreak.contracts.people import Channel
from firebreak.domain.base import JsonObject
from integrations.itsm import kinds

KINDS: Mapping[str, Callable[[str, JsonObject, kinds.Tools], Channel]] = {
    "rt": kinds.request_tracker,
    "servicenow": kinds.servicenow,
    "jira-sm": kinds.jira_sm,
}
