"""A Temporal worker: the workflows in their sandbox, and the activities it was given."""

import asyncio
import dataclasses
from collections.abc import Callable
from datetime import timedelta

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, PayloadCodec
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.steps import Steps
from firebreak.sandbox import sandboxed
from firebreak.settings import Settings
from workflows.hold import HoldWorkflow
from workflows.preview import PreviewWorkflow
from workflows.response import ResponseWorkflow

WORKFLOWS = (ResponseWorkflow, HoldWorkflow, PreviewWorkflow)


def data_converter(codec: PayloadCodec | None) -> DataConverter:
    """Pydantic models as JSON, encrypted when a codec is given."""
    return dataclasses.replace(pydantic_data_converter, payload_codec=codec)


async def connect(
    settings: Settings, codec: PayloadCodec | None, waiting: Callable[[str], None]
) -> Client:
    """Connect to Temporal, however long it takes; ``waiting`` hears why it does."""
    pause = 0.1
    while True:
        try:
            return await Client.connect(
                settings.temporal_address,
                namespace=settings.temporal_namespace,
                tls=settings.temporal_tls,
                data_converter=data_converter(codec),
            )
        except (RuntimeError, RPCError) as error:
            waiting(str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 5)


def build_worker(client: Client, settings: Settings, steps: Steps) -> Worker:
    """The worker of one process, ready to run."""
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=list(WORKFLOWS),
        activities=steps.all(),
        workflow_runner=sandboxed(),
        max_cached_workflows=settings.cached_workflows,
        # A burst has to wait at the server: what waits in here runs into the task time-out.
        max_concurrent_workflow_tasks=16,
        max_concurrent_activities=settings.concurrent_effects,
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=settings.workflow_task_timeout_s),
        graceful_shutdown_timeout=timedelta(seconds=10),
    )
