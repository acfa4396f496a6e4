"""What there is: devices and playbooks."""

from typing import Annotated

from fastapi import APIRouter, Path

from firebreak.domain.base import Model
from firebreak.domain.device import Device
from firebreak.playbook.program import Input
from firebreak.server import problems
from firebreak.server.auth import Reader
from firebreak.server.services import Use

router = APIRouter(tags=["estate"], responses=problems.PROBLEMS)


class Devices(Model):
    """A list of devices."""

    devices: tuple[Device, ...]


class PlaybookRow(Model):
    """A playbook in a list; `digest` pins exactly what it does."""

    name: str
    version: int
    summary: str
    digest: str
    triggers: tuple[str, ...]
    inputs: dict[str, Input]


class PlaybookRows(Model):
    """A list of playbooks."""

    playbooks: tuple[PlaybookRow, ...]


@router.get("/devices", operation_id="list_devices")
async def list_devices(use: Use, _: Reader) -> Devices:
    """All devices of the inventory, by id."""
    return Devices(devices=use.inventory.devices())


@router.get("/devices/{device}", operation_id="get_device")
async def get_device(device: Annotated[str, Path(max_length=63)], use: Use, _: Reader) -> Device:
    """One device."""
    return use.inventory.device(device)


@router.get("/playbooks", operation_id="list_playbooks")
async def list_playbooks(use: Use, _: Reader) -> PlaybookRows:
    """All playbooks that can be started."""
    rows = (
        PlaybookRow(
            name=program.name,
            version=program.version,
            summary=program.summary,
            digest=program.digest,
            triggers=program.triggers,
            inputs=program.inputs,
        )
        for program in use.playbooks.programs()
    )
    return PlaybookRows(playbooks=tuple(rows))
