"""The objects of an emulated SNMP agent, by number.

Written down a second time, apart from the adapter's: an emulator that shared them would agree with
a mistake. Sources: RFC 2863, RFC 3418, RFC 4188, RFC 4363, IEEE 802.1AB, IEEE 802.1X-2004,
CISCO-VLAN-MEMBERSHIP-MIB, CISCO-VTP-MIB.
"""

Oid = tuple[int, ...]
Value = int | bytes

SERIAL: Oid = (1, 3, 6, 1, 6, 3, 1, 1, 6, 1, 0)
IF_DESCR: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 2)
IF_ADMIN: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 7)
IF_NAME: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1)
BRIDGE: Oid = (1, 3, 6, 1, 2, 1, 17)
BASE_IF_INDEX: Oid = (*BRIDGE, 1, 4, 1, 2)
D_FDB_PORT: Oid = (*BRIDGE, 4, 3, 1, 2)
D_FDB_STATUS: Oid = (*BRIDGE, 4, 3, 1, 3)
Q_FDB_PORT: Oid = (*BRIDGE, 7, 1, 2, 2, 1, 2)
Q_FDB_STATUS: Oid = (*BRIDGE, 7, 1, 2, 2, 1, 3)
VLAN_FDB: Oid = (*BRIDGE, 7, 1, 4, 2, 1, 3)
CURRENT_EGRESS: Oid = (*BRIDGE, 7, 1, 4, 2, 1, 4)
CURRENT_UNTAGGED: Oid = (*BRIDGE, 7, 1, 4, 2, 1, 5)
STATIC_NAME: Oid = (*BRIDGE, 7, 1, 4, 3, 1, 1)
STATIC_EGRESS: Oid = (*BRIDGE, 7, 1, 4, 3, 1, 2)
STATIC_UNTAGGED: Oid = (*BRIDGE, 7, 1, 4, 3, 1, 4)
PVID: Oid = (*BRIDGE, 7, 1, 4, 5, 1, 1)
PAE: Oid = (1, 0, 8802, 1, 1, 1, 1)
PAE_REAUTHENTICATE: Oid = (*PAE, 1, 2, 1, 5)
PAE_STATUS: Oid = (*PAE, 2, 1, 1, 5)
PAE_CONTROL: Oid = (*PAE, 2, 1, 1, 6)
LLDP: Oid = (1, 0, 8802, 1, 1, 2, 1)
LLDP_LOCAL_ID: Oid = (*LLDP, 3, 7, 1, 3)
LLDP_CHASSIS: Oid = (*LLDP, 4, 1, 1, 5)
LLDP_ENABLED: Oid = (*LLDP, 4, 1, 1, 12)
CISCO: Oid = (1, 3, 6, 1, 4, 1, 9, 9)
VM_TYPE: Oid = (*CISCO, 68, 1, 2, 2, 1, 1)
VM_VLAN: Oid = (*CISCO, 68, 1, 2, 2, 1, 2)
TRUNK_STATE: Oid = (*CISCO, 46, 1, 6, 1, 1, 13)
TRUNK_STATUS: Oid = (*CISCO, 46, 1, 6, 1, 1, 14)
VTP_STATE: Oid = (*CISCO, 46, 1, 3, 1, 1, 2)
