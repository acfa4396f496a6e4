"""What a policy may write about reminders, escalation and silence, and what it may not."""

import pytest

from firebreak.domain.people import Level
from firebreak.policy.gates import terms

APPROVE = "1 on-call within 15m, 2 admin within 1h"


def test_the_annotations_become_terms() -> None:
    found = terms(
        {
            "approve": APPROVE,
            "escalate": "soc-lead after 5m, ciso after 10m",
            "remind": "2m",
            "otherwise": "allow",
        }
    )
    asked = ("on-call", "admin")
    assert found.levels == (
        Level(after_s=300, role="soc-lead", instead_of=asked),
        Level(after_s=600, role="ciso", instead_of=asked),
    )
    assert (found.remind_s, found.otherwise) == (120, "allow")


def test_silence_is_a_no_where_nothing_is_said() -> None:
    found = terms({"approve": APPROVE})
    assert (found.levels, found.remind_s, found.otherwise) == ((), None, "deny")


@pytest.mark.parametrize(
    ("notes", "why"),
    [
        ({"escalate": "soc-lead after 5m"}, "needs an @approve"),
        ({"otherwise": "allow"}, "needs an @approve"),
        ({"approve": APPROVE, "escalate": "soc-lead"}, "is no level"),
        ({"approve": APPROVE, "escalate": ""}, "is no level"),
        ({"approve": APPROVE, "escalate": "soc-lead after 15m"}, "too late"),
        ({"approve": APPROVE, "escalate": "a after 5m, b after 5m"}, "must come later"),
        ({"approve": APPROVE, "escalate": "a after 5m, a after 6m"}, "named twice"),
        ({"approve": APPROVE, "remind": "often"}, "is no time"),
        ({"approve": APPROVE, "remind": "1s"}, "at least 10s"),
        ({"approve": APPROVE, "remind": "15m"}, "expires after 15m"),
        ({"approve": APPROVE, "otherwise": "maybe"}, "neither deny nor allow"),
    ],
)
def test_nonsense_is_refused(notes: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        terms(notes)
