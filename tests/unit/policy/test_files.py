"""A policy file is Cedar that the schema knows, with notes that mean something, or refused."""

from pathlib import Path

import pytest

from firebreak.errors import DefinitionError
from firebreak.policy.cedar import CedarPolicy
from firebreak.policy.files import MAX_BYTES, read
from firebreak.policy.statements import statements
from tests.unit.policy.asking import ALLOW, VOCABULARY, permit, policy, question

NOTES = '@id("r") @summary("s")'
REST = "permit (principal, action, resource)"

BROKEN = {
    "no Cedar": (f"{NOTES} {REST} whe", "no policy"),
    "no end": (f"{NOTES} {REST}", "no policy"),
    "an unknown action": (
        f'{NOTES} permit (principal, action == Action::"network.quarantin", resource);',
        "network.quarantin",
    ),
    "an unknown attribute": (permit("context.sevrity > 3"), "sevrity"),
    "an unknown safety class": (permit('resource.safety == Safety::"nome"'), "nome"),
    "a word for a safety class": (permit('["none"].contains(resource.safety)'), "type"),
    "an attribute that may be missing": (
        permit('resource.redundancy_group == RedundancyGroup::"x"'),
        "redundancy_group",
    ),
    "an unknown type": (permit('principal in Rol::"x"'), "Rol"),
    "a number for a condition": (permit("context.severity"), "Bool"),
    "a template": (f"{NOTES} permit (principal == ?principal, action, resource);", "templates"),
    "no id": (f'@summary("s") {REST};', "@id"),
    "an empty id": (f'@id @summary("s") {REST};', "@id"),
    "an id with spaces": (permit("true", id="a b"), "@id"),
    "no summary": (f'@id("r") {REST};', "@summary"),
    "a summary of two lines": (permit("true", summary="a\\nb"), "@summary"),
    "a note that is misspelled": (permit("true", aprove="1 on-call within 15m"), "@aprove"),
    "a note given twice": (f'{NOTES} @id("q") {REST};', "duplicate"),
    "approval by nobody": (permit("true", approve=""), "names nobody"),
    "approval without a value": (f"{NOTES} @approve {REST};", "names nobody"),
    "approval without a time": (permit("true", approve="1 on-call"), "within"),
    "approval by none": (permit("true", approve="0 on-call within 15m"), "names nobody"),
    "approval by too many": (permit("true", approve="11 on-call within 15m"), "names nobody"),
    "approval in a week": (permit("true", approve="1 on-call within 1w"), "names nobody"),
    "approval in a year": (permit("true", approve="1 on-call within 365d"), "30 days"),
    "a role twice": (
        permit("true", approve="1 on-call within 15m, 2 on-call within 1h"),
        "named twice",
    ),
    "approval of what is forbidden": (
        f'{NOTES} @approve("1 on-call within 15m") forbid (principal, action, resource);',
        "forbid is forbid",
    ),
    "an id twice": (permit("true") + permit("false"), "given twice, first at"),
}


@pytest.mark.parametrize(("text", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_a_wrong_policy_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DefinitionError, match=rf"policy\.cedar:[34]: .*{said}"):
        policy(tmp_path, f"// one\n{ALLOW}{text}")


def test_all_problems_are_said_at_once(tmp_path: Path) -> None:
    text = permit("context.nope", id="a") + permit("true", aprove="x", id="b")
    with pytest.raises(DefinitionError) as caught:
        policy(tmp_path, text)
    assert [line.split(": ")[0][-1] for line in str(caught.value).splitlines()] == ["1", "2"]


def test_no_more_problems_are_said_than_people_read(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="and 10 more problems"):
        policy(tmp_path, permit("context.nope") * 30)


@pytest.mark.parametrize("text", ["", "// nothing\n", "\n\n"])
def test_no_policy_at_all_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DefinitionError, match="no policy in it"):
        policy(tmp_path, text)


def test_what_is_no_policy_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("version: 1\n")
    (tmp_path / ".#hidden.cedar").write_text(ALLOW)
    for path in (tmp_path, tmp_path / "policy.yaml", tmp_path / "gone.cedar"):
        with pytest.raises(DefinitionError, match="no policy there"):
            read(path, VOCABULARY)


def test_what_cannot_be_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.cedar"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DefinitionError, match="not UTF-8"):
        read(path, VOCABULARY)
    path.write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(DefinitionError, match="larger"):
        read(path, VOCABULARY)
    path.unlink()
    path.mkdir()
    with pytest.raises(DefinitionError):
        read(tmp_path, VOCABULARY)


def test_all_files_of_a_directory_decide_together(tmp_path: Path) -> None:
    (tmp_path / "b.cedar").write_text(ALLOW)
    (tmp_path / "a.cedar").write_text(
        '@id("never") @summary("no") forbid (principal, action, resource);'
    )
    both = CedarPolicy.load(tmp_path, VOCABULARY)
    assert [rule.id for rule in both.policies.rules] == ["never", "ok"]
    assert both.decide(question()).rules == ("never",)
    (tmp_path / "c.cedar").write_text(ALLOW)
    with pytest.raises(DefinitionError, match=r"c\.cedar:1: @id ok is given twice"):
        CedarPolicy.load(tmp_path, VOCABULARY)


def test_a_policy_is_shown_by_whom_and_what_it_speaks_of() -> None:
    text = """
// permit (nobody);
@id("a;b") @summary("; permit ( // no comment")
forbid (
  principal in Role::"x)",  // not ) here
  action, resource
) when { context.drill }; // done ;
"""
    (only,) = statements(text)
    assert (only.line, only.text.endswith("};")) == (3, True)
    assert only.head == 'forbid (principal in Role::"x)", action, resource)'
