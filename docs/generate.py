"""Writes the pages that are made from the code: `make docs`. With `--check` it only compares."""

import sys
from collections.abc import Callable
from pathlib import Path

from docs.from_code import (
    actions,
    api,
    commands,
    entries,
    errors,
    metrics,
    playbook,
    policy,
    settings,
)

DOCS = Path(__file__).parent

PAGES: dict[str, Callable[[], str]] = {
    "errors.md": errors.render,
    "reference/actions.md": actions.render,
    "reference/api.md": api.render,
    "reference/commands.md": commands.render,
    "reference/entries.md": entries.render,
    "reference/metrics.md": metrics.render,
    "reference/playbook.md": playbook.render,
    "reference/policy-schema.md": policy.render,
    "reference/settings.md": settings.render,
}


def stale() -> list[str]:
    """The pages that do not say what the code says."""
    return [name for name, render in PAGES.items() if _on_disk(DOCS / name) != render()]


def write() -> None:
    """Write every page."""
    for name, render in PAGES.items():
        path = DOCS / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(render(), encoding="utf-8")


def _on_disk(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def main() -> int:
    """0, or 1 when `--check` found stale pages."""
    if "--check" not in sys.argv[1:]:
        write()
        return 0
    found = stale()
    for name in found:
        sys.stderr.write(f"docs/{name} is stale: run `make docs`\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
