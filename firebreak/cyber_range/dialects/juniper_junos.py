"""Junos with ELS (EX2300 to EX4400): operational mode, a candidate, commit confirmed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from firebreak.cyber_range.console import Console, WriteRejected
from firebreak.cyber_range.dialects import junos_tables as tables
from firebreak.cyber_range.dialects import pipes
from firebreak.cyber_range.dialects.junos_edit import ConfigurationMode
from firebreak.cyber_range.dialects.junos_store import CheckFailed, JunosStore
from firebreak.cyber_range.dialects.shell import Answer, Shell
from firebreak.cyber_range.grammar import Args, Found, Grammar, Rule, Wrong, mac_address

_REJECTED = "error: commit failed: (statements constraint check failed)\n"
_MAX_MINUTES = 65535


class JuniperJunos(Shell):
    """``admin@sw-1> `` and, below an ``[edit]`` line, ``admin@sw-1# ``."""

    def __init__(self, console: Console, store: JunosStore) -> None:
        super().__init__(console)
        self.store = store
        self.editing = False
        self._mode = ConfigurationMode(console, store, self)
        kinds: dict[str, Callable[[str], Any]] = {
            "port": self._port,
            "mac": mac_address,
            "minutes": _minutes,
            "number": _number,
            "word": str,
        }
        operational = [*self._shows(), *self._configuration_shows(), *self._other()]
        self._operational: Grammar[Answer] = Grammar(operational, kinds)
        self._configuration: Grammar[Answer] = Grammar(self._mode.rules(), kinds)

    @property
    def prompt(self) -> str:
        """Several lines in configuration mode, as Junos prints it."""
        name = f"{self.console.user}@{self.state.name}"
        if not self.editing:
            return f"\n{name}> "
        left = self.store.minutes
        note = f"# commit confirmed will be rolled back in {left} minutes\n" if left else ""
        return f"\n{note}[edit]\n{name}# "

    def greeting(self) -> str:
        """The banner after login."""
        return "--- JUNOS 21.4R3.15 Kernel 64-bit\n"

    def close(self) -> None:
        """Give the exclusive lock back."""
        self._mode.release()

    def execute(self, line: str) -> Answer:
        """Parse and carry out a line."""
        command, stages = pipes.split(line)
        if not command:
            return Answer()
        found = self._parse(command)
        if isinstance(found, Wrong):
            return Answer(self._complain(found))
        if "compare" in stages:
            return Answer(tables.compare(self.store.active, self.store.candidate))
        filters = [stage for stage in stages if stage.split() != ["display", "set"]]
        found.args.update(line=command, as_set=len(filters) < len(stages))
        answer = self._run(found)
        text = pipes.filtered(answer.text, filters) if filters else answer.text
        if text is None:
            return Answer(self._complain(Wrong(len(command) + 2, filters[0], position=1)))
        return replace(answer, text=text)

    def _parse(self, command: str) -> Found[Answer] | Wrong:
        if not self.editing:
            return self._operational.parse(command)
        if command.startswith("run "):
            return self._operational.parse(" " * 4 + command[4:])
        return self._configuration.parse(command)

    def _run(self, found: Found[Answer]) -> Answer:
        try:
            return found()
        except WriteRejected:
            return Answer(_REJECTED)
        except CheckFailed as failure:
            return Answer(str(failure))

    def _complain(self, wrong: Wrong) -> str:
        column = len(self.prompt.rpartition("\n")[2]) + wrong.column
        caret = " " * column + "^\n"
        if wrong.incomplete:
            return f"{caret}syntax error, expecting <statement> or <identifier>.\n"
        return f"{caret}{'syntax error.' if wrong.position else 'unknown command.'}\n"

    def _port(self, text: str) -> str | None:
        """A port's name, with or without its unit."""
        port = self.state.port(text.removesuffix(".0"))
        return port.name if port else None

    def _shows(self) -> list[Rule[Answer]]:
        s = self.state
        interfaces = "show ethernet-switching interface|interfaces"
        table = "show ethernet-switching table"
        return [
            Rule(interfaces, lambda _: Answer(tables.switching(s))),
            Rule(interfaces + " <port>", lambda a: Answer(tables.switching(s, a["port"]))),
            Rule(table, self._macs),
            Rule(table + " <mac>", self._macs),
            Rule(table + " address <mac>", self._macs),
            Rule(table + " interface <port>", self._macs),
            Rule("show vlans", lambda _: Answer(tables.vlans(s))),
            Rule("show interfaces terse", lambda _: Answer(tables.terse(s))),
            Rule("show interfaces <port> terse", lambda a: Answer(tables.terse(s, a["port"]))),
            Rule("show interfaces terse <port>", lambda a: Answer(tables.terse(s, a["port"]))),
            Rule("show interfaces <port>", lambda a: Answer(tables.interface(s, a["port"]))),
            Rule("show system commit", lambda _: Answer(tables.commits(self.store))),
        ]

    def _macs(self, args: Args) -> Answer:
        rows = [
            row
            for row in self.console.chassis.network.mac_table(self.state)
            if args.get("mac") in {None, row.mac} and args.get("port") in {None, row.port}
        ]
        return Answer(tables.mac_table(self.state, rows))

    def _configuration_shows(self) -> list[Rule[Answer]]:
        def interfaces(args: Args) -> Answer:
            port, as_set = args.get("port"), args["as_set"]
            return Answer(tables.drafts(self.store.active, port, as_set=as_set))

        def vlans(args: Args) -> Answer:
            return Answer(tables.vlan_config(self.state, as_set=args["as_set"]))

        return [
            Rule("show configuration interfaces <port>", interfaces),
            Rule("show configuration interfaces", interfaces),
            Rule("show configuration vlans", vlans),
            Rule("show configuration switch-options voip", lambda _: Answer()),
            Rule("show configuration", lambda a: Answer(vlans(a).text + interfaces(a).text)),
        ]

    def _other(self) -> list[Rule[Answer]]:
        return [
            Rule("set cli screen-width <word>", _echo("Screen width set to")),
            Rule("set cli screen-length <word>", _echo("Screen length set to")),
            Rule("set cli complete-on-space off", _echo("Disabling complete-on-space")),
            Rule("configure|edit", lambda _: self._mode.enter(exclusive=False)),
            Rule("configure|edit exclusive", lambda _: self._mode.enter(exclusive=True)),
            Rule("exit|quit", lambda _: Answer(close=True)),
        ]


def _echo(said: str) -> Callable[[Args], Answer]:
    return lambda args: Answer(f"{said} {args.get('word', '')}".rstrip() + "\n")


def _minutes(text: str) -> int | None:
    return int(text) if text.isdecimal() and 0 < int(text) <= _MAX_MINUTES else None


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
