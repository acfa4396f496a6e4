"""The embedded Temporal: its command line, and that a killed one comes back with its data."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from temporalio.client import Client

from firebreak.embedded import DevServer, find_program
from firebreak.errors import DefinitionError
from firebreak.search import NAMES
from firebreak.supervisor import Child, Supervisor
from tests.ports import free_port
from tests.workflows.temporal_server import wait_until_serving


def test_a_missing_program_is_explained_by_the_extra_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DefinitionError, match="embedded"):
        find_program()


def test_it_listens_on_loopback_only_and_reads_no_settings_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "production:7233")
    server = DevServer(directory=tmp_path, port=7233)
    command = server.command()
    assert command[command.index("--ip") + 1] == "127.0.0.1"
    assert "--disable-config-file" in command
    assert "TEMPORAL_ADDRESS" not in server.environment()
    assert server.environment()["HOME"] == str(tmp_path)


async def test_a_killed_temporal_comes_back_with_its_workflows_and_attributes(
    tmp_path: Path,
) -> None:
    server = DevServer(directory=tmp_path, port=free_port())
    supervisor = Supervisor(tmp_path, lambda _: None)
    await supervisor.start(
        Child("temporal", server.command(), server.environment(), tmp_path / "temporal.log")
    )
    try:
        client = await wait_until_serving(server.address)
        supervisor.settled()
        handle = await client.start_workflow("Any", id="kept", task_queue="nobody")
        before = supervisor.pids()["temporal"]
        os.kill(before, signal.SIGKILL)
        again = await _served_by_another(server.address, supervisor, before)
        assert (await again.get_workflow_handle("kept").describe()).run_id == handle.result_run_id
        for name in NAMES:
            assert (await again.count_workflows(f"{name} = 'x'")).count == 0
    finally:
        await supervisor.stop()


async def _served_by_another(address: str, supervisor: Supervisor, before: int) -> Client:
    async with asyncio.timeout(20):
        while True:
            if supervisor.pids()["temporal"] != before:
                break
            await asyncio.sleep(0.02)
    return await wait_until_serving(address)
