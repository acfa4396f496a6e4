"""Lint of playbooks within playbooks: they exist, fit, and come to an end."""

import pytest

from tests.unit.playbook.writing import codes, lint_steps, named

RUN = "- {run: other}"
GOOD = named("other", "- wait: 1s")


def test_a_good_playbook_can_be_run() -> None:
    assert codes(RUN, others={"other": GOOD}) == []


def test_an_unknown_playbook_gets_a_hint() -> None:
    (problem,) = lint_steps("- {run: othr}", others={"other": GOOD})
    assert (problem.code, problem.line, problem.column) == ("unknown-playbook", 5, 11)
    assert problem.hint == "did you mean 'other'?"


def test_a_broken_playbook_cannot_be_run() -> None:
    assert codes(RUN, others={"other": named("other", "- {do: network.quarantine}")}) == [
        "broken-playbook"
    ]
    assert codes(RUN, others={"other": "steps: ["}) == ["unknown-playbook"]


@pytest.mark.parametrize(
    "others",
    [
        {"other": named("other", "- {run: test}"), "test": named("test", RUN)},
        {"other": named("other", "- {run: third}"), "third": named("third", "- {run: test}")},
        {"other": named("other", "- {run: third}"), "third": named("third", "- {run: other}")},
        {"other": named("other", "- wait: 1s\n  on_failure: [run: test]")},
    ],
)
def test_playbooks_do_not_run_in_circles(others: dict[str, str]) -> None:
    assert codes(RUN, others=others) == ["endless-run"]


def test_a_playbook_does_not_run_itself() -> None:
    assert codes("- {run: test}") == ["endless-run"]


def test_playbooks_nest_a_few_levels_only() -> None:
    chain = {f"p{n}": named(f"p{n}", f"- {{run: p{n + 1}}}") for n in range(20)}
    chain["p20"] = named("p20", "- wait: 1s")
    assert codes("- {run: p14}", others=chain) == []
    assert codes("- {run: p1}", others=chain) == ["endless-run"]


def test_nested_playbooks_cannot_grow_without_bound() -> None:
    tree = {f"p{n}": named(f"p{n}", f"- {{run: p{n + 1}}}\n" * 10) for n in range(6)}
    tree["p6"] = named("p6", "- wait: 1s")
    assert codes("- {run: p0}", others=tree)[-1:] == ["broken-playbook"]
    assert codes("- {run: p4}\n" * 5, others=tree) == ["too-large"]
    assert codes("- {run: p4}\n" * 4, others=tree) == []


def test_inputs_are_checked_against_the_other_playbook() -> None:
    head = "playbook: other\nversion: 1\nsummary: A\n"
    head += "inputs: {who: {required: true}, times: {type: integer}}\n"
    others = {"other": head + "steps: [wait: 1s]\n"}
    assert codes("- {run: other, with: {who: a, times: 2}}", others=others) == []
    assert codes("- {run: other}", others=others) == ["missing-input"]
    assert codes("- {run: other, with: {who: a, time: 2}}", others=others) == ["unknown-input"]
    assert codes("- {run: other, with: {who: a, times: b}}", others=others) == ["wrong-type"]
    assert codes("- {run: other, with: {who: '{{ vars.x }}'}}", others=others) == ["undefined-name"]
