"""Policies that follow their files: a good change is taken up, a broken one is refused loudly."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import structlog
from pydantic import AwareDatetime

from firebreak.contracts import Question
from firebreak.domain.base import Model
from firebreak.domain.people import Decision
from firebreak.errors import DefinitionError
from firebreak.policy.cedar import CedarPolicy, Clock, TimeZones, now, utc
from firebreak.policy.files import Stamp, read, stamp
from firebreak.policy.vocabulary import Vocabulary

CHECK_EVERY_S = 1.0

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
    """The policies of a file or a directory, as last read without a problem.

    The files are looked at no more than once a second, when a decision is asked for, and read in a
    thread only when they have looked the same twice: neither a half-written set nor a long parse is
    felt. ``on_change`` is called from that thread, once the new policies decide. While the files
    are broken or gone ``problem`` says why, and the last good policies decide.
    """

    def __init__(
        self,
        path: Path,
        policy: CedarPolicy,
        seen: Stamp,
        build: Callable[[], CedarPolicy],
        *,
        clock: Clock = now,
        on_change: OnChange | None = None,
    ) -> None:
        """Use ``load``; this takes what it has read, and how to read it again."""
        self._path = path
        self._policy = policy
        self._build = build
        self._clock = clock
        self._on_change = on_change
        self._since = clock()
        self._tried = self._seen = seen
        self._checked_at = time.monotonic()
        self._lock = threading.Lock()
        self._reading: threading.Thread | None = None
        self.problem: str | None = None

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
            policies = read(path, vocabulary)
            return CedarPolicy(policies, vocabulary, time_zone=time_zone, clock=clock)

        seen = stamp(path)
        return cls(path, build(), seen, build, clock=clock, on_change=on_change)

    @property
    def digest(self) -> str:
        """Which policies decide now."""
        return self._current().digest

    @property
    def mentions(self) -> frozenset[str]:
        """The attributes of ``context`` that they use; see ``PolicySet``."""
        return self._current().policies.mentions

    @property
    def status(self) -> PolicyStatus:
        """What decides in this process, since when, and what is wrong with the files."""
        policy = self._current()
        return PolicyStatus(
            digest=policy.digest,
            since=self._since,
            files=tuple(Path(file).name for file in policy.policies.files),
            policies=len(policy.policies.rules),
            problem=self.problem,
        )

    def decide(self, question: Question) -> Decision:
        """The decision and the policies that made it. Raises nothing: a doubt is FORBID."""
        return self._current().decide(question)

    def refresh(self) -> None:
        """Read the files now if they changed."""
        seen = stamp(self._path)
        with self._lock:
            if seen == self._tried:
                return
            self._tried = self._seen = seen
            try:
                policy = self._build()
            except DefinitionError as error:
                self._refuse(str(error))
            else:
                self._take(policy)

    def _refuse(self, problem: str) -> None:
        self.problem = problem
        _log.error(
            "policy files are broken; the last good ones still decide",
            path=str(self._path),
            digest=self._policy.digest,
            problem=problem,
        )

    def _take(self, policy: CedarPolicy) -> None:
        before, self._policy, self.problem = self._policy.digest, policy, None
        if before == policy.digest:
            return
        self._since = self._clock()
        change = PolicyChange(
            before=before,
            after=policy.digest,
            files=policy.policies.files,
            policies=len(policy.policies.rules),
            at=self._clock(),
        )
        _log.warning("other policies decide from now on", **change.to_json())
        if self._on_change is not None:
            self._on_change(change)

    def _current(self) -> CedarPolicy:
        moment = time.monotonic()
        if moment - self._checked_at >= CHECK_EVERY_S:
            self._checked_at = moment
            self._check()
        return self._policy

    def _check(self) -> None:
        seen = stamp(self._path)
        settled, self._seen = seen == self._seen, seen
        if seen == self._tried or not settled or (self._reading and self._reading.is_alive()):
            return
        self._reading = threading.Thread(target=self.refresh, name="policy-reload", daemon=True)
        self._reading.start()
