"""The state directory of a range: what outlives its process, readable by its owner only."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from firebreak.cyber_range.switch import new_host_key
from firebreak.domain.estate import Estate, Platform

_SECRET_BYTES = 18


Road = Literal["snmp", "radius", "ise", "packetfence"]


@dataclass(frozen=True, slots=True)
class Layout:
    """What a range was made for. ``port`` is its one TCP port, 0 before its first start."""

    devices: int
    switches: int
    platforms: tuple[Platform, ...]
    seed: int
    roads: tuple[Road, ...] = ()
    port: int = 0


class StateDir:
    """Layout, estate, secrets, host keys, startup configurations and the journal's file."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        for directory in (
            self.path,
            *(self.path / name for name in ("secrets", "keys", "startup")),
        ):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def estate_file(self) -> Path:
        """The estate, in YAML."""
        return self.path / "estate.yaml"

    @property
    def journal_file(self) -> Path:
        """The journal, in JSON lines."""
        return self.path / "journal.jsonl"

    @property
    def control_socket(self) -> Path:
        """Where the range takes orders."""
        return self.path / "control.sock"

    def layout(self) -> Layout | None:
        """The layout of the range that is here, or None."""
        file = self.path / "range.json"
        if not file.exists():
            return None
        found = json.loads(file.read_text(encoding="utf-8"))
        lists = {name: tuple(found.get(name, ())) for name in ("platforms", "roads")}
        return Layout(**{**found, **lists})

    def keep_layout(self, layout: Layout) -> None:
        """Remember the layout."""
        _write(self.path / "range.json", json.dumps(asdict(layout)))

    def keep_estate(self, estate: Estate) -> None:
        """Write the estate file: YAML, one entry or section a line, each in its JSON form.

        JSON is YAML, hundreds of devices are quick to write, and addresses are quoted for good.
        """
        content = _compact(estate.model_dump(mode="json", by_alias=True))
        lines = []
        for section, entries in content.items():
            if isinstance(entries, list):
                lines += [f"{section}:", *(f"  - {json.dumps(entry)}" for entry in entries)]
            else:
                lines.append(f"{section}: {json.dumps(entries)}")
        _write(self.estate_file, "".join(f"{line}\n" for line in lines))

    def secret_file(self, switch: str, what: str) -> Path:
        """The file of a switch's secret, made with a random one if need be."""
        file = self.path / "secrets" / f"{switch}.{what}"
        if not file.exists():
            _write(file, secrets.token_urlsafe(_SECRET_BYTES) + "\n")
        return file

    def secret(self, switch: str, what: str) -> str:
        """The secret itself."""
        return self.secret_file(switch, what).read_text(encoding="utf-8").strip()

    def host_key(self, switch: str) -> bytes:
        """A switch's private host key, made if need be."""
        file = self.path / "keys" / switch
        if not file.exists():
            _write(file, new_host_key().decode())
        return file.read_bytes()

    def startup(self, switch: str) -> dict[str, Any] | None:
        """A switch's saved configuration."""
        file = self.path / "startup" / f"{switch}.json"
        if not file.exists():
            return None
        saved: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return saved

    def keep_startup(self, switch: str, saved: dict[str, Any]) -> None:
        """Save a switch's configuration."""
        _write(self.path / "startup" / f"{switch}.json", json.dumps(saved))


def _write(file: Path, text: str) -> None:
    """Replace a file's content, whole or not at all."""
    partial = file.with_name(file.name + ".new")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
    partial.replace(file)


def _compact(value: Any) -> Any:
    """Without empty and unset members: they are defaults."""
    if isinstance(value, dict):
        return {k: _compact(v) for k, v in value.items() if v not in (None, "", [], {})}
    return [_compact(v) for v in value] if isinstance(value, list) else value
