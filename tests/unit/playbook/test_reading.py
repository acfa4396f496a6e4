"""Every file an author can write gets a model or an error with file, line and column."""

import time

import pytest

from firebreak.errors import DefinitionError
from firebreak.playbook.problems import InvalidPlaybookError
from firebreak.playbook.reading import MAX_BYTES, MAX_PROBLEMS, read_bytes, read_text
from tests.unit.playbook.writing import HEAD, lint_steps, lint_text, playbook

BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        (BOMB, 1, 4, "anchors and aliases"),
        ("playbook: a\nversion: *a\n", 2, 10, "anchors and aliases"),
        ("playbook: a\nversion: !!python/object:os.system x\n", 2, 10, "tags are not accepted"),
        ("playbook: a\nversion: 1\nplaybook: b\n", 3, 1, "given twice"),
        ("playbook: a\n<<: {version: 1}\n", 2, 1, "merge keys"),
        ("? [a, b]\n: c\n", 1, 3, "a key must be plain text"),
        ("playbook: a\n---\nplaybook: b\n", 2, 1, "a second document"),
        ("", 1, 1, "empty"),
        ("# only a comment\n", 1, 1, "empty"),
        ("a: [1, 2\nb: 3\n", 2, 2, "expected"),
        ("a: b: c\n", 1, 5, "mapping values"),
        ("a: {{ alert.title }}\n", 1, 5, "a key must be plain text"),
        ("a: \x00\n", 1, 1, "character"),
        ("a:\n\tb: 1\n", 2, 1, "cannot start any token"),
        ("[" * 60, 1, 32, "nested deeper"),
        ("a: " + "{b: " * 60, 1, 124, "nested deeper"),
        ("- " * 60, 1, 63, "nested deeper"),
    ],
)
def test_hostile_yaml_is_refused_with_its_place(
    text: str, line: int, column: int, says: str
) -> None:
    (problem,) = lint_text(text)
    assert (problem.file, problem.code) == ("test.yaml", "not-a-playbook")
    assert (problem.line, problem.column) == (line, column), problem
    assert says in problem.message


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"\x7fELF\x01\x01\x01\x00\x00", "character"),
        (b"\xff\xfea\x00", "not UTF-8"),
        (b"playbook: \xe9t\xe9", "not UTF-8"),
        (b"a" * (MAX_BYTES + 1), "at most 256 KiB"),
        (b"a: 1\n" * MAX_BYTES, "at most 256 KiB"),
    ],
)
def test_binary_and_huge_files_are_refused(raw: bytes, says: str) -> None:
    with pytest.raises(InvalidPlaybookError, match=says):
        read_bytes(raw, "test.yaml")


def test_half_a_character_is_refused() -> None:
    with pytest.raises(InvalidPlaybookError, match="surrogate"):
        read_text("playbook: \ud800", "test.yaml")


