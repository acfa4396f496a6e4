"""Every kind of entry is news in words, of the weight that people would give it."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firebreak.contracts.people import Weight
from firebreak.domain.record import GENESIS, Entry, Kind
from firebreak.telling.line import QUIET
from firebreak.telling.news import news, weight
from firebreak.telling.story import story
from tests.unit.dispatch.theater import approval, new

ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)
FIELDS = ("approval", "glass", "to", "until", "channel", "detail", "instead", "outcome", "status")


def entry(kind: Kind, **body: Any) -> Entry:
    made = new(kind, "key").model_copy(update={"body": body})
    return Entry(**dict(made), seq=0, prev=GENESIS, hash=GENESIS)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_words_of_its_own(kind: Kind) -> None:
    (line, *_) = story(entry(kind))
    assert (line.word, line.style) != (kind.value, QUIET)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(Kind), st.dictionaries(st.sampled_from(FIELDS), ANY))
def test_no_body_breaks_the_news_or_its_weight(kind: Kind, body: dict[str, Any]) -> None:
    told = news(entry(kind, **body))
    assert told.weight is weight(told.entry)
    assert all(line.isprintable() for line in told.text.split("\n"))


CLOSED = {"status": "completed", "contained": True}
ENFORCED = {"outcome": {"kind": "enforced"}, "hold": "hold/cam-17/network.quarantine"}


@pytest.mark.parametrize(
    ("kind", "body", "weighs"),
    [
        (Kind.APPROVAL_REQUESTED, {}, Weight.ASK),
        (Kind.APPROVAL_REMINDED, {}, Weight.ASK),
        (Kind.APPROVAL_ESCALATED, {}, Weight.ASK),
        (Kind.APPROVAL_DELEGATED, {}, Weight.ASK),
        (Kind.HOLD_STUCK, {}, Weight.ALARM),
        (Kind.GLASS_BROKEN, {}, Weight.ALARM),
        (Kind.HALTED, {}, Weight.ALARM),
        (Kind.OUTCOME, {"outcome": {"kind": "unknown"}}, Weight.ALARM),
        (Kind.OUTCOME, {}, Weight.ALARM),
        (Kind.OUTCOME, ENFORCED, Weight.PROGRESS),
        (Kind.OUTCOME, {"outcome": {"kind": "enforced"}}, Weight.DETAIL),
        (Kind.OUTCOME, {"outcome": {"kind": "failed"}}, Weight.DETAIL),
        (Kind.CLOSED, CLOSED, Weight.PROGRESS),
        (Kind.CLOSED, {**CLOSED, "contained": False}, Weight.ALARM),
        (Kind.CLOSED, {**CLOSED, "status": "denied"}, Weight.ALARM),
        (Kind.OPENED, {}, Weight.PROGRESS),
        (Kind.HOLD_ENDED, {}, Weight.PROGRESS),
        (Kind.APPROVAL_VOTE, {}, Weight.PROGRESS),
        (Kind.PLAN, {}, Weight.DETAIL),
        (Kind.NOTE, {}, Weight.DETAIL),
    ],
)
def test_what_people_must_know_weighs_more(
    kind: Kind, body: dict[str, Any], weighs: Weight
) -> None:
    assert weight(entry(kind, **body)) is weighs


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        (Kind.APPROVAL_ESCALATED, {"levels": [{"role": "soc-lead"}], "reached": 1}, "soc-lead may"),
        (Kind.APPROVAL_REMINDED, {"on_timeout": "allow"}, "otherwise it is done"),
        (Kind.APPROVAL_REQUESTED, {"hits": ["the whole of hall 2"]}, "also hits: the whole"),
    ],
)
def test_a_request_says_who_is_asked_and_what_happens(
    kind: Kind, body: dict[str, Any], says: str
) -> None:
    asked = {**approval().to_json(), **body}
    told = news(entry(kind, approval=asked))
    assert says in told.text
    assert f"firebreak approve {asked['id']}" in told.text
