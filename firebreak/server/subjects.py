"""What an order is about, read from its body before anybody checks whether it may be given."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request

from firebreak.domain.glass import glass_scope
from firebreak.domain.halt import EVERYWHERE
from firebreak.server.trail import DRY_RUN, visit

# What else a body may hold is not written down.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


async def say_subject(request: Request) -> None:
    """Say it for the audit log, as far as the body can be read. Changes and refuses nothing."""
    operation = str(getattr(request.scope.get("route"), "operation_id", ""))
    if operation not in _OF_OPERATION:
        return
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        return
    if isinstance(body, dict):
        seen = visit(request)
        seen.target = _OF_OPERATION[operation](body)
        if operation == "start_response" and body.get("dry_run") is True:
            seen.action = DRY_RUN


def _device(body: Mapping[str, Any]) -> str:
    return _name(body.get("device"))


def _site(body: Mapping[str, Any]) -> str:
    return EVERYWHERE if body.get("site") is None else _name(body["site"])


def _scope(body: Mapping[str, Any]) -> str:
    device, site = _name(body.get("device")), _name(body.get("site"))
    try:
        return glass_scope(device=device or None, site=site or None)
    except ValueError:
        return ""


def _requests(body: Mapping[str, Any]) -> str:
    seen = body.get("requests")
    if not isinstance(seen, list):
        return ""
    ids = [_name(one.get("approval")) for one in seen if isinstance(one, dict)]
    return f"{len(seen)}: {' '.join(ids)}"


def _name(given: object) -> str:
    return given if isinstance(given, str) and _NAME.fullmatch(given) else ""


_OF_OPERATION: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "start_response": _device,
    "halt": _site,
    "resume": _site,
    "break_glass": _scope,
    "decide_approvals": _requests,
}
