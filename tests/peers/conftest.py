"""Gives the tests of this folder their real peers."""

from tests.peers.dot1x import dot1x, dot1x_session
from tests.peers.freeradius import auth_server, auth_server_session, coa_receiver, mac
from tests.peers.ovs import ovs, ovs_session
from tests.peers.slack import slack, slack_emulator, slack_tokens
from tests.peers.snmpd import snmpd, snmpd_session

__all__ = [
    "auth_server",
    "auth_server_session",
    "coa_receiver",
    "dot1x",
    "dot1x_session",
    "mac",
    "ovs",
    "ovs_session",
    "slack",
    "slack_emulator",
    "slack_tokens",
    "snmpd",
    "snmpd_session",
]
