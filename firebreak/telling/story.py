"""Turns ledger entries into words: what a tired engineer has to understand at a glance."""

from collections.abc import Callable, Iterable, Mapping

from firebreak.domain.record import Entry, Kind
from firebreak.telling import approvals, installation
from firebreak.telling.line import ASKS, BAD, GOOD, PLAIN, QUIET, Body, Line, gates, short, when
from firebreak.telling.peek import Json, get, items, text


def story(entry: Entry) -> tuple[Line, ...]:
    """What an entry says to people; never nothing, whatever its body looks like."""
    tell = _TELL.get(entry.kind)
    return (tuple(tell(entry.body, entry)) if tell else ()) or (Line(QUIET, entry.kind.value, ""),)


def rung_story(rung: Json) -> Iterable[Line]:
    """What a dry run found for a rung: ``{step, rung, adapter, why, plan, decision, refused}``."""
    name, adapter, refused = (text(rung, key) for key in ("rung", "adapter", "refused"))
    if refused and not adapter:
        yield Line(QUIET, "left out", f"{name}: {refused}")
        return
    how = f"{name} ({adapter}), which {text(rung, 'why')}" if adapter else name
    yield Line(ASKS, "WOULD TRY", f"step {text(rung, 'step')} by {how}")
    if refused:
        yield Line(BAD, "refused", refused)
    if get(rung, "plan"):
        yield from _plan_lines(get(rung, "plan"))
    if get(rung, "decision"):
        yield from _decision_lines(get(rung, "decision"))


def _opened(body: Body, entry: Entry) -> Iterable[Line]:
    if items(body, "alerts"):
        yield Line(ASKS, "ALERT", text(body, "title"))
    else:
        yield Line(PLAIN, "asked", f"by {text(body, 'requester') or entry.actor}")
    name = f"{text(body, 'playbook')} v{text(body, 'version')}"
    yield Line(PLAIN, "response", f"{name} for {text(body, 'device', 'id')}")
    if reason := text(body, "reason"):
        yield Line(QUIET, "", f"because: {reason}")


def _joined(body: Body, entry: Entry) -> Iterable[Line]:
    alerts = items(body, "alerts")
    for alert in alerts:
        yield Line(ASKS, "ALERT", f"{text(alert, 'title') or 'one more'}, joins this response")
    if not alerts:  # a person, or a service, wants what runs already
        yield Line(PLAIN, "asked", f"by {entry.actor} too, who joins this response")
    if reason := text(body, "reason"):
        yield Line(QUIET, "", f"because: {reason}")


def _plan(body: Body, _: Entry) -> Iterable[Line]:
    yield from _plan_lines(body.get("plan"))


def _plan_lines(plan: Json) -> Iterable[Line]:
    yield Line(PLAIN, "plan", text(plan, "summary"))
    yield Line(QUIET, "", f"at {text(plan, 'target')}: {_change(plan)}")
    if place := get(plan, "place"):
        where = f"{text(place, 'switch')} {text(place, 'port')}"
        yield Line(ASKS, "MOVED", f"it hangs on {where} now; correct `attached` in the inventory")
    yield Line(QUIET, "", f"way back: {text(plan, 'way_back') or 'none, this cannot be undone'}")


def _decision(body: Body, _: Entry) -> Iterable[Line]:
    if glass := text(body, "glass"):
        yield from _decision_lines(body.get("decision"))
        yield Line(BAD, "GLASS", f"break-glass {glass} stands in for them")
        return
    if text(body, "decision", "effect") == "approve" and body.get("agreed") is True:
        yield Line(GOOD, "policy", "has the agreement that it wants")
        return
    yield from _decision_lines(body.get("decision"))


def _decision_lines(decision: Json) -> Iterable[Line]:
    rules = ", ".join(text(rule) for rule in items(decision, "rules"))
    by = f" (rule {rules})" if rules else ""
    match text(decision, "effect"):
        case "allow":
            yield Line(GOOD, "policy", f"allows it{by}")
        case "approve":
            yield Line(ASKS, "policy", f"wants {gates(decision)} to agree{by}")
        case _:
            yield Line(BAD, "policy", f"forbids it: {text(decision, 'reason')}{by}")


def _override(override: Json) -> Iterable[Line]:
    whose = f"{text(override, 'glass')} of {text(override, 'who')}"
    until = when(text(override, "until"))
    for interlock in items(override, "interlocks"):
        yield Line(BAD, "OVERRIDDEN", f"by break-glass {whose} until {until}: {text(interlock)}")
    if get(override, "gates") is True:
        yield Line(BAD, "OVERRIDDEN", f"by break-glass {whose} until {until}: nobody else agreed")


def _intent(body: Body, _: Entry) -> Iterable[Line]:
    yield from _override(body.get("override"))
    rung = text(body, "plan", "rung")
    if body.get("revert"):
        yield Line(ASKS, "put back", "the state from before is being restored")
    elif rung:
        yield Line(PLAIN, "send", f"step {text(body, 'step')} by {rung}")
    else:
        yield Line(QUIET, "do", f"step {text(body, 'step')}")


