"""The keys that encrypt Temporal's histories: list them, and take a new one into use."""

from pathlib import Path

import typer
from rich.text import Text

from firebreak.cli.configuration import load_settings
from firebreak.cli.screen import JsonFlag, clean, show
from firebreak.codec import KeyRing
from firebreak.errors import NotFound

app = typer.Typer(no_args_is_help=True)


@app.callback()
def keys() -> None:
    """List and rotate the keys that encrypt Temporal's histories."""


@app.command("list")
def list_keys(*, as_json: JsonFlag = False) -> None:
    """List the keys by name; the active one encrypts."""
    ring = KeyRing.load(_ring_file())
    lines = [f"{name}{'  active' if name == ring.active else ''}" for name in ring.names]
    facts = {"active": ring.active, "keys": list(ring.names)}
    show(facts, Text(clean("\n".join(lines))), as_json=as_json)


@app.command()
def rotate(*, as_json: JsonFlag = False) -> None:
    """Encrypt with a new key from now on; the old ones stay for histories that need them."""
    path = _ring_file()
    ring = KeyRing.load(path).rotated()
    ring.save(path)
    said = f"{ring.active} is active; processes that share {path} take it up within seconds"
    show({"active": ring.active, "keys": list(ring.names)}, Text(clean(said)), as_json=as_json)


def _ring_file() -> Path:
    path = load_settings().state_dir.absolute() / "keys" / "payload.json"
    if not path.exists():
        raise NotFound(f"there are no payload keys at {path}; they are made at first start")
    return path
