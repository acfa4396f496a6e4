"""What people see in Slack, on the emulator: threads, cards, crashes, limits, bad days."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from firebreak.contracts.people import Story, Weight
from firebreak.domain.people import ApprovalState, Person, Verdict
from firebreak.domain.record import Kind
from firebreak.errors import AuthFailed, RateLimited, Rejected, Unreachable
from integrations.chat.slack.api import SlackApi
from integrations.chat.slack.channel import SlackChannel
from integrations.chat.slack.config import SlackConfig
from tests.peers.slack import BOT, SlackFront, Trouble
from tests.unit.chat.stories import (
    NOW,
    Kept,
    People,
    approval,
    decided,
    journal,
    news,
    row,
    story,
    vote,
    words,
)

pytestmark = pytest.mark.peer("slack")


def config(slack: SlackFront, **changes: Any) -> SlackConfig:
    given = {
        "bot_token": "env:SLACK_TEST_BOT",
        "app_token": "env:SLACK_TEST_APP",
        "channel": slack.channel,
        "base_url": f"{slack.url}/api/",
        "timeout_s": 2,
    }
    return SlackConfig.model_validate({**given, **changes})


class Told:
    """A channel, and what the dispatcher remembers of it."""

    def __init__(self, slack: SlackFront, directory: People, **changes: Any) -> None:
        chosen = config(slack, **changes)
        self.channel = SlackChannel(chosen, directory, SlackApi(chosen))
        self.kept = Kept()

    async def tell(self, said: Story) -> None:
        known = await self.channel.tell(said, self.kept.known, self.kept.keep)
        self.kept.known = known


@pytest.fixture
async def told(slack: SlackFront) -> AsyncIterator[Told]:
    people = People(
        Person(id="ana", accounts={"slack": (await slack.user("ana"),)}),
        Person(id="ben", emails=("ben@example.com",)),
    )
    told = Told(slack, people)
    yield told
    await told.channel.close()


async def test_an_incident_is_one_thread_whose_root_moves_with_it(
    slack: SlackFront, told: Told
) -> None:
    await told.tell(story(news(0, "ALERT", "Mirai"), news(1, "plan", "VLAN", Weight.DETAIL)))
    await told.tell(story(news(2, "IN FORCE", "quarantine"), news(3, "CONTAINED", "cam-12"),
                          incident=row(contained=True)))  # fmt: skip
    await told.tell(
        story(
            news(4, "CLOSED", "completed"),
            incident=row(contained=True, status="completed", closed_at=NOW + timedelta(hours=1)),
        )
    )
    root, *thread = await slack.messages()
    assert "Contained earlier, released: cam-12" in words(root["blocks"])
    assert [message["thread_ts"] for message in thread] == [root["ts"]] * 3
    assert slack.count("chat.postMessage") == 4
    said = words([message["blocks"] for message in thread])
    assert "IN FORCE" in said
    assert "VLAN" not in said  # detail is for the record


async def test_a_hundred_entries_are_one_message(slack: SlackFront, told: Told) -> None:
    await told.tell(story(*[news(n, "step", f"number {n} " + "x" * 500) for n in range(100)]))
    root, only = await slack.messages()
    assert only["thread_ts"] == root["ts"]
    assert "and 70 more" in words(only["blocks"])


async def test_nothing_new_posts_nothing(slack: SlackFront, told: Told) -> None:
    said = story(news(0, "ALERT", "Mirai"), approvals=[approval()])
    await told.tell(said)
    before = len(slack.calls)
    await told.tell(said)
    assert len(slack.calls) == before


async def test_a_card_is_in_the_thread_and_in_the_channel_and_calls_who_is_asked(
    slack: SlackFront, told: Told
) -> None:
    await told.tell(story(approvals=[approval()]))
    root, card = await slack.messages()
    assert card["thread_ts"] == root["ts"]
    assert card["reply_broadcast"] is True
    for name in ("ana", "ben"):  # by account, and by e-mail
        assert f"<@{await slack.user(name)}>" in words(card["blocks"])
        assert f"<@{await slack.user(name)}>" in card["text"]


@pytest.mark.parametrize(
    ("over", "said"),
    [
        (decided(ApprovalState.APPROVED, vote("ana"), vote("ben")), "ben agreed"),
        (decided(ApprovalState.DENIED, vote("ana", Verdict.DENY, "a drill")), "a drill"),
        (decided(ApprovalState.EXPIRED), "too few agreed in time"),
        (decided(ApprovalState.VOID), "no longer asked"),
    ],
)
async def test_a_card_closes_where_it_was_posted(
    slack: SlackFront, told: Told, over: Any, said: str
) -> None:
    await told.tell(story(approvals=[approval()]))
    await told.tell(story(approvals=[over]))
    _, card = await slack.messages()
    assert [block["type"] for block in card["blocks"]].count("actions") == 0
    assert said in words(card["blocks"])
    assert "<@" not in words(card["blocks"])


async def test_a_request_that_was_over_before_it_was_told_gets_no_card(
    slack: SlackFront, told: Told
) -> None:
    await told.tell(story(approvals=[decided(ApprovalState.VOID)]))
    assert len(await slack.messages()) == 1


async def test_escalation_calls_people_by_a_new_message(slack: SlackFront, told: Told) -> None:
    await told.tell(story(approvals=[approval(asked=("ana",))]))
    waiting = approval(asked=("ana", "ben"), votes=(vote("ana"),), reached=1)
    escalated = news(5, "escalated", "to soc-lead", Weight.ASK, Kind.APPROVAL_ESCALATED)
    await told.tell(story(escalated, approvals=[waiting]))
    *_, last = await slack.messages()
    assert f"<@{await slack.user('ben')}>" in last["text"]
    assert f"<@{await slack.user('ana')}>" not in last["text"]  # has answered


async def test_an_alarm_is_seen_in_the_channel_too(slack: SlackFront, told: Told) -> None:
    await told.tell(story(news(1, "STUCK", "hold needs a person", Weight.ALARM)))
    *_, last = await slack.messages()
    assert last["reply_broadcast"] is True


async def test_news_of_the_installation_are_plain_posts(slack: SlackFront, told: Told) -> None:
    await told.tell(journal(news(1, "HALTED", "everywhere by ana", Weight.ALARM, Kind.HALTED)))
    await told.tell(journal(news(2, "RESUMED", "everywhere by ben", kind=Kind.RESUMED)))
    loud, calm = await slack.messages()
    assert "<!here>" in loud["text"]
    assert "<!here>" not in calm["text"]
    assert "thread_ts" not in loud


@pytest.mark.parametrize("which", [0, 1, 2])
async def test_a_message_that_arrived_while_its_answer_got_lost_is_not_posted_again(
    slack: SlackFront, told: Told, which: int
) -> None:
    said = story(news(0, "ALERT", "Mirai"), approvals=[approval()])
    slack.fail("chat.postMessage", *[Trouble.none()] * which, Trouble(cut=True, after=True))
    with pytest.raises(Unreachable):
        await told.tell(said)
    await told.tell(said)  # with what was kept before the post
    messages = await slack.messages()
    assert len(messages) == 3
    assert told.kept.known["intent"] is None
    assert told.kept.known["told"] == 0


async def test_a_process_that_dies_right_after_the_post_finds_its_message(
    slack: SlackFront, told: Told
) -> None:
    class DiedError(Exception):
        pass

    before: dict[str, Any] = {}

    async def dies(known: dict[str, Any]) -> None:
        if known["root"] is not None:
            raise DiedError
        before.update(known)

    with pytest.raises(DiedError):
        await told.channel.tell(story(), {}, dies)
    told.kept.known = before
    await told.tell(story(news(0, "ALERT", "Mirai")))
    assert len(await slack.messages()) == 2


async def test_a_message_of_somebody_else_with_our_metadata_is_not_taken_for_ours(
    slack: SlackFront, told: Told
) -> None:
    slack.fail("chat.postMessage", Trouble(status=500))
    with pytest.raises(Unreachable):
        await told.tell(story())
    metadata = {
        "event_type": "firebreak_message",
        "event_payload": {"chain": story().chain, "key": "root"},
    }
    await slack.admin("chat.postMessage", channel=slack.channel, text="mine", metadata=metadata)
    await told.tell(story())
    first, second = await slack.messages()
    assert first["text"] == "mine"
    assert "NOT contained" in second["text"]


async def test_a_deleted_card_of_an_open_request_comes_again(slack: SlackFront, told: Told) -> None:
    await told.tell(story(approvals=[approval()]))
    _, card = await slack.messages()
    await _delete(slack, card["ts"])
    await told.tell(story(approvals=[approval(reminders=1, votes=(vote("ana"),))]))
    assert "ana" in words((await slack.messages())[1]["blocks"])


async def test_a_deleted_summary_comes_again(slack: SlackFront, told: Told) -> None:
    await told.tell(story())
    (root,) = await slack.messages()
    await _delete(slack, root["ts"])
    await told.tell(story(incident=row(contained=True)))
    (again,) = await slack.messages()
    assert "Contained: cam-12" in words(again["blocks"])


async def test_a_thread_that_was_deleted_goes_on_as_a_new_one(
    slack: SlackFront, told: Told
) -> None:
    await told.tell(story())
    slack.fail("chat.postMessage", Trouble(error="thread_not_found"))
    slack.fail("chat.update", Trouble(error="message_not_found"))
    await told.tell(story(news(1, "CONTAINED", "cam-12"), incident=row(contained=True)))
    first, second, step = await slack.messages()
    assert step["thread_ts"] == second["ts"] != first["ts"]


async def test_without_a_directory_nobody_is_mentioned_and_everything_is_said(
    slack: SlackFront,
) -> None:
    chosen = config(slack)
    channel = SlackChannel(chosen, None, SlackApi(chosen))
    await channel.tell(story(approvals=[approval()]), {}, Kept().keep)
    _, card = await slack.messages()
    assert "<@" not in words(card["blocks"])
    await channel.close()


async def _delete(slack: SlackFront, ts: str) -> None:
    await slack.admin("chat.delete", BOT, channel=slack.channel, ts=ts)


async def test_an_old_card_that_cannot_be_closed_holds_up_no_new_one(
    slack: SlackFront, told: Told
) -> None:
    await told.tell(story(approvals=[approval()]))
    slack.fail("chat.update", Trouble(error="edit_window_closed"))
    second = approval(id=f"{story().chain}.2", summary=("the second one",))
    with pytest.raises(Rejected):
        await told.tell(
            story(news(1, "DENIED", "by ana"), approvals=[decided(ApprovalState.DENIED), second])
        )
    said = words([message["blocks"] for message in await slack.messages()])
    assert "the second one" in said
    assert "by ana" in said


async def test_a_storm_of_429_loses_and_doubles_nothing(slack: SlackFront, told: Told) -> None:
    said = story(news(0, "ALERT", "Mirai"), approvals=[approval()])
    slack.fail("chat.postMessage", *[Trouble(429, "ratelimited", "7")] * 5)
    slack.fail("auth.test", Trouble(429, "ratelimited", "7"))
    for _ in range(5):
        with pytest.raises(RateLimited) as limited:
            await told.tell(said)
        assert limited.value.after_s == 7
    await told.tell(said)
    assert len(await slack.messages()) == 3


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (Trouble(error="invalid_auth"), AuthFailed),
        (Trouble(error="missing_scope"), AuthFailed),
        (Trouble(error="not_in_channel"), AuthFailed),
        (Trouble(error="internal_error"), Unreachable),
        (Trouble(status=503, error="x"), Unreachable),
        (Trouble(cut=True), Unreachable),
        (Trouble(error="is_archived"), Rejected),
        (Trouble(error="ratelimited"), RateLimited),
        (Trouble(429, "ratelimited", "nan"), RateLimited),
        (Trouble(429, "ratelimited", "9e99"), RateLimited),
    ],
)
async def test_every_refusal_is_an_error_of_ours(
    slack: SlackFront, told: Told, trouble: Trouble, error: type[Exception]
) -> None:
    slack.fail("chat.postMessage", trouble)
    with pytest.raises(error) as raised:
        await told.tell(story())
    assert "xoxb" not in repr(raised.value)
    if isinstance(raised.value, RateLimited):
        assert 1 <= raised.value.after_s <= 600


async def test_a_channel_can_be_named_by_its_name(slack: SlackFront) -> None:
    told = Told(slack, People(), channel="incidents")
    await told.tell(story())
    posted = next(args for name, args in slack.calls if name == "chat.postMessage")
    assert posted["channel"].startswith("C")
    absent = Told(slack, People(), channel="nowhere")
    with pytest.raises(Rejected, match="no public channel #nowhere"):
        await absent.tell(story())
    await told.channel.close()
    await absent.channel.close()


async def test_a_token_that_was_changed_is_used_at_the_next_call(
    slack: SlackFront, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_TEST_BOT", "xoxb-revoked")
    with pytest.raises(AuthFailed):
        await told.tell(story())
    monkeypatch.setenv("SLACK_TEST_BOT", "xoxb-firebreak")
    await told.tell(story())
    assert len(await slack.messages()) == 1


_EVIL = (
    "<!channel> <@U000000001> <https://evil.example|click> *DENIED* `x` {{ 7*7 }} ${7*7} "
    "\u202egnp.exe\u2066 &lt;!here&gt; :skull: \r\n\x1b[31m"
)


async def test_text_from_outside_calls_nobody_links_nowhere_and_is_no_markup(
    slack: SlackFront, told: Told
) -> None:
    hostile = approval(
        summary=(_EVIL,), why=_EVIL, title=_EVIL, hits=(_EVIL,), device="cam", step=_EVIL,
        asked=("ana",), requester=_EVIL, replaces=_EVIL,
    )  # fmt: skip
    await told.tell(story(news(1, _EVIL, _EVIL), approvals=[hostile], incident=row(title=_EVIL)))
    await told.tell(
        story(
            approvals=[
                decided(
                    ApprovalState.DENIED,
                    vote("ana", Verdict.DENY, _EVIL),
                    summary=(_EVIL,),
                    step=_EVIL,
                )
            ]
        )
    )
    await told.tell(journal(news(2, _EVIL, _EVIL)))
    ana = await slack.user("ana")
    for name, args in slack.calls:
        if not name.startswith("chat."):
            continue
        _holds_no_markup(args, allowed={f"<@{ana}>"})


def _holds_no_markup(args: dict[str, Any], allowed: set[str]) -> None:
    """Parsed text holds no mention, link or group but ours; the rest Slack does not parse."""
    parsed = [args["text"]]
    for block in args["blocks"]:
        if block["type"] == "section":
            assert block["text"]["verbatim"] is True
            assert "DENIED" not in block["text"]["text"]
            parsed.append(block["text"]["text"])
        else:
            assert "mrkdwn" not in str(block)
            assert "\u202e" not in str(block)
            assert "\x1b" not in str(block)
    for text in parsed:
        rest = text
        for one in allowed:
            rest = rest.replace(one, "")
        assert "<@" not in rest
        assert "<!channel" not in rest
        assert "<http" not in rest
        assert "49" not in rest.replace("2049", "")


async def test_everything_at_its_longest_still_fits(slack: SlackFront, told: Told) -> None:
    long = "x" * 20_000
    await told.tell(
        story(
            *[news(n, long[:500], long) for n in range(60)],
            approvals=[
                approval(
                    summary=(long,) * 60,
                    plans=("sha256:" + "c" * 64,) * 60,
                    why=long,
                    title=long,
                    hits=(long,) * 60,
                    asked=("ana",) * 60,
                    requester=long,
                )
            ],
            incident=row(title=long),
        )
    )
    assert "… (cut)" in words([message["blocks"] for message in await slack.messages()])
