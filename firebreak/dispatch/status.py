"""How a channel stands, from what its lane knows."""

from firebreak.contracts.people import Weight
from firebreak.dispatch.lane import Lane
from firebreak.domain.channel import ChannelStanding, ChannelStatus

_TELLS = {Weight.DETAIL: "all", Weight.PROGRESS: "progress"}


def status(lane: Lane) -> ChannelStatus:
    """The channel as this server sees it."""
    rules = lane.rules
    return ChannelStatus(
        name=rules.name,
        kind=rules.kind,
        tells=_TELLS.get(rules.weight, "asks"),
        standing=_standing(lane),
        backlog=len(lane.queue),
        oldest=min((item.oldest for item in lane.queue), default=None),
        failing_since=lane.failing_since,
        last_told=lane.last_told,
        last_error=_error(lane),
        failures=lane.failures,
        told=lane.told,
        instead=rules.instead,
    )


def _standing(lane: Lane) -> ChannelStanding:
    if _error(lane):
        return ChannelStanding.FAILING
    if len(lane.queue):
        return ChannelStanding.BEHIND
    return ChannelStanding.STANDBY if lane.rules.standby else ChannelStanding.OK


def _error(lane: Lane) -> str:
    """Of the channel, or else of a chain that it refuses."""
    return lane.last_error or next((item.error for item in lane.queue if item.error), "")
