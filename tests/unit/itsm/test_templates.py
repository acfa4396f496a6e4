from pathlib import Path

import pytest

from firebreak.domain.base import Model
from integrations.itsm.facts import (
    ApprovalFacts,
    IncidentFacts,
    NewsFacts,
    TicketFacts,
    facts,
)
from tests.conformance.tickets.bench import Tools
from tests.conformance.tickets.stories import Incident
from tests.docs.blocks import text_of
from tests.unit.itsm.systems import KINDS

PAGE = "docs/how-to/tickets.md"
STORIES = [
    Incident().says("OPENED"),
    Incident().says("OPENED").asks().contains(),
    Incident().says("OPENED").ends(),
    Incident().says("OPENED").ends("failed"),
]
TEMPLATES = sorted((Path(__file__).parents[3] / "playbooks/templates/tickets").glob("*.j2"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
@pytest.mark.parametrize("incident", STORIES)
@pytest.mark.parametrize("link", ["", "https://firebreak.range.example/x"])
def test_every_shipped_template_has_words_for_every_story(
    template: Path, incident: Incident, link: str
) -> None:
    story = incident.story
    assert story.incident is not None
    given = facts(story, story.incident, story.news, link, lost=("41",), receipt="receipt.json")
    said = Tools().render(f"tickets/{template.name}", given)
    assert said.strip()
    assert (link in said) or template.stem == "subject"


@pytest.mark.parametrize("shape", [TicketFacts, IncidentFacts, NewsFacts, ApprovalFacts])
def test_the_page_names_every_fact(shape: type[Model]) -> None:
    page = text_of(PAGE)
    assert [name for name in shape.model_fields if f"`{name}`" not in page] == []


def test_the_page_names_every_kind_and_how_it_was_tested() -> None:
    page = text_of(PAGE)
    for kind in KINDS:
        tested = "run in the tests" if kind == "rt" else "documented, not run"
        assert any(f"`{kind}`" in row and tested in row for row in page.splitlines())
