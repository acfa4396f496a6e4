"""Stand-ins, delegates and several policies: never fewer people than each of them asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebreak.domain.people import Gate, Level, Principal, Terms, passed
from firebreak.domain.standing import Standing, combined

ON_CALL, ADMIN = Gate(role="on-call", within_s=900), Gate(role="admin", within_s=600)
LEAD_AFTER_60 = Level(after_s=60, role="soc-lead")


def person(name: str, *roles: str) -> Principal:
    return Principal(id=name, roles=frozenset(roles))


def test_nobody_asked_is_nobody_asked() -> None:
    assert combined([Terms(), Terms(otherwise="allow")]) == Terms()


def test_a_stand_in_needs_everybody_who_asks_for_the_role() -> None:
    with_lead = Terms(gates=(ON_CALL,), levels=(LEAD_AFTER_60,))
    assert combined([with_lead, Terms(gates=(ON_CALL,))]).levels == ()
    both = combined(
        [with_lead, Terms(gates=(ON_CALL,), levels=(Level(after_s=90, role="soc-lead"),))]
    )
    assert both.levels == (Level(after_s=90, role="soc-lead", instead_of=("on-call",)),)


def test_a_stand_in_of_one_policy_is_none_for_the_role_of_another() -> None:
    terms = combined([Terms(gates=(ON_CALL,), levels=(LEAD_AFTER_60,)), Terms(gates=(ADMIN,))])
    standing = Standing(terms.gates, terms.levels)
    assert not standing.passed([person("a", "soc-lead"), person("b", "soc-lead")])
    assert standing.passed([person("a", "soc-lead"), person("b", "admin")])


def test_reminders_are_the_most_frequent_and_silence_needs_all_to_agree() -> None:
    easy = Terms(gates=(ON_CALL,), remind_s=300, otherwise="allow")
    strict = Terms(gates=(ADMIN,), remind_s=60)
    assert combined([easy, easy]).otherwise == "allow"
    terms = combined([easy, strict])
    assert (terms.remind_s, terms.otherwise) == (60, "deny")


def test_silence_is_a_yes_only_after_the_longest_time() -> None:
    soon = Terms(gates=(Gate(role="on-call", within_s=60),), otherwise="allow")
    later = Terms(gates=(ON_CALL, ADMIN), otherwise="allow")
    assert min(gate.within_s for gate in combined([soon, later]).gates) == ADMIN.within_s
    assert combined([later]).gates == later.gates
    strict = later.model_copy(update={"otherwise": "deny"})
    assert min(gate.within_s for gate in combined([soon, strict]).gates) == 60


def test_a_level_after_the_shortest_time_is_never_reached_and_is_left_out() -> None:
    late = Terms(gates=(ON_CALL,), levels=(Level(after_s=700, role="soc-lead"),))
    assert combined([late, Terms(gates=(ADMIN,))]).levels == ()


TERMS = st.builds(
    Terms,
    gates=st.lists(
        st.builds(
            Gate,
            role=st.sampled_from("abc"),
            quorum=st.integers(1, 3),
            within_s=st.integers(1, 100),
        ),
        min_size=1,
        max_size=2,
        unique_by=lambda gate: gate.role,
    ).map(tuple),
    levels=st.lists(
        st.builds(
            Level,
            after_s=st.integers(1, 50),
            role=st.sampled_from("cde"),
            instead_of=st.sets(st.sampled_from("abc")).map(lambda names: tuple(sorted(names))),
        ),
        max_size=2,
    ).map(tuple),
)
PEOPLE = st.lists(st.sets(st.sampled_from("abcde")), max_size=5)


@given(st.lists(TERMS, min_size=1, max_size=3), PEOPLE)
def test_what_passes_together_passes_for_each_alone(
    voices: list[Terms], people: list[set[str]]
) -> None:
    voters = [person(str(number), *roles) for number, roles in enumerate(people)]
    together = combined(voices)
    if Standing(together.gates, together.levels).passed(voters):
        assert all(Standing(voice.gates, voice.levels).passed(voters) for voice in voices)


@given(TERMS, PEOPLE)
def test_without_levels_it_is_the_plain_rule(terms: Terms, people: list[set[str]]) -> None:
    voters = [person(str(number), *roles) for number, roles in enumerate(people)]
    assert Standing(terms.gates).passed(voters) is passed(terms.gates, voters)


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (person("a", "on-call", "soc-lead"), ("", "")),
        (person("b", "soc-lead"), ("soc-lead", "")),
        (person("c", "analyst"), ("", "")),
    ],
)
def test_a_vote_says_in_which_role_it_stood_in(who: Principal, expected: tuple[str, str]) -> None:
    assert Standing((ON_CALL,), (LEAD_AFTER_60,)).capacity(who) == expected
