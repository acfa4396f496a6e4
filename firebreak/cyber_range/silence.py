"""Making a listening socket silent: it neither answers nor refuses, as a device behind a VLAN.

Loopback answers a connection to a closed port with a reset, and a reset proves that a host is
there. A device that is cut off must say nothing at all. So its socket goes on listening, but nobody
accepts, and its accept queue is made as short as can be and filled with one connection: Linux then
drops every further SYN without a word (``tcp_conn_request``, counted as ListenOverflows), and no
privilege is needed for that. A packet filter on the socket would be simpler, but recent kernels
keep filters on TCP sockets for CAP_NET_ADMIN.
Source: listen(2), tcp(7); ``struct tcp_info`` in linux/tcp.h, where for a listening socket
``tcpi_unacked`` is the length of the accept queue and ``tcpi_sacked`` its limit.
"""

import asyncio
import contextlib
import select
import socket
import struct

_QUEUE = struct.Struct("=24xII")  # tcp_info up to tcpi_unacked and tcpi_sacked
_FILLER_MS = 10  # loopback connects in well under a millisecond
_FILLERS = 20
_PATIENCE_S = 0.05


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


def silence(sock: socket.socket) -> None:
    """Let every caller from now on wait in vain. Nobody may accept on the socket meanwhile.

    Raises:
        RuntimeError: the accept queue can't be filled on this system.
    """
    sock.listen(0)
    for _ in range(_FILLERS):
        if _full(sock):
            return
        _knock(sock)
    raise RuntimeError(_NEEDS_LINUX)


def unsilence(sock: socket.socket, backlog: int) -> None:
    """Answer again: send those away who fill the queue, and make it long."""
    sock.listen(backlog)
    with contextlib.suppress(BlockingIOError):
        while True:
            caller, _ = sock.accept()
            caller.close()


async def prove(host: str) -> None:
    """Make sure that silence works here: on a kernel where it does not, every probe would lie.

    Raises:
        RuntimeError: a silenced socket answered.
    """
    with listen(host, 0, 1) as deaf, socket.socket() as caller:
        silence(deaf)
        caller.settimeout(0)
        connecting = asyncio.get_running_loop().sock_connect(caller, deaf.getsockname())
        try:
            await asyncio.wait_for(connecting, _PATIENCE_S)
        except TimeoutError:
            return
        raise RuntimeError(_NEEDS_LINUX)


def _full(sock: socket.socket) -> bool:
    waiting, limit = _QUEUE.unpack(
        sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _QUEUE.size)
    )
    return bool(waiting > limit)


def _knock(sock: socket.socket) -> None:
    """Connect and hang up: the connection stays in the queue until somebody accepts it."""
    with socket.socket() as filler:
        filler.settimeout(0)
        filler.connect_ex(sock.getsockname())
        poll = select.poll()
        poll.register(filler, select.POLLOUT)
        poll.poll(_FILLER_MS)


_NEEDS_LINUX = (
    "the range makes cut-off devices silent by a full accept queue, as Linux treats it, and a test "
    "socket was not silent on this system; run the range on Linux"
)
