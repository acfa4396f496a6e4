"""Policies that Hypothesis writes."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import strategies as st

from firebreak.policy.cedar import CedarPolicy
from tests.unit.policy.asking import VOCABULARY

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)

ROLES = st.sampled_from(["on-call", "soc-lead", "admin", "automation", "x"])
CONDITIONS = st.sampled_from(
    [
        "true",
        "false",
        "context.drill",
        "context.severity >= 3",
        "context.confidence < 50",
        "context.severity * 9223372036854775807 > 1",  # fails from severity 2 on
        'principal in Role::"admin"',
        'resource.safety == Safety::"none"',
        'resource has redundancy_group && resource in RedundancyGroup::"g"',
        'context.risk == Risk::"high"',
        "context.reversible",
        "context.hour < 6",
        "context.blast.site > 2",
    ]
)


def spelled_gates(most: int) -> st.SearchStrategy[str]:
    """What stands in an @approve: up to three roles, each with at most ``most`` people."""
    gate = st.tuples(st.integers(1, most), ROLES, st.sampled_from(["90s", "15m", "1h", "2d"]))
    return st.lists(gate, min_size=1, max_size=3, unique_by=lambda gate: gate[1]).map(
        lambda found: ", ".join(f"{n} {role} within {time}" for n, role, time in found)
    )


@st.composite
def policies(draw: st.DrawFn, most: int = 10) -> str:
    """Some policies that load, whose gates ask for at most so many people of a role."""
    written = []
    for number in range(draw(st.integers(1, 6))):
        effect = draw(st.sampled_from(["permit", "permit", "forbid"]))
        asks = draw(st.none() | spelled_gates(most)) if effect == "permit" else None
        scope = draw(
            st.sampled_from(
                ["action", 'action in Action::"network.*"', 'action in Action::"control"']
            )
        )
        note = f'@approve("{asks}") ' if asks else ""
        written.append(
            f'@id("p{number}") @summary("s") {note}{effect} (principal, {scope}, resource) '
            f"when {{ {draw(CONDITIONS)} }};"
        )
    return "\n".join(written)


def loaded(text: str) -> CedarPolicy:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.cedar"
        path.write_text(text, encoding="utf-8")
        return CedarPolicy.load(path, VOCABULARY, clock=lambda: NOON)
