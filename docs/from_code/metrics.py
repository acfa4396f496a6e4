"""docs/reference/metrics.md: every Prometheus metric that the server exposes."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from docs.from_code.markdown import code, codes, page, table
from firebreak.domain.channel import ChannelStanding, ChannelStatus
from firebreak.ledger.store import SqlLedger
from firebreak.server.metrics import Metrics

_INTRO = """\
`GET /metrics` of the server answers in Prometheus' text format: without a token on the loopback
address, with a reader's token from elsewhere. Figures of the ledger are at most five seconds old,
and NaN while the ledger does not answer: unknown is not zero.

Worth an alarm of its own: `firebreak_holds_stuck > 0` (a person has to look at a device now),
`firebreak_holds_overdue > 0` for more than a minute (nothing ends the quarantine of a device),
`firebreak_ledger_up == 0` (nothing can be done),
`firebreak_channel_oldest_seconds > 60` (people are not told), `firebreak_glasses_in_force > 0`
(somebody overrides what protects), `firebreak_reviews_overdue > 0`, `firebreak_policy_broken == 1`
(older policies decide than those on disk), and alerts with `disposition="failed"`."""


class _OneChannel:
    """A metric with labels shows itself once there is something to label."""

    def statuses(self) -> tuple[ChannelStatus, ...]:
        ok = ChannelStanding.OK
        return (ChannelStatus(name="chat", kind="slack", tells="asks", standing=ok, backlog=0),)


def render() -> str:
    """The page. Raises ValueError when a metric is not explained."""
    rows = [_row(family) for family in asyncio.run(_families())]
    columns = ("metric", "type", "labels", "what it counts")
    return page("Metrics", "firebreak/server/metrics.py", _INTRO, table(columns, sorted(rows)))


async def _families() -> list[Metric]:
    with TemporaryDirectory() as directory:
        ledger = await SqlLedger.open(f"sqlite:///{Path(directory) / 'ledger.db'}")
        try:
            metrics = Metrics(_OneChannel())
            # A metric with labels shows itself once each label has a value.
            metrics.alerts.labels("suricata", "responded").inc()
            metrics.intake_seconds.labels("suricata").observe(0)
            metrics.started("mirai-botnet", "inc-000000000000")
            text = (await metrics.exposition(ledger)).decode()
        finally:
            await ledger.close()
    found = text_string_to_metric_families(text)
    return [family for family in found if not family.name.endswith("_created")]


def _row(family: Metric) -> tuple[str, str, str, str]:
    if not family.documentation:
        raise ValueError(f"metric {family.name} is not explained")
    labels = {label for sample in family.samples for label in sample.labels} - {"le"}
    name = f"{family.name}_total" if family.type == "counter" else family.name
    return code(name), family.type, codes(sorted(labels)), family.documentation
