"""Tables as switches print them."""

from collections.abc import Iterable


def wrapped(ports: Iterable[str], width: int) -> list[str]:
    """Port names joined by commas into lines of at most ``width`` columns; at least one line."""
    lines = [""]
    for port in ports:
        longer = f"{lines[-1]}, {port}" if lines[-1] else port
        if len(longer) > width and lines[-1]:
            lines.append(port)
        else:
            lines[-1] = longer
    return lines


def text(lines: Iterable[str]) -> str:
    """Lines with an end each."""
    return "".join(f"{line}\n" for line in lines)
