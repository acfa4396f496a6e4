"""The sandbox that workflows run in, here and in a replayer."""

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import Info

# What every workflow instance would otherwise import anew: third-party modules that are pure, and
# ours. Of our own only what import-linter keeps pure, activities, of which workflows use names
# alone, and what the workflows are made of, which tests/unit/test_sandbox.py keeps from clocks and
# state; never a module that defines a workflow: those the sandbox watches.
PASSED_THROUGH = (
    "jinja2",
    "markupsafe",
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "typing_inspection",
    "rfc8785",
    "firebreak.domain",
    "firebreak.errors",
    "firebreak.contracts",
    "firebreak.playbook",
    "firebreak.search",
    "activities",
    "workflows.messages",
    "workflows.board",
    "workflows.answers",
    "workflows.asking",
    "workflows.calls",
    "workflows.outbox",
    "workflows.runtime",
)


def sandboxed() -> SandboxedWorkflowRunner:
    """The SDK's sandbox, with our restrictions."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return _Sandbox(restrictions=restrictions)


class _Sandbox(SandboxedWorkflowRunner):
    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """See WorkflowRunner."""
        return _Instance(super().create_instance(det))


class _Instance(WorkflowInstance):
    """A workflow in the sandbox that is not asked what its payloads belong to.

    The SDK asks several times for each payload, each time by code that it compiles and runs in the
    sandbox: about 40 times a response, a fifth of a worker's throughput. Our converter and codec
    are the same for all payloads, and none is stored elsewhere, so there is one answer.
    """

    def __init__(self, inner: WorkflowInstance) -> None:
        """``inner``: the SDK's own."""
        self._inner = inner

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """See WorkflowInstance."""
        return self._inner.activate(act)

    def get_serialization_context(self, command_info: object) -> None:
        """See WorkflowInstance. None: that of the worker."""
        del command_info

    def get_external_store_context(self, command_info: object) -> StorageDriverStoreContext:
        """See WorkflowInstance."""
        del command_info
        return _NOWHERE

    def get_info(self) -> Info:
        """See WorkflowInstance."""
        return self._inner.get_info()

    def get_thread_id(self) -> int | None:
        """See WorkflowInstance."""
        return self._inner.get_thread_id()


_NOWHERE = StorageDriverStoreContext(target=None)
