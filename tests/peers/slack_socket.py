"""Slack's end of Socket Mode, from https://docs.slack.dev/apis/events-api/using-socket-mode.

A URL is good for one connection; ``hello`` comes first; each envelope is acknowledged by its id;
``disconnect`` says why, and the client is to open another connection.
"""

import asyncio
import contextlib
import itertools
import json
import time
from typing import Any

from aiohttp import WSMsgType, web


class Lines:
    """Every connection of a client, and what it acknowledged."""

    def __init__(self) -> None:
        self.open: list[web.WebSocketResponse] = []
        self.acks: dict[str, tuple[float, dict[str, Any]]] = {}
        self.opened = 0
        self._tickets: set[str] = set()
        self._numbers = itertools.count(1)
        self._changed = asyncio.Condition()

    def ticket(self, base: str) -> str:
        """A URL that can be used once."""
        ticket = f"t{next(self._numbers)}"
        self._tickets.add(ticket)
        return f"{base}/link?ticket={ticket}"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One WebSocket."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403)
        self._tickets.remove(ticket)
        line = web.WebSocketResponse()
        await line.prepare(request)
        await line.send_json(
            {
                "type": "hello",
                "connection_info": {"app_id": "A0FIREBREAK"},
                "num_connections": len(self.open) + 1,
                "debug_info": {"host": "applink-1", "approximate_connection_time": 18060},
            }
        )
        await self._note(line)
        async for message in line:
            if message.type is WSMsgType.TEXT:
                ack = json.loads(message.data)
                self.acks[ack["envelope_id"]] = (time.monotonic(), ack)
                await self._note()
        with contextlib.suppress(ValueError):
            self.open.remove(line)
        return line

    async def _note(self, line: web.WebSocketResponse | None = None) -> None:
        async with self._changed:
            if line is not None:
                self.open.append(line)
                self.opened += 1
            self._changed.notify_all()

    async def connected(self, times: int = 1) -> None:
        """Wait until the client has connected so often."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: self.opened >= times and bool(self.open))

    async def send(self, kind: str, payload: dict[str, Any], *, answers: bool = True) -> str:
        """An envelope on the newest connection; returns its id."""
        envelope = f"57d6a792-4d35-4d0b-b6aa-{next(self._numbers):012d}"
        await self.open[-1].send_json(
            {
                "type": kind,
                "envelope_id": envelope,
                "payload": payload,
                "accepts_response_payload": answers,
            }
        )
        return envelope

    async def acknowledged(self, envelope: str) -> tuple[float, dict[str, Any]]:
        """When an envelope was acknowledged, on the monotonic clock, and how."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: envelope in self.acks)
        return self.acks[envelope]

    async def disconnect(self, reason: str) -> None:
        """Ask the client to go elsewhere: ``warning``, ``refresh_requested``, ``link_disabled``."""
        await self.open[-1].send_json(
            {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-1"}}
        )

    async def cut(self) -> None:
        """Break the newest connection without a word."""
        line = self.open.pop()
        assert line._req is not None
        assert line._req.transport is not None
        line._req.transport.abort()

    async def close(self) -> None:
        """Hang up."""
        for line in list(self.open):
            await line.close()
