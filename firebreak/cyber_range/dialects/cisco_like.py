"""The core of every command line in Cisco's manner: exec, configure, interface and VLAN modes."""

import hmac
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, Literal

from firebreak.cyber_range.console import Console, WriteRejected
from firebreak.cyber_range.dialects import pipes
from firebreak.cyber_range.dialects.shell import Answer, Shell
from firebreak.cyber_range.grammar import Args, Found, Grammar, Rule, Wrong, mac_address, vlan_id
from firebreak.cyber_range.network import Learned, Port

CliMode = Literal["user", "exec", "config", "if", "vlan"]
Rules = list[Rule[Answer]]


class CiscoLike(Shell):
    """Modes and what is common; a dialect gives its words, its tables and its complaints."""

    config_greeting: ClassVar[str] = ""
    rejected: ClassVar[str] = "% Command rejected: the switch refuses this change\n"
    shows_in_config: ClassVar[bool] = False  # exec commands work in configuration mode without `do`

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.mode: CliMode = "exec" if console.chassis.enable_secret is None else "user"
        self.port: Port | None = None
        self.vlan = 0
        kinds = {"port": self.state.port, "vlan": vlan_id, "mac": mac_address}
        shows = self.shows()
        self._grammars: dict[CliMode, Grammar[Answer]] = {
            "user": Grammar([*self._user(), *shows], kinds),
            "exec": Grammar([*self._exec(), *shows, *self.privileged()], kinds),
            "config": Grammar(self._config(), kinds),
            "if": Grammar([*self._leave("config"), *self.interface_rules()], kinds),
            "vlan": Grammar([*self._leave("config"), Rule("name <text>", self._name_vlan)], kinds),
        }

    # What a dialect gives.

    @abstractmethod
    def shows(self) -> Rules:
        """The show commands."""

    @abstractmethod
    def privileged(self) -> Rules:
        """Reading whole configurations, and writing the startup configuration."""

    @abstractmethod
    def interface_rules(self) -> Rules:
        """What can be said to an interface."""

    @abstractmethod
    def complain(self, wrong: Wrong) -> str:
        """The platform's text for a line it does not understand."""

    # The line.

    def execute(self, line: str) -> Answer:
        """Parse and carry out a line in the current mode."""
        command, stages = pipes.split(line)
        if not command or command.startswith("!"):
            return Answer()
        grammars, shift = self._chain(command)
        found = [g.parse(" " * shift + command[shift:]) for g in grammars]
        match = next((f for f in found if isinstance(f, Found)), None)
        if match is None:
            wrong = max((f for f in found if isinstance(f, Wrong)), key=lambda w: w.column)
            return Answer(self.complain(wrong))
        try:
            answer = match()
        except WriteRejected:
            return Answer(self.rejected)
        text = pipes.filtered(answer.text, stages) if stages else answer.text
        if text is None:
            return Answer(self.complain(Wrong(len(command) + 2, stages[0])))
        return replace(answer, text=text)

    def _chain(self, command: str) -> tuple[list[Grammar[Answer]], int]:
        """The grammars that may read a line, nearest first, and how much of it `do` takes."""
        mine = self._grammars[self.mode]
        if self.mode in {"user", "exec"}:
            return [mine], 0
        if command.startswith("do "):
            return [self._grammars["exec"]], 3
        outer = [] if self.mode == "config" else [self._grammars["config"]]
        return [mine, *outer, *([self._grammars["exec"]] if self.shows_in_config else [])], 0

    # Moving between modes.

    def _user(self) -> Rules:
        return [Rule("enable", self._enable), *self._terminal()]

    def _exec(self) -> Rules:
        return [
            Rule("configure [terminal]", self._configure),
            Rule("enable", lambda _: Answer()),
            Rule("disable", lambda _: self._go("user")),
            *self._terminal(),
        ]

    def _terminal(self) -> Rules:
        return [
            Rule("terminal length <text>", lambda _: self.terminal("length")),
            Rule("terminal width <text>", lambda a: self.terminal("width", a["text"])),
            Rule("exit|logout|quit", lambda _: Answer(close=True)),
        ]

    def terminal(self, what: str, value: str = "") -> Answer:  # noqa: ARG002 - dialects say more
        """Take a terminal setting: there is no paging here anyway."""
        return Answer()

    def _config(self) -> Rules:
        return [
            *self._leave("exec"),
            Rule("interface <port>", self._interface),
            Rule("vlan <vlan>", self._enter_vlan),
            Rule("no vlan <vlan>", self._drop_vlan),
        ]

    def _leave(self, outer: CliMode) -> Rules:
        return [
            Rule("end", lambda _: self._go("exec")),
            Rule("exit", lambda _: self._go(outer)),
        ]

    def _go(self, mode: CliMode, text: str = "") -> Answer:
        self.mode = mode
        return Answer(text)

    def _enable(self, _: Args) -> Answer:
        return Answer("Password: ", ask=self._check_enable, hidden=True)

    def _check_enable(self, typed: str) -> Answer:
        secret = self.console.chassis.enable_secret or ""
        if not hmac.compare_digest(typed.encode(), secret.encode()):
            return Answer("% Bad secrets\n\n")
        return self._go("exec")

    def _configure(self, _: Args) -> Answer:
        return self._go("config", self.config_greeting)

    def _interface(self, args: Args) -> Answer:
        self.port = args["port"]
        return self._go("if")

    # Changing things.

    def edit(self, command: str, **changes: object) -> Answer:
        """Write the interface this session stands on."""
        port = self.here
        self.console.configure(command, port, replace(port.config, **changes))  # type: ignore[arg-type]  # the keys are those of PortConfig
        return Answer()

    @property
    def here(self) -> Port:
        """The interface this session stands on."""
        if self.port is None:
            raise AssertionError("interface rules run in interface mode only")
        return self.port

    def common_interface_rules(self) -> Rules:
        """Admin state and description, which everyone spells alike."""
        return [
            Rule("shutdown", lambda _: self.edit("shutdown", up=False)),
            Rule("no shutdown", lambda _: self.edit("no shutdown", up=True)),
            Rule(
                "description <text>",
                lambda a: self.edit(f"description {a['text']}", description=a["text"]),
            ),
            Rule("no description", lambda _: self.edit("no description", description="")),
        ]

    def switchport_rules(self) -> Rules:
        """``switchport ...``, as IOS, EOS and NX-OS spell it."""
        return [
            Rule("switchport access vlan <vlan>", self._access_vlan),
            Rule(
                "no switchport access vlan",
                lambda _: self.edit("no switchport access vlan", vlan=1),
            ),
            Rule(
                "switchport mode access",
                lambda _: self.edit("switchport mode access", mode="access"),
            ),
            Rule(
                "switchport mode trunk", lambda _: self.edit("switchport mode trunk", mode="trunk")
            ),
        ]

    def _access_vlan(self, args: Args) -> Answer:
        vlan = args["vlan"]
        note = "" if vlan in self.state.vlans else self.missing_vlan(vlan)
        return replace(self.edit(f"switchport access vlan {vlan}", vlan=vlan), text=note)

    def missing_vlan(self, vlan: int) -> str:  # noqa: ARG002 - dialects say more
        """What is said to a port that is put into a VLAN that does not exist."""
        return ""

    def _enter_vlan(self, args: Args) -> Answer:
        self.vlan = args["vlan"]
        if self.vlan not in self.state.vlans:
            self.console.set_vlan(f"vlan {self.vlan}", self.vlan, f"VLAN{self.vlan:04d}")
        return self._go("vlan")

    def _drop_vlan(self, args: Args) -> Answer:
        self.console.set_vlan(f"no vlan {args['vlan']}", args["vlan"], None)
        return Answer()

    def _name_vlan(self, args: Args) -> Answer:
        self.console.set_vlan(f"name {args['text']}", self.vlan, args["text"].split()[0])
        return Answer()

    def saving(self, done: str, failed: str) -> Callable[[Args], Answer]:
        """A save command with what it prints."""

        def save(_: Args) -> Answer:
            try:
                self.console.save("save")
            except WriteRejected:
                return Answer(failed)
            return Answer(done)

        return save

    def learned(self, args: Args) -> list[Learned]:
        """MAC table rows, narrowed by whatever of mac, port and vlan was given."""
        port = args.get("port")
        return [
            row
            for row in self.console.chassis.network.mac_table(self.state)
            if args.get("mac") in {None, row.mac}
            and (port is None or port.name == row.port)
            and args.get("vlan") in {None, row.vlan}
        ]

    def mac_table_rules(self, keyword: str, show: Callable[[list[Learned]], str]) -> Rules:
        """``show mac address-table`` with its usual narrowings."""

        def answer(args: Args) -> Answer:
            return Answer(show(self.learned(args)))

        heads = (f"show {keyword}", f"show {keyword} dynamic")
        tails = ("", " address <mac>", " interface <port>", " vlan <vlan>")
        pairs = (" address <mac> interface <port>", " address <mac> vlan <vlan>")
        return [Rule(head + tail, answer) for head in heads for tail in (*tails, *pairs)]
