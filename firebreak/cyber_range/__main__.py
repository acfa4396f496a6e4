"""A range as a process of its own: ``python -m firebreak.cyber_range --state DIR``.

Prints one JSON line when everything listens, and runs until SIGTERM or SIGINT.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import get_args

from firebreak.cyber_range.control import ControlServer
from firebreak.cyber_range.roads import ROADS
from firebreak.cyber_range.site import BOT, Range
from firebreak.cyber_range.statedir import Road
from firebreak.domain.estate import Platform


def arguments() -> argparse.Namespace:
    """The command line."""
    platforms = [p for p in get_args(Platform) if p != "ovs_linux"]
    parser = argparse.ArgumentParser(prog="python -m firebreak.cyber_range", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="directory the range lives in")
    parser.add_argument("--devices", type=int, default=20)
    parser.add_argument("--switches", type=int, default=2)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--platform", action="append", choices=platforms, help="may be repeated")
    parser.add_argument(
        "--road", action="append", choices=[*get_args(Road), "none"], help="may be repeated"
    )
    parser.add_argument(
        "--minute", type=float, default=60, help="seconds in a minute of commit confirmed"
    )
    return parser.parse_args()


async def run(options: argparse.Namespace) -> None:
    """Start, say so, and wait to be told to end."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    site = Range.build(
        options.state,
        devices=options.devices,
        switches=options.switches,
        platforms=options.platform or ("cisco_ios",),
        roads=[road for road in options.road or ROADS if road != "none"],
        seed=options.seed,
        minute_s=options.minute,
    )
    async with site, ControlServer(site):
        ready = {
            "ready": True,
            "pid": os.getpid(),
            "estate": str(site.estate_file),
            "control": str(site.state.control_socket),
            "port": site.port,
            "bot": BOT,
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    try:
        asyncio.run(run(arguments()))
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(f"the range can't start: {error}")
