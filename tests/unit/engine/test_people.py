"""Quorums count people, not hats."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebreak.domain.people import Gate, Principal, passed, united


def person(name: str, *roles: str) -> Principal:
    return Principal(id=name, roles=frozenset(roles))


BOTH = (Gate(role="on-call"), Gate(role="soc-lead"))


@pytest.mark.parametrize(
    ("voters", "enough"),
    [
        ([], False),
        ([person("a", "on-call")], False),
        ([person("a", "on-call", "soc-lead")], False),  # two hats are one head
        ([person("a", "on-call", "soc-lead"), person("b", "on-call")], True),
        ([person("a", "on-call"), person("b", "on-call")], False),
        ([person("a", "on-call"), person("b", "soc-lead")], True),
        ([person("a", "on-call"), person("a", "soc-lead")], False),
    ],
)
def test_each_person_counts_for_one_gate_only(voters: list[Principal], enough: bool) -> None:
    assert passed(BOTH, voters) is enough


def test_no_gates_need_nobody() -> None:
    assert passed((), ())


ROLES = st.sets(st.sampled_from(["a", "b", "c"]), min_size=1)


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(1, 3)), max_size=3),
    st.lists(ROLES, max_size=6),
)
def test_passed_means_that_people_can_really_be_shared_out(
    wanted: list[tuple[str, int]], people: list[set[str]]
) -> None:
    gates = united(Gate(role=role, quorum=quorum) for role, quorum in wanted)
    voters = [person(str(number), *roles) for number, roles in enumerate(people)]
    slots = [gate.role for gate in gates for _ in range(gate.quorum)]
    assert passed(gates, voters) is _can_fill(slots, [v.roles for v in voters])


def _can_fill(slots: list[str], people: list[frozenset[str]]) -> bool:
    if not slots:
        return True
    return any(
        slots[0] in roles and _can_fill(slots[1:], people[:at] + people[at + 1 :])
        for at, roles in enumerate(people)
    )


def test_united_gates_ask_for_the_most_and_wait_the_least() -> None:
    gates = united([Gate(role="a", quorum=1, within_s=60), Gate(role="a", quorum=2, within_s=900)])
    assert gates == (Gate(role="a", quorum=2, within_s=60),)
