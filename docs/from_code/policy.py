"""docs/reference/policy-schema.md: everything that a policy can say."""

from docs.from_code.markdown import code, page, table
from firebreak.playbook.catalogue import SHIPPED
from firebreak.policy.vocabulary import Vocabulary

_INTRO = """\
Policies are held against this [Cedar](https://docs.cedarpolicy.com) schema when they are loaded; it
is made from the action catalogue. `firebreak policy schema` prints it. How to write policies:
[Decide who may do what](../how-to/policy.md)."""


def render() -> str:
    """The page."""
    vocabulary = Vocabulary(SHIPPED)
    words = [vocabulary[name] for name in vocabulary.actions]
    rows = [(code(w.name), ", ".join(code(g) for g in w.groups), w.risk, w.summary) for w in words]
    return page(
        "Policy schema",
        "firebreak/policy/vocabulary.py",
        _INTRO,
        table(("action", "groups", "risk without a plan", "what it does"), rows),
        f"```text\n{vocabulary.schema}```",
    )
