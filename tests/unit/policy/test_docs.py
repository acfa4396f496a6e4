"""What the how-to shows is a policy that loads and decides as it says."""

import re
from pathlib import Path

from firebreak.domain.people import Effect
from firebreak.policy.static import StaticPolicy
from tests.unit.policy.test_static import question

PAGE = Path(__file__).parents[3] / "docs/how-to/policy.md"


def test_the_example_is_a_policy(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    path = tmp_path / "policy.yaml"
    path.write_text(blocks[0])
    policy = StaticPolicy.load(path)
    assert policy.decide(question(site="yard")).effect is Effect.ALLOW
    assert policy.decide(question(site="yard", criticality="high")).effect is Effect.APPROVE
    assert policy.decide(question(site="hall")).effect is Effect.FORBID
