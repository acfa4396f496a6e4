"""Junos configuration mode: what can be set, deleted, committed and rolled back."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from firebreak.cyber_range.console import Console
from firebreak.cyber_range.dialects import junos_tables as tables
from firebreak.cyber_range.dialects.junos_store import Draft, JunosStore, with_member
from firebreak.cyber_range.dialects.shell import Answer
from firebreak.cyber_range.grammar import Args, Rule

_DIRTY = "The configuration has been changed but not committed\n"
_LEAVE = f"{_DIRTY}Exit with uncommitted changes? [yes,no] (yes) "
_DISCARD = (
    f"{_DIRTY}warning: Auto rollback will discard your changes\n"
    "Discard uncommitted changes? [yes,no] (yes) "
)
_DEFAULT_MINUTES = 10

Change = Callable[[Draft, Args], Draft]


class Editor(Protocol):
    """The shell whose configuration mode this is."""

    editing: bool


class ConfigurationMode:
    """The rules of configuration mode for one session."""

    def __init__(self, console: Console, store: JunosStore, editor: Editor) -> None:
        self._console = console
        self._store = store
        self._editor = editor

    def enter(self, *, exclusive: bool) -> Answer:
        """``configure [exclusive]``; a session that holds the lock keeps all others out."""
        holder = self._store.locked_by
        if holder is not None and holder is not self._console:
            return Answer(
                "error: configuration database locked by:\n"
                f"  {holder.user} terminal p0 (pid 4711) on since 2026-01-01 00:00:00 UTC\n"
                "      exclusive [edit]\n"
            )
        if exclusive and self._store.dirty:
            return Answer("error: configuration database modified\n")
        self._editor.editing = True
        warning = ""
        if exclusive:
            self._store.locked_by = self._console
            warning = "warning: uncommitted changes will be discarded on exit\n"
        dirty = _DIRTY if self._store.dirty else ""
        return Answer(f"{warning}Entering configuration mode\n{dirty}")

    def release(self) -> None:
        """Give the lock back; what an exclusive session did not commit is gone."""
        if self._store.locked_by is self._console:
            self._store.discard()
            self._store.locked_by = None

    def rules(self) -> list[Rule[Answer]]:
        """Everything understood below ``[edit]``."""
        base = "interfaces <port>"
        family = f"{base} unit 0 family ethernet-switching"
        changes: dict[str, Change] = {
            f"set {family} vlan members <word>": lambda d, a: with_member(d, a["word"]),
            f"set {family} interface-mode access": _mode("access"),
            f"set {family} interface-mode trunk": _mode("trunk"),
            f"set {base} disable": lambda d, _: replace(d, disabled=True),
            f"set {base} description <text>": _describe,
            f"delete {family} vlan members <word>": _without_member,
            f"delete {family} vlan [members]": lambda d, _: replace(d, members=()),
            f"delete {family} interface-mode": _mode("access"),
            f"delete {base} disable": lambda d, _: replace(d, disabled=False),
            f"delete {base} description": lambda d, _: replace(d, description=""),
        }
        return [
            *(Rule(words, self._edit(change)) for words, change in changes.items()),
            *self._commit_rules(),
            Rule("rollback [<number>]", self._rollback),
            Rule("show interfaces <port>", self._show),
            Rule("show", self._show),
            Rule("top", lambda _: Answer()),
            Rule("exit|quit [configuration-mode]", self._leave),
        ]

    def _commit_rules(self) -> list[Rule[Answer]]:
        tails = ("", " and-quit", " comment <text>")
        return [
            Rule("commit check", self._check),
            *(Rule(f"commit{tail}", self._commit(0)) for tail in tails),
            *(Rule(f"commit confirmed{tail}", self._commit(_DEFAULT_MINUTES)) for tail in tails),
            *(Rule(f"commit confirmed <minutes>{tail}", self._commit(0)) for tail in tails),
        ]

    def _edit(self, change: Change) -> Callable[[Args], Answer]:
        def run(args: Args) -> Answer:
            port = args["port"]
            self._store.edit(port, lambda draft: change(draft, args))
            self._console.note_candidate(args["line"])
            return Answer()

        return run

    def _check(self, _: Args) -> Answer:
        self._store.check()
        return Answer("configuration check succeeds\n")

    def _commit(self, default: int) -> Callable[[Args], Answer]:
        def run(args: Args) -> Answer:
            minutes = args.get("minutes", default)
            said = f"commit confirmed {minutes}" if minutes else "commit"
            self._store.commit(self._console, said, minutes)
            text = "commit complete\n"
            if minutes:
                promise = "commit confirmed will be automatically rolled back in"
                text = f"{promise} {minutes} minutes unless confirmed\n{text}"
            if args["line"].split()[-1] == "and-quit":
                text += self._left().text
            return Answer(text)

        return run

    def _rollback(self, args: Args) -> Answer:
        number = args.get("number", 0)
        if not self._store.rollback(number):
            return Answer(f"error: could not find rollback configuration {number}\n")
        self._console.note_candidate(f"rollback {number}")
        return Answer("load complete\n")

    def _show(self, args: Args) -> Answer:
        return Answer(tables.drafts(self._store.candidate, args.get("port"), as_set=args["as_set"]))

    def _leave(self, _: Args) -> Answer:
        if not self._store.dirty:
            return self._left()
        exclusive = self._store.locked_by is self._console
        return Answer(_DISCARD if exclusive else _LEAVE, ask=self._confirm)

    def _confirm(self, typed: str) -> Answer:
        return Answer() if typed.strip().lower().startswith("n") else self._left()

    def _left(self) -> Answer:
        self.release()
        self._editor.editing = False
        return Answer("Exiting configuration mode\n")


def _mode(mode: str) -> Change:
    return lambda draft, _: replace(draft, mode=mode)


def _describe(draft: Draft, args: Args) -> Draft:
    return replace(draft, description=args["text"].strip('"'))


def _without_member(draft: Draft, args: Args) -> Draft:
    return replace(draft, members=tuple(m for m in draft.members if m != args["word"]))
