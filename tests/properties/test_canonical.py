"""The quick way to the canonical form writes what the reference implementation writes."""

from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from firebreak.domain.base import canonical

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_every_value_has_the_form_of_rfc_8785_or_none(value: Any) -> None:
    try:
        expected = rfc8785.dumps(value)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            canonical(value)
    else:
        assert canonical(value) == expected


@pytest.mark.parametrize("text", ["\x7f", "\u2028", "\b\t\n\f\r\x00\x1f", '"\\/', "é\U0001f600"])
def test_characters_that_encoders_disagree_on_are_written_alike(text: str) -> None:
    assert canonical({"text": text}) == rfc8785.dumps({"text": text})


def test_a_lone_surrogate_has_no_form() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        canonical({"text": "\ud800"})
