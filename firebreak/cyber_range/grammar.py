"""Command grammars: abbreviated keywords, typed arguments, and where the first mistake stands."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

A = TypeVar("A")

Args = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rule(Generic[A]):
    """A command. ``words``: keywords (``a|b`` for either) and ``<kind>`` arguments.

    ``<text>`` takes the rest of the line; ``[...]`` around the last word makes it optional.
    """

    words: str
    run: Callable[[Args], A]


@dataclass(frozen=True, slots=True)
class Wrong:
    """No rule fits: the column of the first word that fits none, or that words are missing."""

    column: int
    word: str
    incomplete: bool = False
    position: int = 0  # which word, counted from zero


@dataclass(frozen=True, slots=True)
class Found(Generic[A]):
    """The rule that fits, with its arguments."""

    run: Callable[[Args], A]
    args: Args

    def __call__(self) -> A:
        """Run the command."""
        return self.run(self.args)


class Grammar(Generic[A]):
    """Rules in order of precedence and the readers of their arguments.

    A reader gives the value for a word, or None when the word is not of its kind.
    """

    def __init__(self, rules: Sequence[Rule[A]], kinds: Mapping[str, Callable[[str], Any]]) -> None:
        self._rules = [(rule, rule.words.split()) for rule in rules]
        self._kinds = kinds

    def parse(self, line: str) -> Found[A] | Wrong:
        """The command a line means."""
        tokens = [(m.start(), m.group()) for m in re.finditer(r"\S+", line)]
        furthest, missing = 0, False
        for rule, words in self._rules:
            args, used, short = self._fit(words, tokens, line)
            if args is not None:
                return Found(rule.run, args)
            if used > furthest or (used == furthest and short):
                furthest, missing = used, short
        column, word = tokens[furthest] if furthest < len(tokens) else (len(line), "")
        return Wrong(column, word, missing, furthest)

    def _fit(
        self, words: list[str], tokens: list[tuple[int, str]], line: str
    ) -> tuple[Args | None, int, bool]:
        """``(arguments or None, tokens that fitted, whether more were needed)``."""
        args: Args = {}
        at = 0
        for raw in words:
            optional = raw.startswith("[")
            word = raw.strip("[]")
            if at >= len(tokens):
                return (args, at, False) if optional else (None, at, True)
            taken = self._take(word, tokens, at, line, args)
            if not taken:
                return None, at, False
            at += taken
        return (args, at, False) if at == len(tokens) else (None, at, False)

    def _take(
        self, word: str, tokens: list[tuple[int, str]], at: int, line: str, args: Args
    ) -> int:
        """How many tokens the word takes; none when it does not fit."""
        column, token = tokens[at]
        if not word.startswith("<"):
            fits = any(option.startswith(token.lower()) for option in word.split("|"))
            return int(fits)
        kind = word.strip("<>")
        if kind == "text":
            args[kind] = line[column:].strip()
            return len(tokens) - at
        value = self._kinds[kind](token)
        if value is None and token.isalpha() and at + 1 < len(tokens):
            value = self._kinds[kind](token + tokens[at + 1][1])  # "GigabitEthernet 0/3"
            taken = 2
        else:
            taken = 1
        if value is None:
            return 0
        args[kind] = value
        return taken


def vlan_id(text: str) -> int | None:
    """1..4094."""
    return int(text) if text.isdecimal() and 1 <= int(text) <= 4094 else None  # noqa: PLR2004


def mac_address(text: str) -> str | None:
    """Any of ``0200.0000.0017``, ``02:00:...``, ``02-00-...`` as lower-case colons."""
    digits = re.sub(r"[.:-]", "", text.lower())
    if not re.fullmatch(r"[0-9a-f]{12}", digits) or text.lower() == digits:
        return None
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def dotted(mac: str) -> str:
    """``02:00:00:00:00:17`` as ``0200.0000.0017``."""
    digits = mac.replace(":", "")
    return ".".join(digits[i : i + 4] for i in range(0, 12, 4))
