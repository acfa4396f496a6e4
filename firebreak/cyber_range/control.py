"""Orders to a range in another process: faults, cables, power, and its journal.

One request a connection: a JSON object on one line in, one out. The Unix socket lies in the state
directory, which only its owner can enter.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from firebreak.cyber_range.faults import Fault, FaultKind
from firebreak.cyber_range.journal import Write
from firebreak.cyber_range.site import Range
from firebreak.cyber_range.switch import EmulatedSwitch

Request = dict[str, Any]


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """The socket by its open directory: a Unix socket's name may have 107 bytes, a path more."""
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


class ControlServer:
    """Takes orders for a range that runs in this process."""

    def __init__(self, site: Range) -> None:
        self._site = site
        self._server: asyncio.Server | None = None
        self._orders: dict[str, Callable[[Request], Awaitable[Any]]] = {
            "inject": self._inject,
            "clear": self._clear,
            "faults": self._faults,
            "journal": self._journal,
            "port": self._port,
            "reachable": self._reachable,
            "reboot": self._reboot,
            "plug": self._plug,
            "unplug": self._unplug,
        }

    async def start(self) -> Path:
        """Listen, in the place of an earlier process that is gone. Raises OSError."""
        path = self._site.state.control_socket
        path.unlink(missing_ok=True)
        with _short(path) as name:
            self._server = await asyncio.start_unix_server(self._serve, name)
        path.chmod(0o600)
        return path

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
            self._site.state.control_socket.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = await self._answer(await reader.readline())
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except ConnectionError:
            pass  # the caller is gone
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            order = self._orders[request["do"]]
            return {"ok": True, "result": await order(request)}
        except (KeyError, TypeError, ValueError) as error:
            return {"ok": False, "error": f"{type(error).__name__}: {error}"}

    def _switch(self, request: Request) -> EmulatedSwitch:
        return self._site.switches[request["switch"]]

    async def _inject(self, request: Request) -> None:
        fault = Fault(
            kind=FaultKind(request["kind"]),
            times=request["times"],
            match=str(request["match"]),
            delay_s=float(request["delay_s"]),
        )
        if request["switch"] in self._site.switches:
            await self._switch(request).inject(fault)
        else:
            await self._site.roads.inject(request["switch"], fault)

    async def _clear(self, request: Request) -> None:
        kind = request["kind"]
        if request["switch"] in self._site.switches:
            await self._switch(request).clear(FaultKind(kind) if kind else None)
        else:
            await self._site.roads.clear(request["switch"])

    async def _faults(self, request: Request) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self._switch(request).faults.listed()]

    async def _journal(self, request: Request) -> list[dict[str, Any]]:
        journal = self._site.journal
        read = journal.effects if request["effects"] else journal.writes
        return [asdict(w) for w in read(switch=request["switch"], port=request["port"])]

    async def _port(self, request: Request) -> dict[str, Any]:
        port = self._switch(request).chassis.state.port(request["port"])
        if port is None:
            raise KeyError(request["port"])
        return {
            "name": port.name,
            "config": port.config.to_json(),
            "forwarding": port.forwarding.to_json(),
            "devices": [node.id for node in port.nodes],
        }

    async def _reachable(self, request: Request) -> bool:
        return self._site.network.reachable(self._site.network.node(request["device"]).id)

    async def _reboot(self, request: Request) -> None:
        await self._switch(request).reboot()

    async def _plug(self, request: Request) -> None:
        node = self._site.network.node(request["device"])
        self._site.network.plug(node, request["switch"], request["port"])

    async def _unplug(self, request: Request) -> None:
        self._site.network.unplug(self._site.network.node(request["device"]).id)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


class OrderRefused(Exception):
    """The range did not understand an order, or knows no such switch, port or device."""


class RangeControl:
    """The other end of a ControlServer. Every call may raise OrderRefused or OSError."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def inject(
        self,
        switch: str,
        kind: FaultKind,
        *,
        times: int | None = None,
        match: str = "",
        delay_s: float = 0.0,
    ) -> None:
        """Arm a fault; see Fault."""
        await self._order(
            "inject", switch=switch, kind=kind, times=times, match=match, delay_s=delay_s
        )

    async def clear(self, switch: str, kind: FaultKind | None = None) -> None:
        """Disarm one kind of fault, or all."""
        await self._order("clear", switch=switch, kind=kind)

    async def faults(self, switch: str) -> tuple[Fault, ...]:
        """All faults with their hits."""
        listed = await self._order("faults", switch=switch)
        return tuple(Fault(**{**fault, "kind": FaultKind(fault["kind"])}) for fault in listed)

    async def journal(self, *, switch: str = "", port: str = "") -> tuple[Write, ...]:
        """Everything written, since the state directory was made."""
        listed = await self._order("journal", switch=switch, port=port, effects=False)
        return tuple(Write(**write) for write in listed)

    async def effects(self, *, switch: str = "", port: str = "") -> tuple[Write, ...]:
        """What took effect; see Journal.effects."""
        listed = await self._order("journal", switch=switch, port=port, effects=True)
        return tuple(Write(**write) for write in listed)

    async def port(self, switch: str, port: str) -> dict[str, Any]:
        """``{name, config, forwarding, devices}``; see PortConfig.to_json."""
        found: dict[str, Any] = await self._order("port", switch=switch, port=port)
        return found

    async def reachable(self, device: str) -> bool:
        """Whether the network carries the device's production traffic."""
        return bool(await self._order("reachable", device=device))

    async def reboot(self, switch: str) -> None:
        """Power-cycle a switch."""
        await self._order("reboot", switch=switch)

    async def plug(self, device: str, switch: str, port: str) -> None:
        """Move a device's cable."""
        await self._order("plug", device=device, switch=switch, port=port)

    async def unplug(self, device: str) -> None:
        """Pull a device's cable."""
        await self._order("unplug", device=device)

    async def _order(self, do: str, **request: Any) -> Any:
        with _short(self._socket) as name:
            reader, writer = await asyncio.open_unix_connection(name)
        try:
            writer.write(json.dumps({"do": do, **request}).encode() + b"\n")
            await writer.drain()
            answer = json.loads(await reader.read())
        finally:
            writer.close()
            await writer.wait_closed()
        if not answer["ok"]:
            raise OrderRefused(answer["error"])
        return answer["result"]
