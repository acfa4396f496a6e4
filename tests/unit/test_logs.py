"""What the libraries under us may say in our log."""

import logging

import pytest

from firebreak import logs
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
