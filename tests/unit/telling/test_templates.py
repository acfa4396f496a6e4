"""Every shipped template says its story, and nothing from outside is more than text in it."""

from pathlib import Path

import pytest

from firebreak.contracts.people import Story
from firebreak.errors import DefinitionError
from firebreak.telling.facts import facts
from firebreak.telling.templates import Templates, shipped
from tests.unit.dispatch.stories import story
from tests.unit.dispatch.theater import note

# Those of tickets have facts of their own: tests/unit/itsm renders them.
SHIPPED = sorted(
    name
    for file in shipped().rglob("*.j2")
    if not (name := str(file.relative_to(shipped()))).startswith("tickets/")
)
HOSTILE = {
    "template": "{{ 7*191 }}{% for x in y %}{{ config }}",
    "lines": "one\r\nBcc: eve@example.org\n\n.\r\nAPPROVED by ana",
    "markup": "<script>alert(1)</script><!channel> *bold* [x](javascript:1)",
    "hidden": "\u202edevorppa\u2066\0\x1b[31m\u2028\ufeff",
    "huge": "x" * 1_000_000,
}


def minimal() -> Story:
    return Story("inc-000000000000", None, (), (), (), (), None)


def said(name: str, what: Story, link: str = "https://firebreak.example.org/x") -> str:
    return Templates().render(name, facts(what, lambda _: link))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_template_says_a_full_story_and_a_minimal_one(name: str) -> None:
    full = said(name, story())
    assert "cam-1" in full
    assert "Undefined" not in full
    assert said(name, minimal(), link="").strip()


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("title", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_title_is_text_in_every_template(name: str, title: str) -> None:
    shown = said(name, story(title))
    harmless = said(name, story("telnet scan"))
    assert "1337" not in shown
    assert not any(c in shown for c in "\r\0\x1b\u202e\u2066\u2028\ufeff")
    assert shown.count("\n") == harmless.count("\n")
    assert len(shown) < len(harmless) + 20_000


def test_a_template_that_asks_for_what_is_not_there_says_so(tmp_path: Path) -> None:
    (tmp_path / "smtp").mkdir()
    (tmp_path / "smtp" / "subject.j2").write_text("{{ secret_sauce }}")
    with pytest.raises(DefinitionError, match=r"smtp/subject\.j2: 'secret_sauce' is undefined"):
        Templates((tmp_path,)).render("smtp/subject.j2", facts(minimal(), str))
    with pytest.raises(DefinitionError, match=r"there is no template smtp/none\.j2"):
        Templates((tmp_path,)).render("smtp/none.j2", {})


def test_an_operators_template_wins_and_cannot_reach_python(tmp_path: Path) -> None:
    (tmp_path / "smtp").mkdir()
    subject = tmp_path / "smtp" / "subject.j2"
    subject.write_text("mine: {{ about }}")
    assert Templates((tmp_path,)).render("smtp/subject.j2", facts(story(), str)).startswith("mine:")
    subject.write_text("{{ ''.__class__.__mro__[1].__subclasses__() }}")
    with pytest.raises(DefinitionError):
        Templates((tmp_path,)).render("smtp/subject.j2", {})


def test_a_template_that_cannot_be_read_is_found_before_it_is_needed(tmp_path: Path) -> None:
    Templates().check()
    (tmp_path / "fax").mkdir()
    (tmp_path / "fax" / "cover.j2").write_text("{% if %}")
    with pytest.raises(DefinitionError, match=r"fax/cover\.j2"):
        Templates((tmp_path,)).check()


def test_of_a_very_long_telling_the_newest_is_shown_and_the_rest_counted() -> None:
    many = story(entries=[note(f"n{n}") for n in range(150)], approvals=())
    shown = facts(many, str)
    assert (len(shown["news"]), shown["left_out"]) == (100, 50)  # type: ignore[arg-type]  # JSON
