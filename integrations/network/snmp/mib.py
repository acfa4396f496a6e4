"""The objects that are read and written, by number: pysnmp ships none of these MIBs.

Sources: RFC 2863 (IF-MIB), RFC 4188 (BRIDGE-MIB), RFC 4363 (Q-BRIDGE-MIB), RFC 3418
(snmpSetSerialNo), IEEE 802.1AB (LLDP-MIB), IEEE 802.1X-2004 (IEEE8021-PAE-MIB), IEEE 802.3ad
(IEEE8023-LAG-MIB), Cisco's CISCO-VLAN-MEMBERSHIP-MIB and CISCO-VTP-MIB.
"""

Oid = tuple[int, ...]


def _oid(text: str) -> Oid:
    return tuple(int(part) for part in text.split("."))


# Two managers that both send it with their SET can't overwrite each other (TestAndIncr).
SET_SERIAL = _oid("1.3.6.1.6.3.1.1.6.1.0")

# Columns by ifIndex.
IF_DESCR = _oid("1.3.6.1.2.1.2.2.1.2")
IF_ADMIN_STATUS = _oid("1.3.6.1.2.1.2.2.1.7")  # up(1) down(2) testing(3)
IF_NAME = _oid("1.3.6.1.2.1.31.1.1.1.1")
LAG_ATTACHED = _oid("1.2.840.10006.300.43.1.2.1.1.13")  # ifIndex of the aggregator, or 0

# Columns by dot1dBasePort.
BASE_PORT_IF_INDEX = _oid("1.3.6.1.2.1.17.1.4.1.2")
PVID = _oid("1.3.6.1.2.1.17.7.1.4.5.1.1")

# Columns by MAC address (six numbers), and by fdbId and MAC address.
FDB_PORT = _oid("1.3.6.1.2.1.17.4.3.1.2")
FDB_STATUS = _oid("1.3.6.1.2.1.17.4.3.1.3")  # other(1) invalid(2) learned(3) self(4) mgmt(5)
Q_FDB_PORT = _oid("1.3.6.1.2.1.17.7.1.2.2.1.2")
Q_FDB_STATUS = _oid("1.3.6.1.2.1.17.7.1.2.2.1.3")

# Columns by VLAN; those of the current table by TimeMark and VLAN.
STATIC_EGRESS = _oid("1.3.6.1.2.1.17.7.1.4.3.1.2")
STATIC_UNTAGGED = _oid("1.3.6.1.2.1.17.7.1.4.3.1.4")
VLAN_FDB_ID = _oid("1.3.6.1.2.1.17.7.1.4.2.1.3")
CURRENT_EGRESS = _oid("1.3.6.1.2.1.17.7.1.4.2.1.4")

# LLDP: the local ports by their number, the neighbors by TimeMark, local port number and index.
LLDP_LOCAL_ID = _oid("1.0.8802.1.1.2.1.3.7.1.3")
LLDP_REMOTE_CHASSIS = _oid("1.0.8802.1.1.2.1.4.1.1.5")
LLDP_REMOTE_ABLE = _oid("1.0.8802.1.1.2.1.4.1.1.12")  # lldpRemSysCapEnabled, BITS

# 802.1X, by ifIndex.
PAE_REAUTHENTICATE = _oid("1.0.8802.1.1.1.1.1.2.1.5")  # write true(1); always reads false(2)
PAE_PORT_STATUS = _oid("1.0.8802.1.1.1.1.2.1.1.5")  # authorized(1) unauthorized(2)
PAE_PORT_CONTROL = _oid("1.0.8802.1.1.1.1.2.1.1.6")  # forceUnauthorized(1) auto(2) forceAuth..(3)

# Cisco, by ifIndex; VLAN states by management domain and VLAN.
VM_VLAN_TYPE = _oid("1.3.6.1.4.1.9.9.68.1.2.2.1.1")  # static(1) dynamic(2) multiVlan(3)
VM_VLAN = _oid("1.3.6.1.4.1.9.9.68.1.2.2.1.2")
VM_VOICE_VLAN = _oid("1.3.6.1.4.1.9.9.68.1.5.1.1.1")  # 4095: untagged, 4096: none
TRUNK_STATE = _oid("1.3.6.1.4.1.9.9.46.1.6.1.1.13")  # on(1) off(2) desirable(3) auto(4) ..(5)
TRUNK_STATUS = _oid("1.3.6.1.4.1.9.9.46.1.6.1.1.14")  # trunking(1) notTrunking(2)
VTP_VLAN_STATE = _oid("1.3.6.1.4.1.9.9.46.1.3.1.1.2")  # operational(1)

TRUE = 1
ADMIN_UP, ADMIN_DOWN = 1, 2
FORCE_UNAUTHORIZED, AUTO, FORCE_AUTHORIZED = 1, 2, 3
AUTHORIZED = 1
