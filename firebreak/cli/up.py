"""`firebreak up`: everything on one machine, from one command, until it is interrupted."""

import asyncio
import http.client
import signal
import socket
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from firebreak.cli.configuration import load_settings
from firebreak.cli.exits import Exit, ProblemError
from firebreak.cli.machine import Machine
from firebreak.cli.screen import JsonFlag, clean, progress, show
from firebreak.errors import Busy
from firebreak.settings import Settings
from firebreak.statedir import StateDir
from firebreak.supervisor import ChildFailedError, Supervisor

app = typer.Typer()

_START_S = 60
_TAIL_LINES = 12


@app.command()
def up(
    *,
    with_range: Annotated[bool, typer.Option("--range", help="With a simulated site.")] = False,
    devices: Annotated[int, typer.Option("--devices", min=1, help="Devices of the range.")] = 20,
    port: Annotated[int | None, typer.Option("--port", help="Port of the API.")] = None,
    state: Annotated[Path | None, typer.Option("--state", help="State directory.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run everything on this machine until it is interrupted."""
    began = time.monotonic()
    machine = _machine(port, state, devices)
    machine.state.create()
    try:
        with machine.state.owned():
            _run(machine, began, with_range=with_range, as_json=as_json)
    except Busy as error:
        raise ProblemError(
            str(error),
            "stop that one, or choose another directory with --state",
            code=Exit.NOT_DONE,
        ) from error
    except ChildFailedError as error:
        _print_tail(error.log)
        raise ProblemError(
            str(error), f"the lines above are the end of {error.log}", code=Exit.NOT_DONE
        ) from error


def _machine(port: int | None, state: Path | None, devices: int) -> Machine:
    changes: dict[str, Any] = {}
    if port is not None:
        changes["listen_port"] = port
    if state is not None:
        changes["state_dir"] = state
    settings = load_settings().model_copy(update=changes)
    return Machine(StateDir(settings.state_dir.absolute()), settings, devices)


def _run(machine: Machine, began: float, *, with_range: bool, as_json: bool) -> None:
    for name in machine.state.end_leftovers():
        _say(f"ended the {name} that a killed `up` had left behind")
    _check(machine, with_range=with_range)

    def ready() -> None:
        _announce(machine, time.monotonic() - began, as_json=as_json)

    asyncio.run(_supervise(machine, ready, with_range=with_range))


def _check(machine: Machine, *, with_range: bool) -> None:
    """Say what is missing before anything is started."""
    settings = machine.settings
    if not with_range and not settings.estate_file.is_file():
        raise ProblemError(
            f"there is no estate file at {settings.estate_file}",
            "write one, set FIREBREAK_ESTATE_FILE, or try the simulated site with --range",
            error="definition",
        )
    _require_free("--port", settings.listen_host, settings.listen_port)
    _require_free("FIREBREAK_TEMPORAL_ADDRESS", "127.0.0.1", machine.temporal_port)


def _require_free(setting: str, host: str, port: int) -> None:
    try:
        with socket.create_server((host, port)):
            return
    except OSError as error:
        raise ProblemError(
            f"port {port} of {host} cannot be used: {error.strerror}",
            f"stop what uses it, or choose another one with {setting}",
            code=Exit.NOT_DONE,
        ) from error


async def _supervise(machine: Machine, ready: Callable[[], None], *, with_range: bool) -> None:
    supervisor = Supervisor(machine.state.run, _say)
    interrupted = _on_interrupt(supervisor)
    try:
        if await _first(
            _bring_up(supervisor, machine, with_range=with_range),
            supervisor.failure(),
            interrupted.wait(),
        ):
            return
        supervisor.settled()
        ready()
        await _first(supervisor.failure(), interrupted.wait())
        _say("stopping")
    finally:
        machine.state.url.unlink(missing_ok=True)
        await supervisor.stop()


def _on_interrupt(supervisor: Supervisor) -> asyncio.Event:
    """The first signal asks for a stop, the second one does not wait for it."""
    interrupted = asyncio.Event()

    def interrupt() -> None:
        if interrupted.is_set():
            supervisor.kill()
        interrupted.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, interrupt)
    return interrupted


async def _bring_up(supervisor: Supervisor, machine: Machine, *, with_range: bool) -> None:
    try:
        async with asyncio.timeout(_START_S):
            await supervisor.start(machine.temporal())
            if with_range:
                await supervisor.start(machine.range())
            for name in ("worker", "server"):
                await supervisor.start(machine.firebreak(name))
            await asyncio.to_thread(_prepare, machine)
            if with_range:
                await _until(lambda: machine.range_estate() is not None)
            estate = machine.range_estate() if with_range else None
            supervisor.release(str((estate or machine.settings.estate_file).absolute()))
            await _until(lambda: _healthy(machine.settings))
    except TimeoutError as error:
        raise ProblemError(
            f"not everything answered within {_START_S} s",
            f"the logs in {machine.state.logs} say what is missing",
            code=Exit.NOT_DONE,
        ) from error
    machine.state.url.write_text(f"{_url(machine.settings)}\n", encoding="utf-8")


def _prepare(machine: Machine) -> None:
    # Imported here: the children load at the same time.
    from firebreak.cli.first_start import prepare  # noqa: PLC0415

    prepare(machine.settings, machine.state)


async def _until(look: Callable[[], bool]) -> None:
    while True:
        if await asyncio.to_thread(look):
            return
        await asyncio.sleep(0.05)


async def _first(*work: Coroutine[Any, Any, object]) -> bool:
    """Wait for the first of these and raise what it raised; True when that was the last one."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        return tasks[-1] in done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _healthy(settings: Settings) -> bool:
    connection = http.client.HTTPConnection(_host(settings), settings.listen_port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _host(settings: Settings) -> str:
    """Where this machine reaches the API, whichever of its addresses that listens on."""
    everywhere = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, never bound to
    return "127.0.0.1" if settings.listen_host in everywhere else settings.listen_host


def _url(settings: Settings) -> str:
    return f"http://{_host(settings)}:{settings.listen_port}"


def _announce(machine: Machine, took_s: float, *, as_json: bool) -> None:
    url = _url(machine.settings)
    state = machine.state
    facts = {
        "url": url,
        "state": str(state.root),
        "tokens": str(state.tokens),
        "logs": str(state.logs),
        "took_s": round(took_s, 2),
    }
    said = Text.assemble(
        ("ready", "bold green"),
        f" in {took_s:.1f} s at {url}\n",
        f"  tokens  {state.tokens}\n  logs    {state.logs}\n",
        "  stop    Ctrl-C",
    )
    show(facts, said, as_json=as_json)


def _say(text: str) -> None:
    progress().print(Text(clean(text)))


def _print_tail(log: Path) -> None:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
    for line in lines:
        progress().print(Text(f"  {clean(line)}", style="dim"))
