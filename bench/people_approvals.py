"""From a person's yes to the effect, 200 requests open at once, beside a raw Temporal update.

Raw: an update with a validator lets a workflow go on to one activity. Ours: the API authenticates
the person, the vote is counted and put on disk, and the effect starts under its intent.
"""

import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import uvloop

from bench.raw import QUEUE, RawApproval, RawInput
from bench.respond import Workbench, workbench
from firebreak.domain.people import Approval

OPEN = 200
AT_ONCE = 20


async def measure() -> dict[str, object]:
    """Open all requests on both sides, then answer them one at a time, in turns."""
    with tempfile.TemporaryDirectory(prefix="firebreak-bench-") as folder:
        async with workbench(Path(folder), sync="full", mode="approved", workers=1) as (w, _):
            raw, ours = await _opened_raw(w), await _opened(w)
            took: dict[str, list[float]] = {"raw": [], "ours": []}
            for who, approval in zip(raw, ours, strict=True):
                took["raw"].append(await _update(w, who))
                took["ours"].append(await _click(w, approval))
    medians = {name: statistics.median(values) * 1e3 for name, values in took.items()}
    return {
        "approvals_open": OPEN,
        **{f"approval_{name}_p50_ms": round(value, 1) for name, value in medians.items()},
        "approval_ratio": round(medians["ours"] / medians["raw"], 3),
    }


async def _opened_raw(w: Workbench) -> list[str]:
    names = [f"raw-{uuid4().hex}" for _ in range(OPEN)]
    for who in names:
        await w.client.start_workflow(
            RawApproval.run, RawInput(who, local=False), id=who, task_queue=QUEUE
        )
    return names


async def _opened(w: Workbench) -> list[Approval]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with room:
            await w.alert()

    await asyncio.gather(*(one() for _ in range(OPEN)))
    async with asyncio.timeout(120):
        while True:
            answer = await w.http.get("/approvals", headers=w.approver)
            found = [Approval.model_validate(row) for row in answer.json()["approvals"]]
            if len(found) == OPEN:
                return found
            await asyncio.sleep(0.2)


async def _update(w: Workbench, who: str) -> float:
    handle = w.client.get_workflow_handle_for(RawApproval.run, who)
    began = time.time()
    await handle.execute_update(RawApproval.approve, "on-call-a")
    return await w.listener.last_effect(who) - began


async def _click(w: Workbench, approval: Approval) -> float:
    device = (await w.http.get(f"/incidents/{approval.incident}", headers=w.approver)).json()
    said = {"verdict": "approve", "plan_hash": approval.plan_hash, "reason": "seen"}
    began = time.time()
    answer = await w.http.post(f"/approvals/{approval.id}/decide", json=said, headers=w.approver)
    answer.raise_for_status()
    return await w.listener.last_effect(device["incident"]["device"]) - began


if __name__ == "__main__":
    print(json.dumps(uvloop.run(measure()), indent=2))
