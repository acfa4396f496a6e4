"""What the how-to shows are policies that load, and cases that they meet."""

import re
from pathlib import Path

from firebreak.policy.check import check
from tests.unit.policy.asking import VOCABULARY

PAGE = Path(__file__).parents[3] / "docs/how-to/policy.md"


def test_the_examples_are_policies_and_their_cases_hold(tmp_path: Path) -> None:
    page = PAGE.read_text()
    for language, name in (("cedar", "yard.cedar"), ("yaml", "yard.tests.yaml")):
        (only,) = re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)
        (tmp_path / name).write_text(only)
    report = check(tmp_path / "yard.cedar", VOCABULARY)
    assert (report.problems, report.policies, report.cases) == ((), 4, 3)
