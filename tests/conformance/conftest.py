"""Gives each conformance test its bench, wherever its case can be at all."""

import pytest

from tests.conformance.adapters import ADAPTERS
from tests.conformance.bench import Forbidden
from tests.peers.ovs import ovs, ovs_session
from tests.peers.snmpd import snmpd, snmpd_session

__all__ = ["ovs", "ovs_session", "snmpd", "snmpd_session"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test over every adapter that is not exempt from one of the cases it ``needs``."""
    if "adapter" not in metafunc.fixturenames:
        return
    wanted = {case for mark in metafunc.definition.iter_markers("needs") for case in mark.args}
    able = [adapter for adapter in ADAPTERS if wanted.isdisjoint(adapter.exempt)]
    if "kind" in metafunc.fixturenames:
        pairs = [(a, kind) for a in able for kind in Forbidden if kind not in a.exempt]
        metafunc.parametrize(
            ("adapter", "kind"),
            [pytest.param(a, kind, marks=a.marks, id=f"{a.name}-{kind}") for a, kind in pairs],
        )
    else:
        params = [pytest.param(a, marks=a.marks, id=a.name) for a in able]
        metafunc.parametrize("adapter", params)
