"""Prometheus metrics: what came in, what was started, and what waits for people."""

import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from firebreak.contracts.ledger import Ledger
from firebreak.domain.channel import ChannelStatus
from firebreak.domain.hold import HoldState
from firebreak.errors import LedgerUnavailable
from firebreak.policy.live import PolicyStatus

CACHE_S = 5.0
COUNTED_INCIDENTS = 10_000
REMEMBERED_INCIDENTS = 10_000


class Told(Protocol):
    """What knows how the channels stand."""

    def statuses(self) -> Sequence[ChannelStatus]:
        """Each of them."""
        ...


class Metrics:
    """The metrics of one API process.

    ``responses_started`` counts the incidents this process saw for the first time: alerts that
    joined a running response do not count.
    """

    def __init__(self, told: Told | None = None) -> None:
        """A registry of its own: nothing global. ``told``: asked for channels at each scrape."""
        self._registry = CollectorRegistry()
        if told is not None:
            self._registry.register(_Channels(told))
        self.alerts = Counter(
            "firebreak_alerts",
            "Alerts by source and what became of them (duplicate and unreadable included)",
            ["source", "disposition"],
            registry=self._registry,
        )
        self.intake_seconds = Histogram(
            "firebreak_intake_seconds",
            "From a request's arrival to its answer, alerts handed over",
            ["source"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=self._registry,
        )
        self._started = Counter(
            "firebreak_responses_started",
            "Responses started through this process",
            ["playbook"],
            registry=self._registry,
        )
        self._ledger_up = self._gauge("ledger_up", "Whether the ledger answered at this scrape")
        self._pending = self._gauge("approvals_pending", "Approvals that wait for people")
        self._active = self._gauge("holds_active", "Holds in force")
        self._stuck = self._gauge("holds_stuck", "Holds that a person has to end")
        self.holds_overdue = self._gauge(
            "holds_overdue", "Holds past their time, at the last look of this process"
        )
        self.holds_overdue.set(float("nan"))  # nobody has looked yet
        self._glasses = self._gauge("glasses_in_force", "Break-glasses in force")
        self._reviews = self._gauge("reviews_open", "Break-glasses that wait for their review")
        self._overdue = self._gauge("reviews_overdue", "Of those, how many should be closed by now")
        self._open = self._gauge("incidents_open", "Incidents that are not closed")
        self._policy_broken = self._gauge(
            "policy_broken", "Whether the policy files are broken, and older ones decide here"
        )
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._read_at = float("-inf")

    def started(self, playbook: str, incident: str) -> None:
        """Count a response, once."""
        if incident in self._seen:
            return
        self._seen[incident] = None
        if len(self._seen) > REMEMBERED_INCIDENTS:
            self._seen.popitem(last=False)
        self._started.labels(playbook).inc()

    async def exposition(self, ledger: Ledger) -> bytes:
        """The text format, with the ledger's figures at most five seconds old."""
        if time.monotonic() - self._read_at >= CACHE_S:
            await self._read(ledger)
            self._read_at = time.monotonic()
        return generate_latest(self._registry)

    async def _read(self, ledger: Ledger) -> None:
        try:
            holds = await ledger.holds()
            pending = await ledger.approvals(pending_only=True)
            glasses = await ledger.glasses()
            opened = await ledger.incidents(status="open", limit=COUNTED_INCIDENTS)
        except LedgerUnavailable:
            self._ledger_up.set(0)
            for gauge in self._of_ledger():
                gauge.set(float("nan"))  # unknown is not zero
            return
        self._ledger_up.set(1)
        self._pending.set(len(pending))
        self._active.set(sum(hold.state is HoldState.ACTIVE for hold in holds))
        self._stuck.set(sum(hold.state is HoldState.STUCK for hold in holds))
        self._open.set(len(opened))
        now = datetime.now(UTC)
        self._glasses.set(sum(glass.in_force(now) for glass in glasses))
        self._reviews.set(sum(glass.to_review(now) for glass in glasses))
        self._overdue.set(sum(glass.overdue(now) for glass in glasses))

    def policy(self, status: PolicyStatus) -> None:
        """Say whether the policy files are good."""
        self._policy_broken.set(status.problem is not None)

    def _of_ledger(self) -> tuple[Gauge, ...]:
        """What is not known while the ledger does not answer."""
        waiting = (self._pending, self._active, self._stuck, self._open)
        return (*waiting, self._glasses, self._reviews, self._overdue)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"firebreak_{name}", text, registry=self._registry)


class _Channels(Collector):
    """How channels stand, read when it is asked for."""

    def __init__(self, told: Told) -> None:
        self._told = told

    def collect(self) -> Iterator[Metric]:
        backlog = GaugeMetricFamily(
            "firebreak_channel_backlog",
            "Incidents with news that a channel has not been told",
            labels=["channel"],
        )
        oldest = GaugeMetricFamily(
            "firebreak_channel_oldest_seconds",
            "Age of the oldest news that a channel has not been told; 0 when nothing waits",
            labels=["channel"],
        )
        failures = CounterMetricFamily(
            "firebreak_channel_failures", "Calls of a channel that failed", labels=["channel"]
        )
        told = CounterMetricFamily(
            "firebreak_channel_told", "Calls of a channel that went well", labels=["channel"]
        )
        now = datetime.now(UTC)
        for each in self._told.statuses():
            age_s = (now - each.oldest).total_seconds() if each.oldest else 0.0
            backlog.add_metric([each.name], each.backlog)
            oldest.add_metric([each.name], age_s)
            failures.add_metric([each.name], each.failures)
            told.add_metric([each.name], each.told)
        yield from (backlog, oldest, failures, told)
