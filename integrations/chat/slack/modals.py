"""The forms that open over Slack: isolate a device, say why not, look at a plan."""

import json
from collections.abc import Mapping
from typing import Any

from firebreak.domain.device import Device
from firebreak.domain.people import Approval, Verdict
from integrations.chat.slack.blocks import (
    Block,
    Message,
    fact,
    facts,
    fit,
    listed,
    plain,
    small,
)
from integrations.chat.slack.card import Ref, gates, if_silent
from integrations.chat.slack.markup import OPTION, plain_when

ISOLATE_FORM, DENY_FORM, DETAILS_VIEW = (
    "firebreak_isolate",
    "firebreak_deny_reason",
    "firebreak_details_view",
)
DEVICE, REASON = "firebreak_device", "firebreak_reason"
MOST_OPTIONS = 100  # docs.slack.dev: block_suggestion
_TITLE, _PRIVATE, _MOST_BLOCKS = 24, 3000, 100
_LONGEST_REASON = 2000


def isolate_form(to: Mapping[str, Any]) -> Block:
    """Which device, and why. ``to``: where the answer goes."""
    pick = {
        "type": "external_select",
        "action_id": DEVICE,
        "placeholder": plain("Begin to type its id", 150),
        "min_query_length": 0,
    }
    return {
        **_modal(ISOLATE_FORM, "Isolate a device", "Isolate"),
        "private_metadata": _private(to),
        "blocks": [
            _input(DEVICE, "Device", pick),
            _reason("Why? It goes into the record."),
            small("Policy and interlocks are asked first. You may be asked to wait for approval."),
        ],
    }


def deny_form(ref: Ref, to: Mapping[str, Any]) -> Block:
    """Why not. It shows nothing of the request: who opens it is not known yet."""
    return {
        **_modal(DENY_FORM, "Deny", "Deny"),
        "private_metadata": _private({**to, "ref": ref.text()}),
        "blocks": [_reason("Why not? Everybody will see it on the card.")],
    }


def waiting() -> Block:
    """What stands in a modal until there is something to show."""
    return {**_modal(DETAILS_VIEW, "Details"), "blocks": [small("One moment ...")]}


def details(approval: Approval) -> Block:
    """The whole request: every plan with its hash, and what was said."""
    votes = [
        (
            f"{v.who.id} {'agreed' if v.verdict is Verdict.APPROVE else 'said no'}",
            f"{plain_when(v.at)} {v.reason}",
        )
        for v in approval.votes
    ]
    blocks = [
        facts(
            [
                ("State", approval.state.value),
                ("Incident", f"{approval.title} (severity {approval.severity})"),
                ("Device", approval.device),
                ("Step", approval.step),
                ("Asked for by", approval.requester),
                ("Asked", plain_when(approval.requested_at)),
                ("Who must agree", gates(approval.gates)),
                ("If nobody answers", if_silent(approval)),
                ("Reminders sent", str(approval.reminders)),
                ("Follows", approval.replaces),
            ]
        ),
        fact("Why policy asks", approval.why or "the playbook does"),
        *_plans(approval),
        listed("Also hits", [("", hit) for hit in approval.hits] or [("", "nothing known")]),
        listed("People asked", [("", who) for who in approval.asked] or [("", "nobody by name")]),
        listed("Answers", votes or [("", "none yet")]),
        fact("Every vote repeats this digest", approval.plan_hash),
        small(f"All evidence: firebreak incident show {approval.incident}"),
    ]
    return {**_modal(DETAILS_VIEW, "Details"), "blocks": fit(blocks, _MOST_BLOCKS)}


def told(message: Message) -> Block:
    """An answer in a modal that is open already."""
    return {**_modal(DETAILS_VIEW, "Details"), "blocks": message.blocks}


def option(device: Device) -> Block:
    """A device to choose from."""
    name = f"{device.id} · {device.name}" if device.name else device.id
    return {"text": plain(f"{name} ({device.site})", OPTION), "value": device.id}


def filled(view: Mapping[str, Any]) -> tuple[str, str]:
    """``(device, reason)`` of a submitted form; "" for what it does not have."""
    values = (view.get("state") or {}).get("values") or {}
    device = ((values.get(DEVICE) or {}).get(DEVICE) or {}).get("selected_option") or {}
    reason = ((values.get(REASON) or {}).get(REASON) or {}).get("value") or ""
    return str(device.get("value") or ""), str(reason)


def kept(view: Mapping[str, Any]) -> dict[str, Any]:
    """What we put into ``private_metadata``; {} when it is not ours."""
    try:
        found = json.loads(str(view.get("private_metadata") or "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _plans(approval: Approval) -> list[Block]:
    return [
        facts([(f"Plan {number}", line), ("Hash", plan)])
        for number, (line, plan) in enumerate(
            zip(approval.summary, approval.plans, strict=False), start=1
        )
    ]


def _private(to: Mapping[str, Any]) -> str:
    text = json.dumps(dict(to))
    if len(text) > _PRIVATE:  # a response_url is about 80 characters
        text = json.dumps(
            {name: to[name] for name in ("ref", "channel_id", "user_id") if name in to}
        )
    return text


def _modal(callback: str, title: str, submit: str = "") -> Block:
    view: Block = {
        "type": "modal",
        "callback_id": callback,
        "title": plain(title, _TITLE),
        "close": plain("Close", _TITLE),
    }
    return {**view, "submit": plain(submit, _TITLE)} if submit else view


def _input(block_id: str, label: str, element: Block) -> Block:
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(label, 2000),
        "element": element,
    }


def _reason(label: str) -> Block:
    return _input(
        REASON,
        label,
        {
            "type": "plain_text_input",
            "action_id": REASON,
            "multiline": True,
            "min_length": 1,
            "max_length": _LONGEST_REASON,
        },
    )
