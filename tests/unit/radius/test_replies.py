"""Each Error-Cause leads to the reaction that the error taxonomy has for it."""

import pytest

from firebreak.errors import (
    CapabilityMissing,
    FirebreakError,
    NotThere,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unreachable,
)
from integrations.network.radius import replies
from integrations.network.radius.packets import COA_REQUEST, Reply, Request

REQUEST = Request(COA_REQUEST, (("Calling-Station-Id", "x"), ("Cisco-AVPair", "y")))


def nak(cause: int | None, sends: int = 1) -> Reply:
    return Reply(45, cause, sends)


@pytest.mark.parametrize(
    ("cause", "error", "says"),
    [
        (None, Rejected, "without Error-Cause"),
        (401, Rejected, "does not know one of these attributes"),
        (402, Rejected, "wants an attribute"),
        (403, Rejected, "nas_identifier"),
        (404, Rejected, "Invalid Request"),
        (405, CapabilityMissing, "Unsupported Service"),
        (406, CapabilityMissing, "Unsupported Extension"),
        (407, Rejected, "value of one of these"),
        (501, Rejected, "configured to refuse"),
        (502, Unreachable, "proxy"),
        (503, NotThere, "another NAS"),
        (504, CapabilityMissing, "Not Removable"),
        (505, Rejected, "Proxy"),
        (506, RateLimited, "Resources"),
        (508, CapabilityMissing, "Multiple Session"),
        (999, Rejected, "999 (not in RFC 5176)"),
    ],
)
def test_a_nak_becomes_the_error_of_its_cause(
    cause: int | None, error: type[FirebreakError], says: str
) -> None:
    refused = replies.refusal("NAS sw-1", REQUEST, nak(cause))
    assert type(refused) is error
    assert says in str(refused)
    assert "Calling-Station-Id, Cisco-AVPair" in str(refused)


def test_no_session_after_a_retransmission_may_mean_success() -> None:
    refused = replies.refusal("NAS sw-1", REQUEST, nak(503, sends=2))
    assert type(refused) is OutcomeUnknown


def test_an_ack_is_agreement_even_with_an_error_cause() -> None:
    assert replies.accepted(Reply(41, 503))
    assert not replies.no_session(Reply(41, 503))


def test_a_nas_that_has_begun_has_accepted() -> None:
    assert replies.accepted(nak(507))
    assert not replies.accepted(nak(501))


def test_a_nas_that_agrees_to_what_cannot_be_is_not_believed() -> None:
    evidence = replies.listening("NAS sw-1", REQUEST, Reply(44, None))
    assert "proves nothing" in evidence


def test_a_nas_that_knows_no_such_session_listens() -> None:
    for cause in (503, 407):
        assert "answers" in replies.listening("NAS sw-1", REQUEST, nak(cause))


def test_a_nas_that_would_refuse_is_found_out() -> None:
    with pytest.raises(CapabilityMissing):
        replies.listening("NAS sw-1", REQUEST, nak(405))
