"""What the pages show is what happens: their commands are run, their YAML is loaded."""

import re
import shlex
import time
from pathlib import Path

import pytest

from docs.from_code.commands import every_command
from firebreak.playbook.catalogue import SHIPPED
from firebreak.playbook.library import Library
from firebreak.policy.cedar import CedarPolicy
from firebreak.policy.vocabulary import Vocabulary
from tests.docs.blocks import Block, Command, blocks, commands, pages
from tests.docs.shell import Names, Shell
from tests.docs.site import Site

# Whose commands are tried by tests of their own, or need what only a reader has.
ELSEWHERE = {
    "docs/how-to/run-on-one-machine.md": "every block starts, stops or configures a whole machine",
    "docs/performance.md": "its command is the benchmark",
}
LISTS = ("firebreak approvals", "firebreak holds", "firebreak incidents", "firebreak alerts")
LONGEST_S = 15
RUN = [
    page
    for page in pages()
    if page not in ELSEWHERE
    and page != "README.md"
    and any(not block.why_not_run for block in blocks(page, "console"))
]
PLAYBOOKS = [
    block
    for page in pages()
    for block in blocks(page, "yaml")
    if block.text.lstrip().startswith(("playbook:", "# yaml-language-server"))
]


@pytest.mark.timeout(300)
@pytest.mark.xdist_group("docs-site")
@pytest.mark.parametrize("page", RUN)
def test_the_commands_of_a_page_do_what_it_says(page: str, site: Site) -> None:
    names = Names()
    with Shell(site.directory, site.environment) as shell:
        for block in blocks(page, "console", "yaml", "python"):
            _try(block, shell, names, site)


def _try(block: Block, shell: Shell, names: Names, site: Site) -> None:
    if block.file:
        (site.directory / block.file).write_text(block.text)
    elif block.restarts:
        site.stop()
        site.start()
    elif block.language == "console" and not block.why_not_run:
        shown = commands(block)
        assert shown, f"{block.page}:{block.line}: nothing to run; lines begin with `$ `"
        for place, command in enumerate(shown):
            asked = place + 1 < len(shown) and shown[place + 1].text == "echo $?"
            _run(block, command, shell, names, may_fail=asked)


def _run(block: Block, command: Command, shell: Shell, names: Names, *, may_fail: bool) -> None:
    """A list is asked for again until it holds what the page shows: people type slowly."""
    give_up = time.monotonic() + (LONGEST_S if command.text in LISTS else 0)
    while True:
        code, said = shell.run(names.real(command.text))
        where = f"{block.page}:{command.line}: {command.text}: exit {code}\n"
        assert code == 0 or may_fail, where + "\n".join(said)
        try:
            names.expect(command.output, said)
        except AssertionError:
            if time.monotonic() > give_up:
                raise
        else:
            return


def test_whatever_is_not_run_says_why() -> None:
    for page in RUN:
        for block in blocks(page, "console", "sh", "bash"):
            assert block.language == "console" or block.why_not_run, block


@pytest.mark.parametrize("block", PLAYBOOKS, ids=lambda block: f"{block.page}:{block.line}")
def test_every_playbook_on_a_page_has_no_problems_but_those_it_shows(
    block: Block, tmp_path: Path
) -> None:
    name = re.findall(r"^playbook: (\S+)$", block.text, re.MULTILINE)[0]
    path = tmp_path / f"{name}.yaml"
    path.write_text(block.text)
    found = Library.load((), SHIPPED).check(path)
    shown = "\n".join(each.text for each in blocks(block.page, "console"))
    assert [problem for problem in found if problem.message not in shown] == []


def test_every_policy_on_a_page_loads(tmp_path: Path) -> None:
    found = 0
    for page in pages():
        for block in blocks(page, "cedar"):
            path = tmp_path / f"{found}.cedar"
            path.write_text(block.text)
            assert CedarPolicy.load(path, Vocabulary(SHIPPED)).digest
            found += 1
    assert found


def test_every_command_on_a_page_exists_with_its_options() -> None:
    known = {name: {o for p in cmd.params for o in p.opts} for name, cmd in every_command()}
    wrong = [
        f"{page}:{command.line}: {problem}"
        for page in pages()
        for block in blocks(page, "console")
        for command in commands(block)
        for problem in _unknown(command.text, known)
    ]
    assert wrong == []


def _unknown(command: str, known: dict[str, set[str]]) -> list[str]:
    words = shlex.split(command, comments=True)
    if not words or words[0] != "firebreak" or words[1:2] in (["--version"], ["--help"]):
        return []
    name = next((n for n in (" ".join(words[1:3]), words[1]) if n in known), "")
    if not name:
        return [f"no command {command!r}"]
    options = [word.partition("=")[0] for word in words if word.startswith("-") and word != "-"]
    return [f"{name} has no {option}" for option in options if option not in known[name]]
