"""Who may do what, by role: the one table that the API and the chat go by."""

from dataclasses import dataclass

from firebreak.domain.glass import BREAK_GLASS
from firebreak.domain.people import Principal
from firebreak.errors import Forbidden

ADMIN = "admin"
AUDITOR = "auditor"
SERVICE = "service"  # of a token with scopes, and of nobody else: its scopes say what it may

READERS = frozenset({ADMIN, "analyst", "on-call", "soc-lead", AUDITOR, SERVICE})
STARTERS = frozenset({ADMIN, "analyst", "on-call", SERVICE})
RESUMERS = frozenset({"on-call", "soc-lead"})
OPERATORS = frozenset({ADMIN, "analyst", "on-call", "soc-lead", SERVICE})
AUDITORS = frozenset({ADMIN, AUDITOR, SERVICE})
BREAKERS = frozenset({BREAK_GLASS})  # nobody by default, and no other role stands in for it
MENDERS = (OPERATORS - {SERVICE}) | BREAKERS  # ending a break-glass is always safe
REVIEWERS = frozenset({"soc-lead", AUDITOR})


@dataclass(frozen=True)
class Rule:
    """One of these roles, and for what only people may decide: a person."""

    roles: frozenset[str]
    in_person: bool = False

    def check(self, who: Principal) -> None:
        """Raises Forbidden unless ``who`` may."""
        if who.roles.isdisjoint(self.roles):
            named = ", ".join(sorted(self.roles - {SERVICE}))
            raise Forbidden(f"{who.id} needs one of the roles {named}")
        if self.in_person and who.kind != "person":
            raise Forbidden(f"{who.id} is no person; only people decide")


READ = Rule(READERS)
START = Rule(STARTERS)
OPERATE = Rule(OPERATORS)
DECIDE = Rule(OPERATORS, in_person=True)  # a script cannot agree to anything
RESUME = Rule(RESUMERS, in_person=True)
AUDIT = Rule(AUDITORS)
BREAK = Rule(BREAKERS, in_person=True)
MEND = Rule(MENDERS, in_person=True)
REVIEW = Rule(REVIEWERS, in_person=True)
