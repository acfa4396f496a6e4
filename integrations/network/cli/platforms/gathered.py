"""Reading for many in one turn: each command is sent once, and one table answers for all ports."""

from integrations.network.cli.platforms.base import Platform, Reader

# From so many on, a table of all ports is less work for the switch than asking port by port.
_MANY = 4


class Gathered:
    """A Reader over another one, good for one look at the switch: what it has read it keeps.

    An answer that is not found in the table, or a table that the switch refuses, is asked for port
    by port: a table may only save commands, never change what is read.
    """

    def __init__(self, reader: Reader, platform: Platform, asking: int) -> None:
        self._reader = reader
        self._complaint = platform.complaint
        self._tables = platform.tables if asking >= _MANY else ()
        self._answers: dict[str, str] = {}

    def ask(self, command: str) -> str:
        """See platforms.base.Reader."""
        share = self._share(command)
        return self._once(command) if share is None else share

    def _share(self, command: str) -> str | None:
        for table in self._tables:
            match = table.narrow.fullmatch(command)
            if match:
                answer = self._once(match.expand(table.command))
                return (
                    None if self._complaint.search(answer) else table.share(answer, match["what"])
                )
        return None

    def _once(self, command: str) -> str:
        if command not in self._answers:
            self._answers[command] = self._reader.ask(command)
        return self._answers[command]
