"""One try to reach an address: from here, or by a standard command run at the vantage point.

A try has three ends, not two: a vantage point that could not even try has proved nothing.
"""

import asyncio
import contextlib
import errno
import math
import socket
from dataclasses import dataclass
from enum import StrEnum

from icmplib import Host, ICMPLibError, SocketPermissionError, ping

from firebreak.domain.estate import Sentinel

# How long a command may take beyond the time it waits for an answer (an ssh log-in, say).
COMMAND_OVERHEAD_S = 5.0

# The vantage point's own troubles: no route, no permission, no descriptors left.
_OWN_TROUBLE = {errno.ENETUNREACH, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE}

# Sent over stdin, so that no shell on the way (ssh joins its arguments) can take it apart.
_TCP_SCRIPT = b"""
import errno, socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3])).close()
    print("answered connected")
except ConnectionRefusedError:
    print("answered refused by the host itself")
except OSError as e:
    own = (errno.ENETUNREACH, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE)
    print("broken" if e.errno in own else "silent", e)
"""


class End(StrEnum):
    """``BROKEN``: the vantage point could not try."""

    ANSWERED = "answered"
    SILENT = "silent"
    BROKEN = "broken"


@dataclass(frozen=True)
class Try:
    """How one try ended, and what says so."""

    end: End
    detail: str


async def reach(sentinel: Sentinel, ip: str, port: int | None) -> Try:
    """Try once, as the sentinel is set up to. Bounded by its time-out and COMMAND_OVERHEAD_S."""
    match sentinel.method:
        case "tcp" if sentinel.via:
            return await _tcp_via(sentinel, ip, _needed(port))
        case "tcp":
            return await _tcp(sentinel, ip, _needed(port))
        case "icmp" if sentinel.via:
            return await _icmp_via(sentinel, ip)
        case "icmp":
            return await _icmp(sentinel, ip)
        case "arp":
            return await _arp(sentinel, ip)


def _needed(port: int | None) -> int:
    if port is None:  # the estate's own validation keeps this from happening
        raise ValueError("a tcp sentinel needs a port")
    return port


async def _tcp(sentinel: Sentinel, ip: str, port: int) -> Try:
    """A connect in a thread: an event loop that stalls must not make an answer look like silence.

    There the kernel is asked whether the connection stands when the time is up, not a timer that
    may have been late itself.
    """
    return await asyncio.to_thread(_connect, ip, port, sentinel.timeout_s)


def _connect(ip: str, port: int, timeout_s: float) -> Try:
    try:
        socket.create_connection((ip, port), timeout_s).close()
    except TimeoutError:
        return Try(End.SILENT, "no answer")
    except ConnectionRefusedError:
        return Try(End.ANSWERED, "refused by the host itself")
    except OSError as error:
        end = End.BROKEN if error.errno in _OWN_TROUBLE else End.SILENT
        return Try(end, str(error))
    return Try(End.ANSWERED, "connected")


async def _tcp_via(sentinel: Sentinel, ip: str, port: int) -> Try:
    """``python3 -`` at the vantage point: it alone tells a refusal from silence everywhere."""
    argv = ("python3", "-", ip, str(port), str(sentinel.timeout_s))
    code, output = await _run(sentinel, argv, _TCP_SCRIPT)
    word, _, detail = output.strip().partition(" ")
    if code != 0 or word not in tuple(End):
        return _broken(argv, code, output)
    return Try(End(word), detail)


async def _icmp(sentinel: Sentinel, ip: str) -> Try:
    """An echo request from here; without privileges where the kernel lets us."""
    try:
        try:
            host = await _echo(sentinel, ip, privileged=False)
        except SocketPermissionError:
            host = await _echo(sentinel, ip, privileged=True)
    except ICMPLibError as error:
        return Try(End.BROKEN, f"ICMP from here is not possible: {error}")
    if host.packets_sent == 0:
        return Try(End.BROKEN, "no route to it from here")
    return Try(End.ANSWERED, "echo reply") if host.is_alive else Try(End.SILENT, "no echo reply")


async def _echo(sentinel: Sentinel, ip: str, *, privileged: bool) -> Host:
    """In a thread, for the same reason as a connect."""
    return await asyncio.to_thread(
        ping, ip, count=1, timeout=sentinel.timeout_s, privileged=privileged
    )


async def _icmp_via(sentinel: Sentinel, ip: str) -> Try:
    wait = str(math.ceil(sentinel.timeout_s))
    argv = ("ping", "-n", "-c", "1", "-W", wait, ip)
    return await _by_command(sentinel, argv, "transmitted")


async def _arp(sentinel: Sentinel, ip: str) -> Try:
    """The ``arping`` of iputils; run here when there is no ``via``."""
    if sentinel.interface is None:  # the estate's own validation keeps this from happening
        raise ValueError("an arp sentinel needs an interface")
    wait = str(math.ceil(sentinel.timeout_s))
    argv = ("arping", "-f", "-c", "1", "-w", wait, "-I", sentinel.interface, ip)
    return await _by_command(sentinel, argv, "Sent ")


async def _by_command(sentinel: Sentinel, argv: tuple[str, ...], proof: str) -> Try:
    """0 is an answer; 1 is silence, if the command's own summary (``proof``) shows that it ran."""
    code, output = await _run(sentinel, argv, b"")
    if code == 0 and proof in output:
        return Try(End.ANSWERED, f"{argv[0]} had a reply")
    if code == 1 and proof in output:
        return Try(End.SILENT, f"{argv[0]} had no reply")
    return _broken(argv, code, output)


def _broken(argv: tuple[str, ...], code: int, output: str) -> Try:
    said = " ".join(output.split())[-160:]
    return Try(End.BROKEN, f"{argv[0]} did not run at the vantage point (exit {code}): {said}")


async def _run(sentinel: Sentinel, argv: tuple[str, ...], stdin: bytes) -> tuple[int, str]:
    """``(exit code, stdout and stderr)`` of a command at the vantage point; killed when late."""
    try:
        process = await asyncio.create_subprocess_exec(
            *sentinel.via,
            *argv,
            stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        return 127, str(error)
    try:
        async with asyncio.timeout(math.ceil(sentinel.timeout_s) + COMMAND_OVERHEAD_S):
            # Not b"": uvloop minds writing nothing to a command that has ended already.
            output, _ = await process.communicate(stdin or None)
    except TimeoutError:
        return 124, "it did not end in time"
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode if process.returncode is not None else 1, output.decode(
        errors="replace"
    )
