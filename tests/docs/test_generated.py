"""The pages made from the code are as the code is, and nothing in the code is left out."""

import pytest

from docs import generate
from docs.from_code import api, entries, errors, playbook
from firebreak.domain.record import Kind
from firebreak.errors import every_error
from firebreak.playbook import ladder
from firebreak.playbook.schema import json_schema
from firebreak.server.problems import STATUS


@pytest.mark.parametrize("name", list(generate.PAGES))
def test_a_generated_page_is_up_to_date(name: str) -> None:
    on_disk = (generate.DOCS / name).read_text(encoding="utf-8")
    assert on_disk == generate.PAGES[name](), "run `make docs`"


def test_a_page_that_was_edited_by_hand_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "PAGES", {"errors.md": lambda: "something else"})
    assert generate.stale() == ["errors.md"]


def test_every_error_has_a_reaction_and_a_status() -> None:
    assert set(errors.REACTIONS) == set(every_error()) == set(STATUS)


def test_errors_that_end_a_ladder_are_said_to_do_so() -> None:
    said = {e.code for e, reaction in errors.REACTIONS.items() if "ladder" in reaction.engine}
    # The outcome of a lost answer ends the ladder by its kind, whatever its error.
    assert said == {e.code for e in every_error() if e.code in ladder._FINAL} | {"outcome-unknown"}


def test_every_kind_of_entry_is_explained() -> None:
    assert set(entries.KINDS) == set(Kind)


def test_every_key_of_a_playbook_is_explained_once_and_no_other() -> None:
    schema = json_schema()
    models = {"Playbook": schema, **schema["$defs"]}
    keys = {(name, key) for name in playbook.PARTS for key in models[name]["properties"]}
    assert set(playbook.TEXTS) <= keys


def test_endpoints_that_are_open_are_known_by_name() -> None:
    decided = {route.name for route in api.routes()}
    assert set(api.OPEN) <= decided
    for route in api.routes():
        assert api.who(route)
