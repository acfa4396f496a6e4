#!/bin/sh
# The part of an 802.1X switch that hostapd's wired driver leaves out: the port carries the VLAN of
# the last Access-Accept while a station is authorized, and none (@closed@) otherwise. hostapd_cli
# calls it with: interface, event, station.
vlan() { ovs-vsctl --timeout=10 --db=unix:@ovs@/db.sock set port "$1" tag="$2"; }
case "$2" in
AP-STA-CONNECTED)
  station=$(echo "$3" | tr a-f: A-F-)
  vlan "$1" "$(awk -v s="$station" -v v=@closed@ '$1 == s { v = $2 } END { print v }' @accepted@)"
  ;;
AP-STA-DISCONNECTED)
  vlan "$1" @closed@
  (
    # A switch asks again at once. hostapd forgets the station some seconds after it left.
    while hostapd_cli -p @folder@/hostapd -i "$1" sta "$3" | grep -q "^$3"; do sleep 0.1; done
    hostapd_cli -p @folder@/hostapd -i "$1" new_sta "$3"
  ) > /dev/null 2>&1 &
  ;;
esac
echo "$2 $3 tag=$(ovs-vsctl --timeout=10 --db=unix:@ovs@/db.sock get port "$1" tag)" >> @folder@/port.log