@pytest.mark.parametrize(
    "filling",
    [
        "- a\n",
        "[],",
        "{a: ",
        "? ",
        "'\n",
        "&a ",
        '"\\x41',
        "a: b\n",
        "- {do: network.quarantine}\n",
        "- x\n",
    ],
)
def test_the_largest_hostile_file_is_refused_quickly(filling: str) -> None:
    text = playbook("- wait: 1s") + filling * (200_000 // len(filling))
    began = time.perf_counter()
    with pytest.raises(DefinitionError):
        read_text(text, "test.yaml")
    assert time.perf_counter() - began < 5


def test_many_broken_steps_are_refused_quickly_and_shortly() -> None:
    branch = "    - [" + "x, " * 900 + "x]\n"
    text = f"{HEAD}steps:\n- parallel:\n" + branch * 20
    began = time.perf_counter()
    assert len(lint_text(text)) == MAX_PROBLEMS
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    ("steps", "code", "line", "column", "says"),
    [
        ("- d\u043e: network.quarantine", "step-kind", 5, 5, "exactly one of do, approve"),
        ("- {do: device.probe, wait: 1s}", "step-kind", 5, 5, "exactly one of"),
        ("- just text", "step-kind", 5, 5, "exactly one of"),
        ("- {do: device.probe, ladders: [a]}", "unknown-field", 5, 24, "unknown field 'ladders'"),
        ("- {do: network.quarantine, hold: 4}", "wrong-value", 5, 36, "hold: a duration"),
        ("- {do: network.quarantine, hold: {for: 5y}}", "wrong-value", 5, 42, "for: a duration"),
        ("- wait: 5m5", "wrong-value", 5, 11, "wait: a duration is written like"),
        ("- wait: 0s", "wrong-value", 5, 11, "between 1s and 90d"),
        ("- wait: 91d", "wrong-value", 5, 11, "between 1s and 90d"),
        ("- do: Network.Quarantine", "wrong-value", 5, 9, "do: string should match"),
        ("- {id: 1abc, wait: 1s}", "wrong-value", 5, 10, "id: string should match"),
        ("- {wait: 1s, when: }", "empty-field", 5, 16, "`when` has no value"),
        ("- {do: release, of: []}", "wrong-value", 5, 23, "of: list should have at least 1"),
        ("- {do: device.probe, irreversible: 1}", "wrong-value", 5, 38, "valid boolean"),
        ("- for_each: alerts\n  as: a\n  steps: [wait: 1s]", "missing-field", 5, 5, "`max`"),
        ("- {approve: {role: a, otherwise: allow}, plan: [b]}", "wrong-value", 5, 36, "'deny'"),
        ("- {approve: {role: a, inform: [b]}, plan: [c]}", "unknown-field", 5, 25, "inform"),
        ("- {approve: {role: a}}", "missing-field", 5, 5, "`plan`"),
        ("- parallel: [wait: 1s]", "wrong-value", 5, 15, "at least 2 items"),
        ("- parallel: [{wait: 1s}, [{wiat: 1s}]]", "step-kind", 5, 29, "exactly one of"),
        ("- {when: alert, then: []}", "wrong-value", 5, 25, "then: list should have"),
        ("- {do: device.probe, with: [a]}", "wrong-value", 5, 30, "with: input should be"),
        ("- {set: {Bad-Name: 1}}", "wrong-value", 5, 22, "string should match"),
        ("- {do: device.probe, with: {a: 9007199254740992}}", "wrong-value", 5, 34, "larger than"),
    ],
)
def test_what_is_not_in_the_schema_is_refused_with_its_place(
    steps: str, code: str, line: int, column: int, says: str
) -> None:
    problem = lint_steps(steps)[0]
    assert (problem.code, says in problem.message) == (code, True), problem
    assert (problem.line, problem.column) == (line, column), problem


@pytest.mark.parametrize(
    ("head", "code", "says"),
    [
        ("version: 1\nsummary: A\n", "missing-field", "`playbook` is missing"),
        (HEAD.replace("version: 1", "version: '1'"), "wrong-value", "version: "),
        (HEAD.replace("version: 1", "version: true"), "wrong-value", "version: "),
        (HEAD.replace("version: 1", "version: 1.0"), "wrong-value", "version: "),
        (HEAD.replace("version: 1", "version: 0"), "wrong-value", "version: "),
        (HEAD + "trigger: []\n", "unknown-field", "unknown field 'trigger'"),
        (HEAD + "inputs: {a: {type: text}}\n", "wrong-value", "type: input should be"),
    ],
)
def test_a_wrong_head_is_refused(head: str, code: str, says: str) -> None:
    problems = lint_steps("- wait: 1s", head)
    assert [p.code for p in problems] == [code]
    assert says in problems[0].message


def test_a_slip_gets_a_hint() -> None:
    (problem,) = lint_steps("- {do: network.quarantine, hold: 4h, laddr: [switch]}")
    assert problem.hint == "did you mean 'ladder'?"


def test_all_problems_of_a_file_are_reported_in_order() -> None:
    found = lint_steps("- {wait: 1x, foo: 1}\n- {do: a}\n- {weit: 1s}")
    assert [(p.line, p.code) for p in found] == [
        (5, "wrong-value"),
        (5, "unknown-field"),
        (6, "wrong-value"),
        (7, "step-kind"),
    ]


def test_a_message_cannot_steer_the_terminal() -> None:
    (problem,) = lint_steps('- {wait: 1s, when: "\\e[2J \\u202e"}')
    assert str(problem).isprintable()


def test_a_byte_order_mark_is_no_character_of_the_file() -> None:
    text = playbook("- wait: 1s").encode("utf-8-sig")
    assert read_bytes(text, "test.yaml").playbook.playbook == "test"
