"""The drawing: every step and every way, and no text of an author that becomes syntax."""

import re

import pytest

from firebreak.playbook.graph import LINE, label_of, mermaid
from firebreak.playbook.library import Library
from firebreak.playbook.program import Do
from tests.unit.playbook.writing import compile_steps

NODE = re.compile(r'  (n\d+)[\[({]{1,2}"([^"]*)"[\])}]{1,2}')
EDGE = re.compile(r'  (n\d+) -->(?:\|"([^"]*)"\|)? (n\d+)')


def drawn(steps: str) -> tuple[dict[str, str], set[tuple[str, str, str]]]:
    """Labels by node, and (from, arrow's label, to) by the first line of each label."""
    nodes: dict[str, str] = {}
    edges: set[tuple[str, str, str]] = set()
    head, *lines = mermaid(compile_steps(steps)).splitlines()
    assert head == "flowchart TD"
    for line in lines:
        if edge := EDGE.fullmatch(line):
            first, label, last = edge.groups()
            edges.add((nodes[first], label or "", nodes[last]))
        else:
            node = NODE.fullmatch(line)
            assert node, line
            nodes[node.group(1)] = node.group(2).partition("<br>")[0]
    return nodes, edges


def test_a_sequence_is_drawn_from_start_to_end() -> None:
    _, edges = drawn("- {id: a, wait: 1s}\n- {id: b, wait: 1s}")
    assert edges == {("test v1", "", "a"), ("a", "", "b"), ("b", "", "end")}


def test_every_way_is_drawn() -> None:
    steps = """
    - {id: a, do: network.quarantine, hold: 1h, on_failure: [{id: f, wait: 1s}]}
    - {id: g, wait: 1s, when: device.site == 'x'}
    - {when: device.site == 'y', then: [{id: t, wait: 1s}]}
    - parallel: [{id: p, wait: 1s}, {id: q, wait: 1s}]
      id: par
    - {id: each, for_each: alerts, as: one, max: 3, steps: [{id: s, wait: 1s}]}
    - {id: sure, approve: {role: on-call}, plan: [back]}
    - {id: back, do: release, of: [a]}
    """
    _, edges = drawn(steps)
    x, y = "device.site == 'x'", "device.site == 'y'"
    assert edges == {
        ("test v1", "", "a"),
        ("a", "failed", "f"),
        ("a", "", x),
        ("f", "", x),
        (x, "yes", "g"),
        (x, "no", y),
        ("g", "", y),
        (y, "yes", "t"),
        (y, "no", "par"),
        ("t", "", "par"),
        ("par", "", "p"),
        ("par", "", "q"),
        ("p", "", "each"),
        ("q", "", "each"),
        ("each", "each", "s"),
        ("s", "", "each"),
        ("each", "done", "sure"),
        ("sure", "approved", "back"),
        ("sure", "denied or no answer", "end"),
        ("back", "", "end"),
    }


@pytest.mark.parametrize(
    "hostile",
    ['"]; click n0 "javascript:alert(1)"', "<script>", "%%{init: {}}%%", "a`b`", "#quot;", "é|\t"],
)
def test_text_never_becomes_syntax(hostile: str) -> None:
    label = label_of(hostile)
    assert not set('"<>[]{}|`%\t') & set(label)
    decoded = re.sub(r"#(\d+);", lambda code: chr(int(code.group(1))), label)
    assert decoded == hostile


def test_an_expression_with_quotes_stays_within_its_label() -> None:
    steps = """
    - when: device.site == "]" or device.site == '<b>'
      then: [wait: 1s]
    """
    nodes, _ = drawn(steps)
    assert len(nodes) == 4


def test_the_shipped_playbooks_can_be_drawn() -> None:
    for program in Library.load().programs():
        assert mermaid(program).startswith("flowchart TD\n")
        assert mermaid(program) == mermaid(program)


def test_every_rung_of_the_longest_ladder_is_drawn() -> None:
    program = Library.load().program("isolate")
    shown = mermaid(program).replace("<br>", " ")
    ladders = [step.ladder for step in program.steps if isinstance(step, Do) and step.ladder]
    assert ladders
    for ladder in ladders:
        assert ", then ".join(ladder) in shown


def test_a_long_line_goes_on_in_the_next_and_nothing_is_cut() -> None:
    words = [f"word{n}" for n in range(60)]
    lines = label_of(" ".join(words)).split("<br>")
    assert " ".join(lines).split() == words
    assert max(map(len, lines)) <= LINE
    assert "".join(label_of("x" * 200).split("<br>")) == "x" * 200
