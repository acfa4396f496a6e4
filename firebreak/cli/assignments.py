"""Inputs as they are given on the command line: ``--set NAME=VALUE``."""

import json
from collections.abc import Iterable
from typing import Any

from firebreak.cli.exits import ProblemError


def assignments(values: Iterable[str] | None) -> dict[str, Any]:
    """Each value as JSON, or else as text. Raises ProblemError when one is no NAME=VALUE."""
    return dict(_assignment(value) for value in values or ())


def _assignment(value: str) -> tuple[str, Any]:
    name, equals, given = value.partition("=")
    if not name or not equals:
        raise ProblemError(
            f"--set {value!r} is not NAME=VALUE",
            "write it like --set minutes=30",
            error="bad-input",
        )
    try:
        return name, json.loads(given)
    except ValueError:
        return name, given