_OUTCOMES = {
    "enforced": (GOOD, "IN FORCE"),
    "accepted": (ASKS, "accepted"),
    "unknown": (BAD, "UNKNOWN"),
    "refused": (BAD, "REFUSED"),
    "failed": (BAD, "FAILED"),
}


def _outcome(body: Body, entry: Entry) -> Iterable[Line]:
    outcome = get(body, "outcome")
    style, word = _OUTCOMES.get(text(outcome, "kind"), (BAD, "UNKNOWN"))
    if word == "IN FORCE" and not body.get("plan"):
        yield from _did(outcome)
        return
    if word == "IN FORCE" and text(outcome, "action").endswith(".release"):
        word = "RESTORED"
    yield Line(style, word, _about(outcome, entry))
    yield from _probes(outcome)
    if _contains(body):
        yield Line(GOOD, "CONTAINED", text(outcome, "device"), timed=True)


def _did(outcome: Json) -> Iterable[Line]:
    """An effect or a look: nothing is in force afterwards, and its result is what matters."""
    if note := text(outcome, "result", "text"):
        yield Line(PLAIN, "note", note)
    elif reach := text(outcome, "result", "reach"):
        seen = f"{text(outcome, 'device')} is {reach}"
        yield Line(PLAIN, "probe", f"{seen}: {text(outcome, 'result', 'detail')}")
    else:
        yield Line(PLAIN, "done", text(outcome, "action"))


def _probes(outcome: Json) -> Iterable[Line]:
    for probe in items(outcome, "probes"):
        seen = f"{text(probe, 'target')} is {text(probe, 'reach')}"
        yield Line(
            PLAIN, "probe", f"{seen} from {text(probe, 'vantage')} ({text(probe, 'method')})"
        )


def _about(outcome: Json, entry: Entry) -> str:
    what = " ".join(p for p in (text(outcome, "action"), text(outcome, "rung")) if p)
    detail = text(outcome, "detail")
    looked = " (settled by looking, after an answer was lost)" * bool(get(outcome, "reconciled"))
    return f"{what or text(entry.body, 'step')}{': ' + detail if detail else ''}{looked}"


def _step(body: Body, _: Entry) -> Iterable[Line]:
    detail = text(body, "detail")
    what = f"{text(body, 'step')} {text(body, 'what')}"
    yield Line(QUIET, "note", f"{what}: {detail}" if detail else what)


def _hold_started(body: Body, _: Entry) -> Iterable[Line]:
    yield Line(GOOD, "HOLD", f"{text(body, 'hold')} until {when(text(body, 'expires_at'))}")


def _hold_extended(body: Body, entry: Entry) -> Iterable[Line]:
    until = when(text(body, "expires_at"))
    by = text(body, "who") or entry.actor
    yield Line(PLAIN, "extended", f"{text(body, 'hold')} until {until} by {by}")


def _hold_ended(body: Body, _: Entry) -> Iterable[Line]:
    yield Line(GOOD, "RELEASED", f"{text(body, 'hold')}: {text(body, 'why')}")


def _hold_stuck(body: Body, _: Entry) -> Iterable[Line]:
    yield Line(BAD, "STUCK", f"{text(body, 'hold')} needs a person: {text(body, 'detail')}")


def _note(body: Body, entry: Entry) -> Iterable[Line]:
    yield Line(PLAIN, "note", f"{text(body, 'text') or text(body, 'detail')} ({entry.actor})")


def _closed(body: Body, _: Entry) -> Iterable[Line]:
    status = text(body, "status")
    detail = text(body, "detail")
    # Of the past: a hold may have ended before the response did, and ends after it.
    seen = "contained" if body.get("contained") else "not contained"
    yield Line(
        GOOD if status == "completed" else BAD,
        "CLOSED",
        f"{status}, the device was {seen}" + (f": {detail}" if detail else ""),
    )


_TELL: Mapping[Kind, Callable[[Body, Entry], Iterable[Line]]] = {
    Kind.OPENED: _opened,
    Kind.JOINED: _joined,
    Kind.DECISION: _decision,
    Kind.PLAN: _plan,
    Kind.INTENT: _intent,
    Kind.OUTCOME: _outcome,
    Kind.STEP: _step,
    **approvals.TELL,
    Kind.HOLD_STARTED: _hold_started,
    Kind.HOLD_EXTENDED: _hold_extended,
    Kind.HOLD_ENDED: _hold_ended,
    Kind.HOLD_STUCK: _hold_stuck,
    Kind.NOTE: _note,
    Kind.CLOSED: _closed,
    **installation.TELL,
}


def _contains(body: Body) -> bool:
    """Seen in force by a probe, and under a hold: the one thing that counts as contained."""
    return text(body, "outcome", "kind") == "enforced" and bool(text(body, "hold"))


def _change(plan: Json) -> str:
    before, after = get(plan, "before"), get(plan, "after")
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return ""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if not names:
        return "nothing would change"
    return ", ".join(f"{n} {short(before.get(n))} -> {short(after.get(n))}" for n in names)
