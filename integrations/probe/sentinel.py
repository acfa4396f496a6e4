"""The independent probe: only silence seen by a vantage point that works counts as contained."""

import asyncio
import ipaddress
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog

from firebreak.domain.device import Device
from firebreak.domain.estate import Sentinel
from firebreak.domain.plan import ProbeReport, Reach
from integrations.probe.attempts import COMMAND_OVERHEAD_S, End, Try, reach

log = structlog.get_logger(__name__)


class SentinelProbe:
    """Looks at a device from its site's sentinel.

    One answer is enough for REACHABLE. UNREACHABLE needs every attempt to end in silence and the
    control target to answer both while they were made and after them. Anything else is
    INCONCLUSIVE.
    """

    def __init__(self, sites: Mapping[str, Sentinel]) -> None:
        """``sites`` maps a site's id to its sentinel."""
        self._sites = dict(sites)

    async def look(self, device: Device) -> ProbeReport:
        """See contracts.Probe. Raises nothing; ends in a time bounded by the sentinel's own."""
        sentinel = self._sites.get(device.site)
        if sentinel is None:
            return _report("none", device.id, "none", f"site {device.site} has no sentinel")
        if device.ip is None:
            return _report(sentinel.id, device.id, sentinel.method, "the inventory has no IP of it")
        target = seen_from(sentinel, device.ip)
        name = f"{target}:{sentinel.port}" if sentinel.method == "tcp" else target
        try:
            async with asyncio.timeout(_longest(sentinel)):
                verdict, detail = await _judge(sentinel, target)
        except TimeoutError:
            verdict, detail = Reach.INCONCLUSIVE, "the look did not end in time"
        except (
            Exception
        ) as error:  # a probe that fails must read as "nobody knows", whatever failed
            log.exception("probe failed", sentinel=sentinel.id, device=device.id)
            verdict, detail = Reach.INCONCLUSIVE, f"the probe itself failed: {type(error).__name__}"
        return _report(sentinel.id, name, sentinel.method, detail, verdict)


def seen_from(sentinel: Sentinel, ip: str) -> str:
    """The address under which the vantage point sees the inventory's ``ip`` (1:1 NAT)."""
    address = ipaddress.ip_address(ip)
    for inside, outside in sentinel.nat.items():
        network, there = ipaddress.ip_network(inside), ipaddress.ip_network(outside)
        if address in network:
            return str(there[int(address) - int(network.network_address)])
    return ip


async def _judge(sentinel: Sentinel, target: str) -> tuple[Reach, str]:
    control, control_port = seen_from(sentinel, sentinel.control), sentinel.control_port
    control_port = control_port or sentinel.port
    device, during = await asyncio.gather(
        _tries(sentinel, target, sentinel.port), _tries(sentinel, control, control_port)
    )
    if device[-1].end is End.ANSWERED:
        return Reach.REACHABLE, device[-1].detail
    broken = next((t for t in device if t.end is End.BROKEN), None)
    if broken is not None:
        return Reach.INCONCLUSIVE, broken.detail
    after = await _tries(sentinel, control, control_port)
    for when, tries in (("during", during), ("after", after)):
        if tries[-1].end is not End.ANSWERED:
            why = f"control target {control} did not answer {when} the look: {tries[-1].detail}"
            return Reach.INCONCLUSIVE, why
    return Reach.UNREACHABLE, f"{len(device)} attempts, {device[-1].detail}; the control answered"


async def _tries(sentinel: Sentinel, ip: str, port: int | None) -> list[Try]:
    """Try until it answers, at most ``attempts`` times."""
    tries: list[Try] = []
    while len(tries) < sentinel.attempts:
        tries.append(await reach(sentinel, ip, port))
        if tries[-1].end is End.ANSWERED:
            break
    return tries


def _longest(sentinel: Sentinel) -> float:
    one = sentinel.timeout_s + 1 + (COMMAND_OVERHEAD_S if sentinel.via else 0)
    return 2 * sentinel.attempts * one


def _report(
    vantage: str, target: str, method: str, detail: str, verdict: Reach = Reach.INCONCLUSIVE
) -> ProbeReport:
    return ProbeReport(
        vantage=vantage,
        target=target,
        method=method,
        reach=verdict,
        detail=detail,
        at=datetime.now(UTC),
    )
