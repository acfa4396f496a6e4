"""One policy as it is enforced: checked by Cedar against the schema, and by us for its notes.

Cedar ignores annotations it does not know. Here they carry the approvals, so an unknown one is
refused: a misspelled ``@approve`` must not turn a question to people into a permission.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cedarpy

from firebreak.domain.people import Gate, Terms
from firebreak.errors import DefinitionError
from firebreak.policy import gates
from firebreak.policy.statements import Statement
from firebreak.policy.vocabulary import Vocabulary

WHOLE = "*"  # among the mentions: all of the context
_CONTEXT = {"Var": "context"}

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_SUMMARY = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,500}")
_NOTES = frozenset({"id", "summary", "approve", *gates.WITH_APPROVE})
# Cedar names the policy, and says the same of each action that it may be asked about.
_REPEATED = re.compile(r'for policy `policy0`[,:] | for Action::"[^"]*"(?= not found)')


@dataclass(frozen=True)
class Rule:
    """``text`` is the policy as it is written; ``head`` its scope, on one line.

    ``mentions``: the attributes of ``context`` that it uses.
    """

    id: str
    summary: str
    permits: bool
    terms: Terms
    file: str
    line: int
    head: str
    text: str
    mentions: frozenset[str]

    @property
    def gates(self) -> tuple[Gate, ...]:
        """Whom it wants to agree; nobody for one that just permits, or forbids."""
        return self.terms.gates

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"


def rule(statement: Statement, file: str, vocabulary: Vocabulary) -> Rule:
    """Check one policy. Raises DefinitionError with a line for each problem, ``file:line: ...``."""
    where = f"{file}:{statement.line}"
    cedar = _parsed(statement, where)
    # Cedar's value for an annotation without one is null.
    notes: dict[str, str] = {
        name: value or "" for name, value in (cedar.get("annotations") or {}).items()
    }
    permits = cedar["effect"] == "permit"
    problems = _wrong_notes(notes, permits=permits)
    problems += _invalid(statement, vocabulary)
    if problems:
        raise DefinitionError("\n".join(f"{where}: {problem}" for problem in problems))
    return Rule(
        id=notes["id"],
        summary=notes["summary"],
        permits=permits,
        terms=gates.terms(notes),
        file=file,
        line=statement.line,
        head=statement.head,
        text=statement.text,
        mentions=frozenset(_mentions(cedar["conditions"])),
    )


def _mentions(part: Any) -> Iterator[str]:
    """Attributes of ``context`` in a part of a policy, from Cedar's own JSON form."""
    if isinstance(part, list):
        for one in part:
            yield from _mentions(one)
    elif isinstance(part, dict):
        for name, inner in part.items():
            if name in (".", "has") and inner.get("left") == _CONTEXT:
                yield str(inner.get("attr"))
            elif {name: inner} == _CONTEXT:
                yield WHOLE  # passed on as a whole: it may mean any of them
            else:
                yield from _mentions(inner)


def _parsed(statement: Statement, where: str) -> dict[str, Any]:
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(statement.text))
    except ValueError as error:
        raise DefinitionError(f"{where}: this is no policy: {error}") from error
    if parsed["templates"]:
        raise DefinitionError(f"{where}: templates are not accepted; write the policy out")
    if len(parsed["staticPolicies"]) != 1:
        raise DefinitionError(f"{where}: one policy must end here, with a `;`")
    found: dict[str, Any]
    (found,) = parsed["staticPolicies"].values()
    return found


def _wrong_notes(notes: dict[str, str], *, permits: bool) -> list[str]:
    problems = [
        f"@{name} means nothing here; there are @id, @summary, @approve, @escalate, @remind and "
        "@otherwise"
        for name in sorted(notes.keys() - _NOTES)
    ]
    if not _ID.fullmatch(notes.get("id", "")):
        problems.append('it needs an @id("...") of small letters, digits, dots and dashes')
    if not _SUMMARY.fullmatch(notes.get("summary", "")):
        problems.append('it needs a @summary("...") of one line: people are told it as the reason')
    asking = [name for name in ("approve", *gates.WITH_APPROVE) if name in notes]
    if asking and not permits:
        problems.append(f"@{asking[0]} belongs to permit policies; forbid is forbid")
        return problems
    try:
        gates.terms(notes)
    except ValueError as error:
        problems.append(str(error))
    return problems


def _invalid(statement: Statement, vocabulary: Vocabulary) -> list[str]:
    result = cedarpy.validate_policies(statement.text, vocabulary.handle)
    if result.validation_passed:
        return []
    said = dict.fromkeys(_REPEATED.sub("", one.error) for one in result.errors)
    return list(said) or ["the schema refuses it"]
