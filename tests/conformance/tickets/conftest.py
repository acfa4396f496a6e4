"""Gives each test every ticket system in turn."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conformance.tickets.bench import Bench
from tests.conformance.tickets.changes import GROUP, Instance
from tests.conformance.tickets.systems import (
    ServiceNowSystem,
    jira_bench,
    rt_bench,
    servicenow_bench,
)
from tests.peers.rt import rt

__all__ = ["rt"]

_REAL = [pytest.mark.peer("rt"), pytest.mark.xdist_group("rt")]


@pytest.fixture(params=["servicenow", "jira-sm", pytest.param("rt", marks=_REAL)])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """One ticket system, on a good day."""
    if request.param == "rt":
        opened = rt_bench(tmp_path, request.getfixturevalue("rt"))
    else:
        opened = {"servicenow": servicenow_bench, "jira-sm": jira_bench}[request.param](tmp_path)
    async with opened as made:
        yield made


@pytest.fixture
async def changing(tmp_path: Path) -> AsyncIterator[Instance]:
    """A ServiceNow whose channel writes change requests."""
    async with servicenow_bench(tmp_path) as bench:
        assert isinstance(bench.system, ServiceNowSystem)
        bench.config["change"] = {"fields": {**GROUP}}
        yield Instance(bench, bench.system.instance.changes)
