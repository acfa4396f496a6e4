"""The process that the plant runs: a press whose state an interlock reads over HTTP.

Whoever writes ``{"running": true}`` into its file has the press run; so a reader can try it.
"""

import asyncio
import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path

from firebreak.domain.comparison import EngagedWhen
from firebreak.domain.device import Device
from firebreak.domain.interlock import HttpInterlock, Interlock, Scope

PRESS = "press-1"
HOST = "127.25.0.1"
_IDLE = {"running": False}


class Press:
    """Answers any GET with its state and the time: ``{"running": false, "at": "..."}``."""

    def __init__(self, file: Path) -> None:
        """``file``: its state, idle when there is none yet."""
        self.file = file
        self._port = 0
        self._server: asyncio.Server | None = None

    async def start(self, port: int) -> None:
        """Listen on its own loopback address. Raises OSError."""
        if not self.file.exists():
            self.file.write_text(f"{json.dumps(_IDLE)}\n", encoding="utf-8")
        self._port = port
        self._server = await asyncio.start_server(self._serve, HOST, port)

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def interlocks(self, devices: tuple[Device, ...]) -> tuple[Interlock, ...]:
        """The interlock of the first controller: it runs the press. None without a controller."""
        controllers = [device.id for device in devices if device.device_class == "plc"]
        if self._server is None or not controllers:
            return ()
        return (
            HttpInterlock(
                id=f"{PRESS}-cycle",
                kind="http",
                summary="the press is in a cycle",
                contact="shift lead",
                applies_to=Scope(device=(controllers[0],)),
                url=f"http://{HOST}:{self._port}/{PRESS}",
                value="/running",
                timestamp="/at",
                engaged_when=EngagedWhen(equals=True),
                max_age_s=5,
            ),
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(self._answer())
                await writer.drain()
        finally:
            writer.close()

    def _answer(self) -> bytes:
        """One HTTP/1.1 response. A file that holds no JSON object is a broken process gateway."""
        try:
            state = {**json.loads(self.file.read_text(encoding="utf-8"))}
        except (OSError, TypeError, ValueError):
            return b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        body = json.dumps({**state, "at": datetime.now(UTC).isoformat()}).encode()
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
