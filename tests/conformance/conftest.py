"""Gives each conformance test its bench."""

from tests.peers.ovs import ovs, ovs_session

__all__ = ["ovs", "ovs_session"]
