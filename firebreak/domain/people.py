"""Principals, what policy decided, and what people decided."""

from collections.abc import Iterable
from enum import StrEnum
from itertools import combinations
from typing import Literal

from pydantic import AwareDatetime, Field, field_serializer

from firebreak.domain.base import JsonObject, Model

# What the record and the audit log call those who are nobody: no person and no token is named so.
NO_PERSONS = frozenset({"automation", "dispatcher", "firebreak", "nobody"})


class Principal(Model):
    """Who asks or answers: an authenticated person or the automation itself."""

    id: str = Field(min_length=1, max_length=200)
    roles: frozenset[str] = frozenset()
    kind: Literal["person", "automation"] = "person"

    @field_serializer("roles", when_used="json")
    def _in_order(self, roles: frozenset[str]) -> list[str]:
        # A set's own order differs between processes; a repeated entry must read the same.
        return sorted(roles)


class Person(Model):
    """Someone the people file knows: one principal, however many accounts they have.

    ``accounts``: by provider (``token``, ``oidc``, ``slack``, ``pagerduty``), the ids there.
    """

    id: str = Field(min_length=1, max_length=200)
    name: str = Field(default="", max_length=200)
    emails: tuple[str, ...] = ()
    accounts: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    roles: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()

    @field_serializer("roles", "teams", when_used="json")
    def _in_order(self, names: frozenset[str]) -> list[str]:
        return sorted(names)


class Level(Model):
    """One step of an escalation: from then on ``role`` may answer too, and is asked to.

    ``instead_of``: the roles of the gates that it may stand in for; empty: of every gate.
    """

    after_s: int = Field(ge=1)  # from the request
    role: str
    instead_of: tuple[str, ...] = ()


class Gate(Model):
    """People who must agree before something happens."""

    role: str
    quorum: int = Field(default=1, ge=1, le=10)
    within_s: int = Field(default=900, ge=1)


class Terms(Model):
    """What somebody who wants people to agree asks for: a policy, or the author of a playbook.

    ``otherwise``: what silence means. Only a policy may let it mean yes, and even then it does so
    for reversible plans of low risk alone.
    """

    gates: tuple[Gate, ...] = ()
    levels: tuple[Level, ...] = ()
    remind_s: int | None = Field(default=None, ge=1)
    otherwise: Literal["deny", "allow"] = "deny"


NOBODY = Terms()  # nobody needs to agree


class Effect(StrEnum):
    """What policy says to a plan."""

    ALLOW = "allow"
    APPROVE = "approve"  # only after the gates have been passed
    FORBID = "forbid"


class Decision(Terms):
    """Policy's answer, with the rules that made it, and its terms where people must agree."""

    effect: Effect
    rules: tuple[str, ...] = ()  # ids of the rules that decided
    reason: str = ""
    policy_digest: str = ""


class Verdict(StrEnum):
    """One person's answer."""

    APPROVE = "approve"
    DENY = "deny"


class Vote(Model):
    """One person's answer to one request, bound to the plan they saw.

    ``role`` and ``instead_of``: set where they did not answer in a role that was asked for from
    the start: the role that they stood in with, and for whom, where a person named them.
    """

    approval: str
    plan_hash: str
    who: Principal
    verdict: Verdict
    reason: str = Field(default="", max_length=2000)
    at: AwareDatetime
    role: str = ""
    instead_of: str = ""


class Delegation(Model):
    """Somebody who may answer a request named another person to answer it instead."""

    by: Principal
    to: str
    at: AwareDatetime


class Snooze(Model):
    """Somebody who was asked does not want to be reminded before ``until``."""

    who: str
    until: AwareDatetime


class Change(Model):
    """Somebody who may answer wants another plan: the request is void, and a new one follows.

    ``step``: the step of the playbook whose inputs or hold are other than the author's.
    """

    who: str
    step: str
    inputs: JsonObject = Field(default_factory=dict)  # those that change
    hold_s: int | None = Field(default=None, ge=1)
    reason: str = Field(default="", max_length=2000)


class Given(Model):
    """What a step that waits for people would be done with: the part that a person may change."""

    step: str
    inputs: JsonObject = Field(default_factory=dict)
    hold_s: int | None = None
    longest_s: int | None = None  # the author's hold; nobody can make it longer


class ApprovalState(StrEnum):
    """Where a request stands. Only ``APPROVED`` and ``UNOPPOSED`` let anything happen.

    ``UNOPPOSED``: time ran out, nobody said no, and policy lets silence be enough for plans that
    are of low risk and can be undone. Nobody is shown as having agreed.
    """

    PENDING = "pending"
    APPROVED = "approved"
    UNOPPOSED = "unopposed"
    DENIED = "denied"
    EXPIRED = "expired"
    VOID = "void"  # the plan was changed, or the response ended, before it was decided


class Approval(Model):
    """A settled or pending request: people's decision on one set of plans.

    ``plans`` holds the hash of each plan that may be applied; ``plan_hash`` is the digest of that
    list and of the holds in ``given``, the one value that a vote must repeat. ``requesters``: all
    who asked for it or changed it, and so may not answer.
    """

    id: str
    incident: str
    step: str
    plans: tuple[str, ...]
    plan_hash: str
    summary: tuple[str, ...]  # one line for each plan: what, where, and the way back
    ways_back: tuple[str, ...] = ()  # of each plan; "" for one that cannot be undone
    gates: tuple[Gate, ...]
    why: str
    requester: str
    requested_at: AwareDatetime
    expires_at: AwareDatetime
    state: ApprovalState = ApprovalState.PENDING
    votes: tuple[Vote, ...] = ()
    device: str = ""
    title: str = ""  # of the incident
    severity: int = 0
    hits: tuple[str, ...] = ()  # what else it touches
    asked: tuple[str, ...] = ()  # principals who have been asked by name, in order
    levels: tuple[Level, ...] = ()  # who is asked next when nobody answers
    reached: int = 0  # how many of those have been
    reminders: int = 0
    remind_s: int | None = None
    on_timeout: Literal["deny", "allow"] = "deny"
    replaces: str = ""  # the request that this one follows: changed, drifted, or lost its votes
    requesters: tuple[str, ...] = ()
    given: tuple[Given, ...] = ()  # one for each step that has inputs or a hold
    delegations: tuple[Delegation, ...] = ()
    snoozes: tuple[Snooze, ...] = ()
    change: Change | None = None  # why it is void


def passed(gates: Iterable[Gate], voters: Iterable[Principal]) -> bool:
    """Whether enough distinct people agreed, each counted for one gate only.

    Hall's condition: every group of gates must find as many eligible people as its quorums add
    up to. Nobody passes for two people by holding two roles.
    """
    wanted = tuple(gates)
    people = {voter.id: voter.roles for voter in voters}
    for size in range(1, len(wanted) + 1):
        for group in combinations(wanted, size):
            eligible = [who for who, roles in people.items() if any(g.role in roles for g in group)]
            if len(eligible) < sum(gate.quorum for gate in group):
                return False
    return True


def united(gates: Iterable[Gate]) -> tuple[Gate, ...]:
    """One gate a role: the largest quorum and the shortest time any of them asks for."""
    by_role: dict[str, Gate] = {}
    for gate in gates:
        have = by_role.setdefault(gate.role, gate)
        by_role[gate.role] = Gate(
            role=gate.role,
            quorum=max(have.quorum, gate.quorum),
            within_s=min(have.within_s, gate.within_s),
        )
    return tuple(by_role.values())
