"""The card says what somebody must know to answer, and holds no more than names."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebreak.contracts.people import Weight
from firebreak.domain.people import ApprovalState, Verdict
from integrations.chat.slack import modals
from integrations.chat.slack.blocks import listed
from integrations.chat.slack.card import Ref, card
from integrations.chat.slack.markup import clean, cut, escape, fallback, mention, unescape
from integrations.chat.slack.summary import bulletin, steps, summary
from tests.peers.slack_limits import misfit
from tests.unit.chat.fake_desk import hold
from tests.unit.chat.stories import NOW, approval, news, row, story, vote, words


def test_the_card_says_everything_that_a_decision_needs() -> None:
    message = card(approval(votes=(vote("cleo"),)), ["U0ANA", "U0BEN"])
    said = words(message.blocks)
    for must in (
        "<@U0ANA> <@U0BEN>",
        "quarantine cam-12: VLAN 10 -> 666",  # what will happen, to what
        "undo: VLAN 666 -> 10",  # and back
        "gate 3 is not watched meanwhile",  # what else it hits
        "only camera of gate 3",  # why people are asked
        "1 x on-call and 1 x soc-lead",  # who must agree
        "Agreed so far  \ncleo",
        "plant-manager is asked after 5 min, then at 2030-03-01 03:19 UTC it is denied",
        "ET MALWARE Mirai variant (severity 4)",
        "automation",
    ):
        assert must in said
    assert message.text.startswith("Approve? quarantine cam-12")
    assert message.text.endswith("<@U0ANA> <@U0BEN>")


def test_silence_that_allows_is_said_so() -> None:
    assert "it is done anyway" in words(card(approval(on_timeout="allow"), []).blocks)


def test_buttons_carry_names_and_no_authority() -> None:
    row = next(b for b in card(approval(), []).blocks if b["type"] == "actions")
    assert {one["value"] for one in row["elements"]} == {f"{approval().id} {approval().plan_hash}"}
    assert [one["text"]["text"] for one in row["elements"]] == ["Approve", "Deny", "Details"]
    assert "confirm" in row["elements"][0]
    assert "confirm" not in row["elements"][1]  # its form asks


@pytest.mark.parametrize("value", ["", " ", "a", "a b", "a sha256", "\u202e sha256:", " sha256:x"])
def test_what_is_no_button_of_ours_is_nothing(value: str) -> None:
    assert Ref.parse(value) is None


def test_a_card_with_nothing_in_it_still_stands() -> None:
    bare = approval(
        summary=(), plans=(), hits=(), why="", title="", device="", asked=(), levels=(), gates=()
    )
    message = card(bare, [])
    assert misfit("chat.postMessage", {"text": message.text, "blocks": message.blocks}) == ""


def test_the_summary_never_calls_contained_what_was_not_seen() -> None:
    def said(**changes: object) -> str:
        one = row(**changes)
        held = [hold("cam-12")] if changes.get("held", True) else []
        return words(summary(story(incident=one, holds=held), one).blocks)

    assert "NOT contained: cam-12" in said()
    assert "Contained: cam-12" in said(contained=True)
    ended = row(status="failed", closed_at=NOW + timedelta(hours=1))
    assert "Closed, NOT contained" in words(summary(story(incident=ended), ended).blocks)
    over = row(status="completed", contained=True)
    assert "Contained earlier, released" in words(summary(story(incident=over), over).blocks)
    assert "Contained: " in words(
        summary(story(incident=over, holds=[hold("cam-12")]), over).blocks
    )


def test_the_summary_says_what_waits_and_what_is_in_force() -> None:
    both = story(approvals=[approval()], holds=[hold("cam-12")])
    said = words(summary(both, row()).blocks)
    assert "an answer to contain until 2030-03-01 03:19 UTC" in said
    assert "network.quarantine is active until 2030-03-01 07:04 UTC" in said


def test_what_is_too_long_says_that_it_was_cut() -> None:
    assert cut("x" * 100, 20) == "x" * 12 + " … (cut)"
    assert "and 5 more" in words(listed("", [("", "x")] * 35))


def test_only_a_user_id_can_be_mentioned() -> None:
    assert mention("U012ABC") == "<@U012ABC>"
    for forged in ("channel", "!channel", "U1> <!channel", "u012abc", "U12|x", ""):
        with pytest.raises(ValueError, match="not a Slack user id"):
            mention(forged)


def test_hidden_characters_are_seen() -> None:
    assert clean("a\u202eb\u200b\x1b[0m\nc") == "a�b��[0m c"


@given(st.text())
def test_what_is_escaped_holds_no_control_character_of_slack(text: str) -> None:
    assert not set("<>") & set(escape(text))
    assert unescape(escape(text)) == text
    assert len(fallback(text)) <= 5 * 3000


_any = st.text(max_size=4000)


@given(_any, _any, _any, st.integers(0, 60), st.sampled_from(ApprovalState))
def test_whatever_it_says_it_fits_into_slack(
    title: str, why: str, line: str, count: int, state: ApprovalState
) -> None:
    asked = approval(
        title=title,
        why=why,
        summary=(line,) * count,
        plans=("sha256:" + "d" * 64,) * count,
        hits=(line,) * count,
        step=title or "s",
        state=state,
        votes=(vote("ana", Verdict.DENY, why[:2000]),),
    )
    told = [news(n, title, line, Weight.ALARM) for n in range(count)]
    for message in (
        card(asked, ["U0ANA"] * 20),
        summary(story(approvals=[asked] * count), row(title=title)),
        steps(told or [news(0, "a", "b")], ["U0ANA"] * 20, "inc-0123456789ab"),
        bulletin(told or [news(0, "a", "b")], "channel"),
    ):
        args = {"text": message.text, "blocks": message.blocks}
        assert misfit("chat.postMessage", args) == ""
    assert misfit("views.open", {"view": modals.details(asked)}) == ""
    ref = Ref(asked.id, asked.plan_hash)
    assert misfit("views.open", {"view": modals.deny_form(ref, {"response_url": why})}) == ""
