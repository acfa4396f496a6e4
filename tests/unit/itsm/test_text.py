import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.itsm import marks
from integrations.itsm.text import cut, line, lines

INCIDENT = "inc-0123456789ab"


@given(st.text())
def test_a_line_is_one_line_of_visible_characters(text: str) -> None:
    clean = line(text)
    assert len(clean.splitlines()) <= 1
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs"} for c in clean)


@given(st.text(), st.text())
def test_no_text_from_outside_can_pose_as_a_mark(before: str, after: str) -> None:
    forged = f"{before}{marks.written(INCIDENT, marks.entry(999))}{after}"
    assert marks.found(INCIDENT, [line(forged), *lines(forged)]) == set()


@given(st.text(), st.integers(min_value=80, max_value=200))
def test_a_cut_text_fits_and_a_short_one_is_left_as_it_is(text: str, most: int) -> None:
    assert len(cut(text, most)) <= most
    assert cut(text, max(len(text), 1)) == text


def test_a_cut_text_says_how_much_is_missing() -> None:
    assert cut("x" * 100, 50) == "x" * 23 + " [cut: 77 more characters]"


def test_marks_are_read_as_they_were_written() -> None:
    texts = [marks.written(INCIDENT, mark) for mark in (marks.entry(7), marks.CLOSING)]
    assert marks.found(INCIDENT, texts) == {"entry 7", "closing"}
    assert marks.found("inc-ffffffffffff", texts) == set()
    assert marks.highest(marks.found(INCIDENT, texts)) == 7
    assert marks.highest(()) == -1


@pytest.mark.parametrize("text", ["inc-1", "inc-0123456789ab' OR '1'='1", "inc-0123456789ab\n", ""])
def test_only_an_incidents_id_gets_into_a_query(text: str) -> None:
    with pytest.raises(ValueError, match="not the id"):
        marks.tag(text)
