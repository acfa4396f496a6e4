"""The simulated devices: one TCP service each, silent while the network cuts the device off."""

import asyncio
import contextlib
import ipaddress
import socket

from firebreak.cyber_range.network import Network
from firebreak.cyber_range.silence import listen, silence, unsilence

INSIDE = ipaddress.IPv4Network("10.20.0.0/16")
OUTSIDE = ipaddress.IPv4Network("127.20.0.0/16")
GATEWAY = "10.20.0.1"

_BACKLOG = 128
_PORT_ATTEMPTS = 20


def loopback(ip: str) -> str:
    """Where the range answers for an address of the plant: 10.20.x.y at 127.20.x.y.

    Raises:
        ValueError: the address is not in the plant's network.
    """
    address = ipaddress.IPv4Address(ip)
    if address not in INSIDE:
        raise ValueError(f"{ip} is not in the range's network {INSIDE}")
    offset = int(address) - int(INSIDE.network_address)
    return str(OUTSIDE.network_address + offset)


class Fleet:
    """All devices and the gateway, each on its own loopback address and all on one port.

    A device accepts, says its name in one line and hangs up. The gateway answers always: it is
    what a sentinel checks its own sight with.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._sockets: dict[str, socket.socket] = {}
        self._silent: set[str] = set()
        self._gateway: socket.socket | None = None
        network.observe(self.follow)

    def start(self, port: int = 0) -> int:
        """Listen on ``port``, or on one that is free at every address, and return it.

        Raises:
            OSError: the port is taken at one of the addresses.
        """
        if port:
            self._open(port)
            return port
        for _ in range(_PORT_ATTEMPTS):
            with listen(loopback(GATEWAY), 0, 1) as candidate:
                port = candidate.getsockname()[1]
            with contextlib.suppress(OSError):
                self._open(port)
                return port
        raise OSError(f"no TCP port was free at all addresses of {OUTSIDE}")

    def _open(self, port: int) -> None:
        try:
            self._gateway = self._listen("gateway", GATEWAY, port)
            for node in self._network.nodes():
                self._sockets[node.id] = self._listen(node.id, node.ip, port)
        except OSError:
            self.close()
            raise
        for node in self._network.nodes():
            self.follow(node.id)

    def follow(self, device: str) -> None:
        """Bring a device's voice into line with the network."""
        sock = self._sockets.get(device)
        reachable = self._network.reachable(device)
        if sock is None or reachable == (device not in self._silent):
            return
        if reachable:
            self._silent.discard(device)
            unsilence(sock, _BACKLOG)
            self._answer(device, sock)
        else:
            self._silent.add(device)
            asyncio.get_running_loop().remove_reader(sock)
            silence(sock)

    def close(self) -> None:
        """Stop listening everywhere."""
        loop = asyncio.get_running_loop()
        for sock in (*self._sockets.values(), *([self._gateway] if self._gateway else [])):
            loop.remove_reader(sock)
            sock.close()
        self._sockets.clear()
        self._silent.clear()
        self._gateway = None

    def _listen(self, name: str, ip: str, port: int) -> socket.socket:
        sock = listen(loopback(ip), port, _BACKLOG)
        self._answer(name, sock)
        return sock

    def _answer(self, name: str, sock: socket.socket) -> None:
        greeting = f"{name}\r\n".encode()
        asyncio.get_running_loop().add_reader(sock, _greet, sock, greeting)


def _greet(sock: socket.socket, greeting: bytes) -> None:
    """Answer one caller. A caller that is gone already is none."""
    with contextlib.suppress(BlockingIOError, ConnectionError):
        caller, _ = sock.accept()
        with caller:
            caller.settimeout(0)
            caller.send(greeting)
