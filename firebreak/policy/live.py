"""Policies that follow their files: a good change is taken up, a broken one is refused loudly."""

from collections.abc import Callable
from pathlib import Path
from typing import Self

import structlog
from pydantic import AwareDatetime

from firebreak.contracts.policy import Question
from firebreak.domain.base import Model
from firebreak.domain.people import Decision
from firebreak.live_file import LiveFile
from firebreak.policy.cedar import CedarPolicy, Clock, TimeZones, now, utc
from firebreak.policy.files import stamp
from firebreak.policy.vocabulary import Vocabulary

_log = structlog.get_logger(__name__)


class PolicyChange(Model):
    """Other policies are in force from ``at`` on."""

    before: str  # digests
    after: str
    files: tuple[str, ...]
    policies: int
    at: AwareDatetime


class PolicyStatus(Model):
    """The policies of one process. ``problem``: why the files as they are now do not decide."""

    digest: str
    since: AwareDatetime
    files: tuple[str, ...]
    policies: int
    problem: str | None


OnChange = Callable[[PolicyChange], None]


class LivePolicy:
    """The policies of a file or a directory, as last read without a problem; see ``LiveFile``.

    ``on_change`` is called from the thread that read them, once the new policies decide.
    """

    def __init__(
        self, path: Path, build: Callable[[], CedarPolicy], clock: Clock, on_change: OnChange | None
    ) -> None:
        """Use ``load``."""
        self._path = path
        self._clock = clock
        self._on_change = on_change
        self._since = clock()
        self._files = LiveFile(build, lambda: stamp(path), taken=self._taken, refused=self._refused)

    @classmethod
    def load(
        cls,
        path: Path,
        vocabulary: Vocabulary,
        *,
        time_zone: TimeZones = utc,
        clock: Clock = now,
        on_change: OnChange | None = None,
    ) -> Self:
        """Read and check the policies. Raises DefinitionError naming file and line."""

        def build() -> CedarPolicy:
            return CedarPolicy.load(path, vocabulary, time_zone=time_zone, clock=clock)

        return cls(path, build, clock, on_change)

    @property
    def problem(self) -> str | None:
        """Why the files as they are now do not decide; None when they do."""
        return self._files.problem

    @property
    def digest(self) -> str:
        """Which policies decide now."""
        return self._files.current().digest

    @property
    def mentions(self) -> frozenset[str]:
        """The attributes of ``context`` that they use; see ``PolicySet``."""
        return self._files.current().policies.mentions

    @property
    def status(self) -> PolicyStatus:
        """What decides in this process, since when, and what is wrong with the files."""
        policy = self._files.current()
        return PolicyStatus(
            digest=policy.digest,
            since=self._since,
            files=tuple(Path(file).name for file in policy.policies.files),
            policies=len(policy.policies.rules),
            problem=self.problem,
        )

    def decide(self, question: Question) -> Decision:
        """The decision and the policies that made it. Raises nothing: a doubt is FORBID."""
        return self._files.current().decide(question)

    def refresh(self) -> None:
        """Read the files now if they changed."""
        self._files.refresh()

    def _refused(self, still: CedarPolicy, problem: str) -> None:
        _log.error(
            "policy files are broken; the last good ones still decide",
            path=str(self._path),
            digest=still.digest,
            problem=problem,
        )

    def _taken(self, before: CedarPolicy, policy: CedarPolicy) -> None:
        if before.digest == policy.digest:
            return
        self._since = self._clock()
        change = PolicyChange(
            before=before.digest,
            after=policy.digest,
            files=policy.policies.files,
            policies=len(policy.policies.rules),
            at=self._since,
        )
        _log.warning("other policies decide from now on", **change.to_json())
        if self._on_change is not None:
            self._on_change(change)
