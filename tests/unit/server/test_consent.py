"""A hold ends by hand only as policy says: who may, whose agreement it is, and what is said."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from firebreak.contracts.policy import Policy
from firebreak.domain.people import Decision, Effect
from integrations.inventory.yaml_file import YamlInventory
from tests.unit.ledger import chains
from tests.unit.ledger.chains import OTHER, note
from tests.unit.ledger.test_reservations import claims, intent, wants
from tests.unit.policy.asking import policy
from tests.unit.server.stage import PEOPLE, Stage, deciding, estate
from tests.unit.server.test_api import held

RELEASE = "/holds/cam-17/network.quarantine/release"


async def release(stage: Stage, role: str) -> httpx.Response:
    return await stage.http.post(RELEASE, headers=stage.auth(role), json={"reason": "cleaned"})


def released_by(stage: Stage) -> list[object]:
    return [told[2] for told in stage.engine.told if told[0] == "release"]


class Asked:
    """A policy that says what it is told to, and remembers what it was asked."""

    digest = "sha256:" + "0" * 64

    def __init__(self, says: Decision) -> None:
        self.says = says
        self.questions: list[Any] = []

    def decide(self, question: Any) -> Decision:
        self.questions.append(question)
        return self.says


def rules(stage: Stage, text: str, *, open_window: bool = False) -> None:
    """Replace the shipped policy."""
    written = policy(stage.app.state.services.settings.state_dir, text)
    decided_by(stage, written, open_window=open_window)


def decided_by(stage: Stage, policy: Policy, *, open_window: bool = False) -> None:
    services = stage.app.state.services
    decide = deciding(policy, stage.ledger, services.blast_radius, open_window=open_window)
    stage.app.state.services = replace(services, decide=decide)


def agreed_by(
    gates: str, *, who: str = "principal", action: str = "network.release", name: str = "two-eyes"
) -> str:
    return (
        f'@id("{name}") @summary("somebody agrees") @approve("{gates}")\n'
        f'permit ({who}, action == Action::"{action}", resource);\n'
    )


@pytest.mark.parametrize("role", PEOPLE)
async def test_the_shipped_policy_lets_people_on_duty_release(stage: Stage, role: str) -> None:
    await held(stage)
    await release(stage, role)
    assert released_by(stage) == [f"the-{role}"]


async def test_policy_is_asked_about_the_way_back_in_the_name_of_the_person(stage: Stage) -> None:
    await held(stage)
    policy = Asked(Decision(effect=Effect.ALLOW))
    decided_by(stage, policy)
    await release(stage, "analyst")
    (question,) = policy.questions
    assert question.action == question.plan.action == "network.release"
    assert (question.plan.before, question.plan.after) == (
        chains.plan().after,
        chains.plan().before,
    )
    assert question.device.id == "cam-17"
    assert (question.requester.id, question.requester.kind) == ("the-analyst", "person")


async def test_what_policy_forbids_is_not_released_and_the_answer_says_why(stage: Stage) -> None:
    await held(stage)
    rules(
        stage,
        '@id("never") @summary("cameras stay where they are")'
        'forbid (principal, action == Action::"network.release", resource);',
    )
    answer = await release(stage, "admin")
    assert (answer.status_code, answer.json()["error"]) == (403, "policy-denied")
    assert "cameras stay where they are" in answer.json()["message"]
    assert "never" in answer.json()["message"]
    assert not stage.engine.told


@pytest.mark.parametrize("open_window", [True, False])
@pytest.mark.parametrize("another", [True, False])
async def test_policy_knows_the_blast_radius_and_the_change_window_of_a_release(
    stage: Stage, open_window: bool, another: bool
) -> None:
    await held(stage)
    if another:
        await stage.ledger.append(
            note("opened", incident=OTHER),
            intent(OTHER),
            claim=claims("cam-18"),
            reserve=wants("cam-18"),
        )
    rules(
        stage,
        '@id("calm") @summary("when it is calm") permit '
        '(principal, action == Action::"network.release", resource)'
        " when { context.change_window && context.blast.site < 1 };",
        open_window=open_window,
    )
    await release(stage, "admin")
    assert released_by(stage) == (["the-admin"] if open_window and not another else [])


async def test_what_no_policy_speaks_about_is_not_released(stage: Stage) -> None:
    await held(stage)
    rules(stage, agreed_by("1 on-call within 15m", action="network.quarantine"))
    answer = await release(stage, "admin")
    assert answer.status_code == 403
    assert "no policy allows it" in answer.json()["message"]
    assert not stage.engine.told


async def test_the_one_whose_agreement_is_wanted_gives_it_by_releasing(stage: Stage) -> None:
    await held(stage)
    rules(stage, agreed_by("1 on-call within 15m"))
    answer = await release(stage, "analyst")
    assert answer.status_code == 403
    assert "1 x on-call" in answer.json()["message"]
    assert not stage.engine.told
    await release(stage, "on-call")
    assert released_by(stage) == ["the-on-call"]


@pytest.mark.parametrize(
    "gates",
    [
        ["2 on-call within 15m"],
        ["1 on-call within 15m, 1 soc-lead within 15m"],
        ["1 admin within 15m", "3 admin within 15m"],
    ],
)
async def test_nobody_is_two_people(stage: Stage, gates: list[str]) -> None:
    await held(stage)
    rules(stage, "".join(agreed_by(gate, name=f"p{n}") for n, gate in enumerate(gates)))
    for role in ("everybody", *PEOPLE):
        answer = await release(stage, role)
        assert answer.status_code == 403
        assert "more than one person" in answer.json()["message"]
    assert not stage.engine.told


async def test_an_approval_that_names_nobody_is_no_agreement(stage: Stage) -> None:
    await held(stage)
    policy = Asked(Decision(effect=Effect.APPROVE))
    decided_by(stage, policy)
    assert (await release(stage, "admin")).status_code == 403
    assert not stage.engine.told


async def test_a_rule_about_scripts_is_no_hindrance_to_people(stage: Stage) -> None:
    await held(stage)
    rules(
        stage,
        agreed_by("1 on-call within 15m", who="principal is Automation")
        + '@id("people") @summary("people may") permit '
        '(principal is Person, action == Action::"network.release", resource);',
    )
    await release(stage, "analyst")
    assert released_by(stage) == ["the-analyst"]


async def test_a_hold_that_does_not_exist_is_not_found(stage: Stage) -> None:
    answer = await release(stage, "admin")
    assert answer.status_code == 404
    assert "hold/cam-17/network.quarantine" in answer.json()["message"]
    assert not stage.engine.told


async def test_a_device_that_left_the_inventory_is_not_released_unasked(
    stage: Stage, tmp_path: Path
) -> None:
    await held(stage)
    smaller = tmp_path / "smaller.yaml"
    smaller.write_text(estate(2).replace("cam-17", "cam-18"))
    stage.app.state.services = replace(
        stage.app.state.services, inventory=YamlInventory.load(smaller)
    )
    answer = await release(stage, "admin")
    assert answer.status_code == 404
    assert "not in the inventory any more" in answer.json()["message"]
    assert not stage.engine.told


async def test_each_decision_is_logged_with_its_rules(stage: Stage) -> None:
    await held(stage)
    with capture_logs() as logged:
        await release(stage, "analyst")
    (line,) = [line for line in logged if line["event"] == "release by hand"]
    assert (line["who"], line["allowed"], line["rules"]) == (
        "the-analyst",
        True,
        ("release-people",),
    )
