"""Gives the tests of this folder their real peers."""

from tests.peers.ovs import ovs, ovs_session

__all__ = ["ovs", "ovs_session"]
