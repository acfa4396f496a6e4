"""What people do in Slack, over HTTP: commands, buttons, forms, and who they are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from firebreak.domain.people import ApprovalState, Person, Verdict
from firebreak.errors import Forbidden, Halted, PolicyDenied, Unreachable
from firebreak.wiring.slack import SlackInbound
from integrations.chat.slack.card import APPROVE, DENY, DETAILS, Ref
from integrations.chat.slack.desk import WAITS_FOR_PROOF
from tests.peers.slack import SlackFront, Trouble
from tests.peers.slack_requests import FromSlack, Signed, form, post, sign
from tests.peers.test_slack_channel import config
from tests.unit.chat.fake_desk import FakeDesk, hold
from tests.unit.chat.stories import INCIDENT, People, approval, vote, words

pytestmark = pytest.mark.peer("slack")

VALUE = Ref(approval().id, approval().plan_hash).text()
REASON = {
    "firebreak_reason": {"firebreak_reason": {"type": "plain_text_input", "value": "a drill"}}
}


class Setting:
    """The desk behind its route, and a Slack that talks to it."""

    def __init__(self, slack: SlackFront, desk: FakeDesk, client: httpx.AsyncClient) -> None:
        self.slack = slack
        self.desk = desk
        self.client = client
        self.of = FromSlack(slack)
        self.ana = self.ben = self.eve = ""

    async def command(self, user: str, text: str, **more: str) -> str:
        """Type it, and return what comes back to that person alone."""
        return await self.told(sign(self.of.command(user, text, **more)))

    async def click(self, user: str, action: str, value: str = VALUE, **more: Any) -> str:
        """Press a button, and return the words that come back."""
        return await self.told(sign(form(self.of.click(user, action, value, **more))))

    async def told(self, signed: Signed) -> str:
        """What comes back to one person."""
        before = len(self.slack.answers)
        answer = await post(self.client, signed)
        assert (answer.status_code, answer.text) in ((200, ""), (200, WAITS_FOR_PROOF))
        async with asyncio.timeout(5):
            while len(self.slack.answers) == before:
                await asyncio.sleep(0.01)
        said = self.slack.answers[-1]
        assert said["response_type"] == "ephemeral"
        assert said["replace_original"] is False
        return words(said["blocks"])

    async def shown(self, payload: dict[str, Any], title: str) -> dict[str, Any]:
        """Press something that opens a modal, and return the modal once it has this text."""
        answer = await post(self.client, sign(form(payload)))
        assert answer.status_code == 200
        return await self.modal(title)

    async def modal(self, title: str) -> dict[str, Any]:
        """The modal, once it shows this text."""
        async with asyncio.timeout(5):
            while True:
                if any(name.startswith("views.") for name, _ in self.slack.calls):
                    view = await self.slack.view()
                    if title in words(view):
                        return view
                await asyncio.sleep(0.01)


@asynccontextmanager
async def served(slack: SlackFront, desk: FakeDesk, people: People) -> AsyncIterator[Setting]:
    chosen = config(slack, mode="http", signing_secret="env:SLACK_TEST_SIGNING")
    inbound = SlackInbound(chosen, desk, people)
    app = FastAPI()
    app.router.routes.extend(inbound.routes)
    transport = httpx.ASGITransport(app)
    async with (
        inbound.running(),
        httpx.AsyncClient(transport=transport, base_url="http://firebreak") as client,
    ):
        yield Setting(slack, desk, client)


@pytest.fixture
async def setting(slack: SlackFront) -> AsyncIterator[Setting]:
    ana = await slack.user("ana")
    people = People(
        Person(id="ana", accounts={"slack": (ana,)}, roles=frozenset({"soc-lead"})),
        Person(id="ben", emails=("ben@example.com",), roles=frozenset({"on-call"})),
    )
    async with served(slack, FakeDesk(approval()), people) as setting:
        setting.ana, setting.ben = ana, await slack.user("ben")
        setting.eve = await slack.user("eve")
        yield setting


# --- commands


async def test_isolate_starts_the_response_with_its_reason(setting: Setting) -> None:
    said = await setting.command(setting.ana, "isolate cam-12 seen in a botnet &amp; worse")
    assert setting.desk.asked("start") == [
        ("start", "ana", "isolate", "cam-12", "seen in a botnet & worse")
    ]
    assert INCIDENT in said
    assert "not contained yet" in said


async def test_run_starts_a_playbook_that_is_there(setting: Setting) -> None:
    await setting.command(setting.ana, "run mirai-botnet cam-12 look")
    assert setting.desk.asked("start")[0][2] == "mirai-botnet"
    assert "there are: isolate, mirai-botnet" in await setting.command(
        setting.ana, "run wipe-all cam-12 look"
    )


async def test_release_ends_the_one_hold_and_asks_when_there_are_two(setting: Setting) -> None:
    said = await setting.command(setting.ana, "release cam-12 clean again")
    assert "released" in said
    setting.desk.live.append(hold("cam-12", "broker.deny"))
    assert "More than one" in await setting.command(setting.ana, "release cam-12 clean again")
    assert len(setting.desk.asked("release")) == 1
    assert "nothing is in force" in await setting.command(setting.ana, "release cam-99 clean")


async def test_halt_and_resume_say_where(setting: Setting) -> None:
    await setting.command(setting.ana, "halt all smoke in hall 3")
    await setting.command(setting.ana, "halt plant-1 smoke in hall 3")
    await setting.command(setting.ben, "resume all it was a drill")
    assert setting.desk.calls == [
        ("halt", "ana", None, "smoke in hall 3"),
        ("halt", "ana", "plant-1", "smoke in hall 3"),
        ("resume", "ben", None, "it was a drill"),
    ]


@pytest.mark.parametrize("text", ["status", "status cam-12", "approvals", "incidents"])
async def test_what_stands_can_be_asked(setting: Setting, text: str) -> None:
    said = await setting.command(setting.ana, text)
    assert "cam-12" in said
    assert INCIDENT in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "/firebreak isolate"),
        ("help", "You are ana"),
        ("frobnicate", "there is no command 'frobnicate'"),
        ("isolate cam-12", "say why"),
        ("run isolate", "write /firebreak run"),
        ("halt", "write /firebreak halt all REASON"),
        ("halt all", "say why"),
        ("release", "write /firebreak release"),
    ],
)
async def test_what_cannot_be_understood_says_how_to_write_it(
    setting: Setting, text: str, said: str
) -> None:
    assert said in await setting.command(setting.ana, text)
    assert setting.desk.calls == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Forbidden("ana needs one of the roles analyst"), "needs one of the roles"),
        (PolicyDenied("rule night-freeze"), "night-freeze"),
        (Halted("halted everywhere by ben"), "/firebreak resume"),
        (Unreachable("Temporal does not answer"), "Try it again"),
        (RuntimeError("a bug, with a secret in it"), "Something is wrong inside"),
    ],
)
async def test_every_error_comes_back_in_words(
    setting: Setting, error: Exception, said: str
) -> None:
    setting.desk.refusal = error
    answer = await setting.command(setting.ana, "isolate cam-12 why not")
    assert said in answer
    assert "secret" not in answer


async def test_a_desk_that_hangs_does_not_hold_up_the_acknowledgment(setting: Setting) -> None:
    setting.desk.stuck = asyncio.Event()
    for request in (
        sign(setting.of.command(setting.ana, "isolate cam-12 why not")),
        sign(form(setting.of.click(setting.ana, APPROVE, VALUE))),
        sign(form(setting.of.typing(setting.ana, "cam"))),
    ):
        async with asyncio.timeout(3):  # Slack waits no longer
            answer = await post(setting.client, request)
        assert answer.status_code == 200
    assert answer.json() == {"options": []}
    setting.desk.stuck.set()


# --- forms


async def test_the_form_offers_devices_and_isolates_the_chosen_one(setting: Setting) -> None:
    trigger = await setting.slack.trigger(setting.ben)
    command = setting.of.command(setting.ben, "isolate", trigger_id=trigger)
    assert (await post(setting.client, sign(command))).text == ""
    view = await setting.modal("Isolate a device")
    offered = (
        await post(setting.client, sign(form(setting.of.typing(setting.ben, "CAM-1"))))
    ).json()
    values = [one["value"] for one in offered["options"]]
    assert len(values) == 100
    assert setting.desk.asked("devices") == [("devices", "ben", "cam-1", 100)]
    chosen = {"firebreak_device": {"firebreak_device": {"selected_option": {"value": values[0]}}}}
    said = await setting.told(
        sign(form(setting.of.submit(setting.ben, view, {**chosen, **REASON})))
    )
    assert "isolate runs for cam-1" in said
    assert setting.desk.asked("start") == [("start", "ben", "isolate", "cam-1", "a drill")]


async def test_a_stranger_is_offered_no_devices(setting: Setting) -> None:
    offered = await post(setting.client, sign(form(setting.of.typing(setting.eve, "cam"))))
    assert offered.json() == {"options": []}
    assert setting.desk.calls == []


@pytest.mark.parametrize("blank", ["", "  \u200b \u202e ", "\n\n"])
async def test_denying_needs_a_reason(setting: Setting, blank: str) -> None:
    trigger = await setting.slack.trigger(setting.ana)
    click = setting.of.click(setting.ana, DENY, VALUE, trigger_id=trigger)
    view = await setting.shown(click, "Why not?")
    values = {"firebreak_reason": {"firebreak_reason": {"value": blank}}}
    answer = await post(setting.client, sign(form(setting.of.submit(setting.ana, view, values))))
    assert answer.json()["response_action"] == "errors"
    assert setting.desk.asked("decide") == []


async def test_deny_asks_why_and_then_denies(setting: Setting) -> None:
    trigger = await setting.slack.trigger(setting.ana)
    view = await setting.shown(
        setting.of.click(setting.ana, DENY, VALUE, trigger_id=trigger), "Why not?"
    )
    assert "cam-12" not in words(view)  # nobody knows yet who opened it
    said = await setting.told(sign(form(setting.of.submit(setting.ana, view, REASON))))
    assert "You denied" in said
    assert setting.desk.asked("decide")[0][-2:] == ("deny", "a drill")


async def test_details_show_the_whole_plan_to_who_may_see_it(setting: Setting) -> None:
    for user, shown in ((setting.ana, approval().plans[0]), (setting.eve, "does not know who")):
        trigger = await setting.slack.trigger(user)
        await setting.shown(setting.of.click(user, DETAILS, VALUE, trigger_id=trigger), shown)


# --- votes


async def test_two_people_approve_and_each_is_told_where_it_stands(setting: Setting) -> None:
    first = await setting.click(setting.ana, APPROVE)
    second = await setting.click(setting.ben, APPROVE)
    assert "still waits for others" in first
    assert "approved" in second
    assert setting.desk.requests[approval().id].state is ApprovalState.APPROVED


async def test_a_double_click_is_one_vote(setting: Setting) -> None:
    clicks = [form(setting.of.click(setting.ana, APPROVE, VALUE, n=n)) for n in range(2)]
    await asyncio.gather(*(post(setting.client, sign(click)) for click in clicks))
    async with asyncio.timeout(5):
        while len(setting.slack.answers) < 2:
            await asyncio.sleep(0.01)
    said = "\n".join(words(answer["blocks"]) for answer in setting.slack.answers)
    assert "You have answered already" in said
    assert "You agreed" in said
    assert len(setting.desk.asked("decide")) == 1
    assert "You agreed at" in await setting.click(setting.ana, APPROVE)  # and a third, later
    assert len(setting.desk.asked("decide")) == 1


async def test_approve_racing_deny_of_one_person_is_whichever_came_first(setting: Setting) -> None:
    trigger = await setting.slack.trigger(setting.ana)
    view = await setting.shown(
        setting.of.click(setting.ana, DENY, VALUE, trigger_id=trigger), "Why not?"
    )
    await asyncio.gather(
        post(setting.client, sign(form(setting.of.click(setting.ana, APPROVE, VALUE)))),
        post(setting.client, sign(form(setting.of.submit(setting.ana, view, REASON)))),
    )
    async with asyncio.timeout(5):
        while len(setting.slack.answers) < 2:
            await asyncio.sleep(0.01)
    assert len(setting.desk.requests[approval().id].votes) == 1


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (f"{approval().id} sha256:{'e' * 64}", "not the one you saw"),
        (f"inc-ffffffffffff.9 {approval().plan_hash}", "there is no request"),
        ("nonsense", "not one of ours"),
        ("", "not one of ours"),
        ("x" * 100_000, "not one of ours"),
    ],
)
async def test_a_button_that_was_tampered_with_decides_nothing(
    setting: Setting, value: str, said: str
) -> None:
    assert said in await setting.click(setting.ana, APPROVE, value)
    assert setting.desk.requests[approval().id].votes == ()


async def test_a_closed_card_that_somebody_still_sees_says_how_it_ended(setting: Setting) -> None:
    setting.desk.requests[approval().id] = approval(
        state=ApprovalState.DENIED, votes=(vote("ben", Verdict.DENY, "no"),)
    )
    assert "is denied already" in await setting.click(setting.ana, APPROVE)
    assert "You said no" in await setting.click(setting.ben, APPROVE)


# --- who they are


async def _refused(setting: Setting, user: str, **more: Any) -> str:
    said = await setting.click(user, APPROVE, **more)
    assert setting.desk.calls == []
    assert setting.desk.requests[approval().id].votes == ()
    return said


async def test_a_namesake_of_an_approver_is_nobody(setting: Setting) -> None:
    said = await _refused(setting, setting.eve)  # real_name "Ana Lead", as ana's
    assert setting.eve in said
    assert "people file" in said


@pytest.mark.parametrize(
    ("extra", "why"),
    [
        ({"is_restricted": True}, "guest"),
        ({"is_ultra_restricted": True}, "guest"),
        ({"is_stranger": True}, "another workspace"),
        ({"is_bot": True}, "bot"),
        ({"is_app_user": True}, "an app"),
        ({"deleted": True}, "deactivated"),
        ({"is_invited_user": True}, "invitation"),
        ({"is_email_confirmed": False}, "confirmed"),
        ({"is_email_confirmed": None}, "confirmed"),
        ({"is_email_confirmed": "yes"}, "confirmed"),
        ({"team_id": "T0OTHER"}, "another workspace"),
        ({"id": "U0OTHER"}, "another workspace"),
        ({"profile": {"real_name": "Ben OnCall", "display_name": "ben"}}, "no e-mail"),
        ({"profile": {"email": "Ben@example.com.evil.example"}}, "nobody in the people file"),
        ({"profile": {"email": "b\u0435n@example.com"}}, "nobody in the people file"),
    ],
)
async def test_an_email_counts_only_for_a_full_member_who_has_confirmed_it(
    setting: Setting, extra: dict[str, Any], why: str
) -> None:
    setting.slack.users[setting.ben] = extra
    assert why in await _refused(setting, setting.ben)


async def test_the_same_email_at_another_team_is_nobody(setting: Setting) -> None:
    away = {
        "id": "U0STRANGER",
        "team_id": "T0OTHER",
        "name": "ben",
        "is_email_confirmed": True,
        "profile": {"email": "ben@example.com"},
    }
    setting.slack.users["U0STRANGER"] = away
    for teams in ({"home": "T0OTHER"}, {"team": "T0OTHER"}, {}):
        said = await _refused(setting, "U0STRANGER", **teams)
        assert "another workspace" in said


async def test_a_mapped_account_counts_only_in_our_own_team(setting: Setting) -> None:
    assert "another workspace" in await _refused(setting, setting.ana, home="T0OTHER")
    assert "another workspace" in await setting.command(
        setting.ana, "isolate cam-12 why not", team="T0OTHER"
    )
    assert setting.desk.calls == []


async def test_a_request_without_a_user_is_nobodys(setting: Setting) -> None:
    for user in ("", "ana", "<!channel>", "U" * 200):
        assert "did not say who you are" in await _refused(setting, user)


async def test_who_we_cannot_look_up_is_told_to_try_again(setting: Setting) -> None:
    setting.slack.fail("users.info", Trouble(status=503))
    assert "Try it again" in await _refused(setting, setting.ben)


async def test_roles_are_read_at_every_click(setting: Setting, slack: SlackFront) -> None:
    people = People(Person(id="ana", accounts={"slack": (setting.ana,)}))
    async with served(slack, FakeDesk(approval()), people) as other:
        assert "none of the roles" in await other.click(setting.ana, APPROVE)
        people.people["ana"] = Person(
            id="ana", accounts={"slack": (setting.ana,)}, roles=frozenset({"soc-lead"})
        )
        assert "You agreed" in await other.click(setting.ana, APPROVE)


async def test_two_accounts_of_one_person_are_one_voter(
    setting: Setting, slack: SlackFront
) -> None:
    both = (setting.ana, setting.eve)
    people = People(
        Person(id="ana", accounts={"slack": both}, roles=frozenset({"soc-lead", "on-call"}))
    )
    async with served(slack, FakeDesk(approval()), people) as other:
        assert "You agreed" in await other.click(setting.ana, APPROVE)
        assert "You have answered already" in await other.click(setting.eve, APPROVE)
        assert other.desk.requests[approval().id].state is ApprovalState.PENDING


async def test_an_answer_that_its_response_url_does_not_take_is_whispered(
    setting: Setting,
) -> None:
    asked = setting.of.command(setting.ana, "help", response_url=f"{setting.slack.url}/expired")
    assert (await post(setting.client, sign(asked))).status_code == 200
    async with asyncio.timeout(5):
        while not setting.slack.count("chat.postEphemeral"):
            await asyncio.sleep(0.01)
    (args,) = [args for name, args in setting.slack.calls if name == "chat.postEphemeral"]
    assert (args["channel"], args["user"]) == (setting.slack.channel, setting.ana)


async def test_an_answer_goes_to_slack_and_nowhere_else(setting: Setting) -> None:
    form_ = setting.of.command(setting.ana, "help", response_url="http://169.254.169.254/latest")
    assert (await post(setting.client, sign(form_))).status_code == 200
    await setting.command(setting.ana, "help")
    assert len(setting.slack.answers) == 1


async def test_who_was_turned_away_is_noted(slack: SlackFront) -> None:
    noted: list[tuple[str, str, str]] = []
    chosen = config(slack, mode="http", signing_secret="env:SLACK_TEST_SIGNING")
    eve = await slack.user("eve")

    def stranger(account: str, action: str, why: str) -> None:
        noted.append((account, action, why))

    inbound = SlackInbound(chosen, FakeDesk(approval()), People(), stranger)
    app = FastAPI()
    app.router.routes.extend(inbound.routes)
    transport = httpx.ASGITransport(app)
    async with (
        inbound.running(),
        httpx.AsyncClient(transport=transport, base_url="http://firebreak") as client,
    ):
        await Setting(slack, FakeDesk(), client).click(eve, APPROVE)
    ((account, action, why),) = noted
    assert (account, action) == (eve, "block_actions")
    assert "people file" in why
