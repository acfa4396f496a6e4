"""What the libraries under us may say in our log."""

import logging

import pytest

from firebreak import logs
from firebreak.errors import Unreachable
from firebreak.settings import Settings


@pytest.mark.parametrize("name", ["httpx", "httpcore.http11", "paramiko.transport"])
def test_even_at_debug_no_library_writes_headers_or_keys_into_the_log(name: str) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logs.configure(Settings(log_level="DEBUG"))
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def test_an_activity_that_is_tried_again_says_why_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    log = logging.getLogger("temporalio.activity")
    try:
        logs.configure(Settings())
        for cause in (Unreachable("sw-1 does not answer"), None):
            error = RuntimeError("as Temporal has it")
            error.__cause__ = cause
            log.warning("Completing activity as failed", exc_info=error)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    brief, *bug_lines = capsys.readouterr().err.splitlines()
    assert "Completing activity as failed: as Temporal has it" in brief
    assert len(bug_lines) > 1
