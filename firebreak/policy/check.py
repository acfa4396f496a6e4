"""Everything that is wrong with a set of policies: the files, and the cases beside them."""

from dataclasses import dataclass
from pathlib import Path

from firebreak.errors import DefinitionError
from firebreak.policy.cases import case_files, run
from firebreak.policy.cedar import CedarPolicy
from firebreak.policy.vocabulary import Vocabulary


@dataclass(frozen=True)
class Report:
    """``problems`` are lines ``file:line: what``; without any the set can be used."""

    policies: int
    cases: int
    digest: str
    problems: tuple[str, ...]


def check(path: Path, vocabulary: Vocabulary) -> Report:
    """Check policies and ask them every case. Policies that cannot be read are asked none."""
    try:
        policy = CedarPolicy.load(path, vocabulary)
    except DefinitionError as error:
        return Report(0, 0, "", tuple(str(error).splitlines()))
    cases, problems = 0, list[str]()
    for file in case_files(path):
        count, found = _asked(file, policy, vocabulary)
        cases += count
        problems += found
    return Report(len(policy.policies.rules), cases, policy.digest, tuple(problems))


def _asked(file: Path, policy: CedarPolicy, vocabulary: Vocabulary) -> tuple[int, list[str]]:
    try:
        count, failures = run(file, policy, vocabulary)
    except DefinitionError as error:
        return 0, str(error).splitlines()
    return count, [f"{f.file}:{f.line}: {f.name}: {f.problem}" for f in failures]
