"""Making a listening socket silent: it neither answers nor refuses, as a device behind a VLAN.

Loopback answers a connection to a closed port with a reset, and a reset proves that a host is
there. A device that is cut off must say nothing at all. So its socket stays open and gets a packet
filter that drops everything (classic BPF, Linux, no privilege needed): the kernel discards each
SYN before TCP sees it, at once, with no state and no extra sockets.
Source: socket(7) SO_ATTACH_FILTER; Documentation/networking/filter.rst in the Linux kernel.
"""

import asyncio
import contextlib
import ctypes
import socket
import struct
from typing import Any, Protocol

_SO_ATTACH_FILTER = 26
_SO_DETACH_FILTER = 27
_RETURN_CONSTANT = 0x06  # BPF_RET | BPF_K; constant 0: keep no byte of the packet
_PROGRAM = ctypes.create_string_buffer(struct.pack("HBBI", _RETURN_CONSTANT, 0, 0, 0))
_FILTER = struct.pack("HP", 1, ctypes.addressof(_PROGRAM))

_PATIENCE_S = 0.05  # loopback connects in well under a millisecond


class Settable(Protocol):
    """A socket, or what an event loop shows of one."""

    def setsockopt(self, *args: Any) -> None:
        """See socket.setsockopt."""
        ...


def silence(sock: Settable) -> None:
    """Drop every packet that comes for this socket from now on."""
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, _FILTER)


def unsilence(sock: Settable) -> None:
    """Hear again. A socket that was not silent stays as it is."""
    with contextlib.suppress(FileNotFoundError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)


def listen(host: str, port: int, backlog: int) -> socket.socket:
    """A non-blocking listening socket. Raises OSError."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.settimeout(0)
        sock.bind((host, port))
        sock.listen(backlog)
    except OSError:
        sock.close()
        raise
    return sock


async def prove(host: str) -> None:
    """Make sure that silence works here: on a kernel where it does not, every probe would lie.

    Raises:
        RuntimeError: a silenced socket answered, or the kernel has no socket filters.
    """
    with listen(host, 0, 1) as deaf, socket.socket() as caller:
        try:
            silence(deaf)
            caller.settimeout(0)
            connecting = asyncio.get_running_loop().sock_connect(caller, deaf.getsockname())
            await asyncio.wait_for(connecting, _PATIENCE_S)
        except TimeoutError:
            return
        except OSError as error:
            raise RuntimeError(_NEEDS_LINUX) from error
        raise RuntimeError(_NEEDS_LINUX)


_NEEDS_LINUX = (
    "the range needs Linux socket filters to make cut-off devices silent, and this kernel did not "
    "silence a test socket; run the range on Linux"
)
