"""One Temporal dev server for a test session, started the way `firebreak up` starts it."""

import asyncio
import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from firebreak.embedded import DevServer
from firebreak.errors import Unreachable
from tests.ports import free_port


@contextlib.contextmanager
def temporal_server(
    directory: Path, *, sync: Literal["full", "normal", "memory"] = "memory"
) -> Iterator[str]:
    """Run a dev server and give its address; fast by default, for nothing needs to outlive it."""
    directory.mkdir(parents=True, exist_ok=True)
    server = DevServer(directory=directory, port=free_port(), sync=sync)
    log = directory / "temporal.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            server.command(), env=server.environment(), stdout=sink, stderr=sink
        )
    try:
        asyncio.run(wait_until_serving(server.address))
        yield server.address
    finally:
        process.kill()  # a test session's server has nothing worth a graceful end
        process.wait()


async def wait_until_serving(
    address: str, namespace: str = "default", within_s: float = 30
) -> Client:
    """A client, once the namespace really answers.

    Raises:
        Unreachable: it did not within ``within_s`` seconds.
    """
    try:
        async with asyncio.timeout(within_s):
            return await _first_answer(address, namespace)
    except TimeoutError as error:
        raise Unreachable(f"Temporal did not answer at {address} in {within_s:g} s") from error


async def _first_answer(address: str, namespace: str) -> Client:
    while True:
        try:
            client = await Client.connect(address, namespace=namespace)
            await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=namespace)
            )
        except (RPCError, RuntimeError):  # the SDK says RuntimeError for "cannot connect"
            await asyncio.sleep(0.05)
        else:
            return client
