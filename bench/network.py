"""Moves a second on every road into a network, beside the best raw client: ``make bench-network``.

Writes ``bench/out/network.json`` with ``coa_ratio``, ``snmp_ratio`` and ``cli_batch_speedup``.
"""

import asyncio
import json
import os
from pathlib import Path

from bench import network_cli, network_radius, network_snmp


async def measure() -> dict[str, object]:
    """One road after the other, so that none disturbs another."""
    figures: dict[str, object] = {"cores": os.cpu_count()}
    for road in (network_radius, network_snmp, network_cli):
        figures |= await road.measure()
    return figures


def main() -> None:
    """Measure, print and write bench/out/network.json."""
    figures = asyncio.run(measure())
    out = Path(__file__).parent / "out" / "network.json"
    out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
