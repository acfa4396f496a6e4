"""Small playbooks, as programs, for tests of the engine."""

from firebreak.playbook.program import (
    AnyStep,
    Approve,
    Do,
    HoldSpec,
    Program,
    Release,
)

LADDER = ("switch", "port-down")


def contain(**more: object) -> Do:
    values = {
        "id": "contain",
        "action": "network.quarantine",
        "ladder": LADDER,
        "hold": HoldSpec(for_s=3600),
        **more,
    }
    return Do.model_validate(values)


def note(step: str = "note", text: str = "done", **more: object) -> Do:
    values = {"id": step, "action": "incident.note", "inputs": {"text": text}, "quick": True}
    return Do.model_validate({**values, **more})


def probe(step: str = "look", **more: object) -> Do:
    return Do.model_validate({"id": step, "action": "device.probe", **more})


def release(**more: object) -> Release:
    return Release.model_validate({"id": "back", **more})


def ask(**more: object) -> Approve:
    values = {"id": "sure", "role": "on-call", "plan": ("back",), "within_s": 60, **more}
    return Approve.model_validate(values)


def program(*steps: AnyStep, name: str = "test") -> Program:
    return Program(name=name, version=1, summary="a test", steps=steps)
