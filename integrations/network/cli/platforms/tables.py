"""Tables that answer for all ports of a switch what would be asked port by port."""

import re
from collections.abc import Callable

from firebreak.domain.device import normalize_mac
from integrations.network.cli.platforms.base import MAC, Table

# Whether a word of an answer names a port that is asked about.
Names = Callable[[str, str], bool]


def blocks(narrow: str, command: str, name: re.Pattern[str], names: Names) -> Table:
    """A table of blocks, each beginning with a line in which ``name`` finds the port as group 1."""

    def share(answer: str, port: str) -> str | None:
        starts = [*name.finditer(answer)]
        ends = [start.start() for start in starts[1:]] + [len(answer)]
        found = [
            answer[start.start() : end]
            for start, end in zip(starts, ends, strict=False)  # no block, no end
            if names(start[1], port)
        ]
        return found[0] if len(found) == 1 else None

    return Table(re.compile(narrow), command, share)


def mac_tables(
    command: str, row: re.Pattern[str], names: Names, header: str = "mac address"
) -> tuple[Table, Table]:
    """The whole MAC table, for a port's part of it and for an address's.

    ``header`` is in the answer, in whatever case, also when the table is empty. Nothing is taken
    from a table that holds a line with an address that does not fit ``row``: what cannot be read
    might be about the port.
    """

    def rows(answer: str, fits: Callable[[str], bool]) -> str | None:
        lines = [line for line in answer.splitlines() if MAC.search(line)]
        if header not in answer.casefold() or not all(map(row.match, lines)):
            return None
        return "\n".join(filter(fits, lines))

    def on_port(answer: str, port: str) -> str | None:
        return rows(answer, lambda line: any(names(w, port) for w in re.split(r"[\s,]+", line)))

    def of_mac(answer: str, mac: str) -> str | None:
        wanted = normalize_mac(mac)
        return rows(answer, lambda line: wanted in map(normalize_mac, MAC.findall(line)))

    start = re.escape(command)
    return (
        Table(re.compile(rf"{start} (?:interface|port) (?P<what>\S+)"), command, on_port),
        Table(re.compile(rf"{start} (?:address|\| match) (?P<what>\S+)"), command, of_mac),
    )
