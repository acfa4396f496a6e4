"""Suricata records become alerts that say the right thing about the right machine."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firebreak.domain.alert import Alert, Severity
from firebreak.errors import BadInput
from integrations.siem.suricata import SuricataParser

EVE = Path(__file__).parents[3] / "firebreak/cyber_range/data/suricata-mirai-eve.json"
RECORD: dict[str, Any] = json.loads(EVE.read_bytes().splitlines()[0])


def changed(**changes: Any) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(json.dumps(RECORD))
    record["alert"] |= changes.pop("alert", {})
    return record | changes


def alert(record: dict[str, Any]) -> Alert:
    alerts, bad, _ = SuricataParser().parse(json.dumps(record).encode())
    assert bad == ()
    return alerts[0].alert


def test_the_genuine_file_holds_three_alerts_of_one_camera() -> None:
    alerts, bad, others = SuricataParser().parse(EVE.read_bytes())
    assert bad == ()
    assert len(alerts) + others == 128
    assert [(a.alert.severity, a.alert.technique) for a in alerts] == [
        (Severity.MEDIUM, "T1046"),
        (Severity.HIGH, "T1110"),
        (Severity.HIGH, ""),
    ]
    assert {a.alert.src_ip for a in alerts} == {"10.20.0.17"}
    first = alerts[0].alert
    assert first.title == "SOAR IOT Mirai-style telnet scan"
    assert first.category == "Attempted Information Leak"
    assert first.time == datetime(2026, 11, 21, 19, 40, 0, 290000, tzinfo=UTC)
    assert alerts[0].raw == RECORD


def test_one_object_an_array_and_lines_are_read_alike() -> None:
    whole = SuricataParser().parse(EVE.read_bytes())
    records = [json.loads(line) for line in EVE.read_bytes().splitlines()]
    assert SuricataParser().parse(json.dumps(records).encode()) == whole
    pretty = json.dumps(RECORD, indent=2).encode()
    assert [p.alert for p in SuricataParser().parse(pretty)[0]] == [alert(RECORD)]
    windows = EVE.read_bytes().replace(b"\n", b"\r\n\r\n")
    assert SuricataParser().parse(b"\xef\xbb\xbf" + windows) == whole


def test_the_same_record_has_the_same_id_whatever_a_shipper_adds() -> None:
    dressed = changed(host="sensor-1", tags=["x"], alert={"metadata": {}})
    assert alert(dressed).id == alert(RECORD).id
    assert alert(RECORD).id.startswith("suricata:")


@pytest.mark.parametrize(
    "change",
    [
        {"timestamp": "2026-11-21T19:40:00.290001+0000"},
        {"flow_id": 1},
        {"src_ip": "10.20.0.18"},
        {"src_port": 1},
        {"dest_ip": "198.51.100.1"},
        {"dest_port": 2323},
        {"alert": {"signature_id": 1}},
        {"alert": {"rev": 3}},
    ],
)
def test_another_finding_has_another_id(change: dict[str, Any]) -> None:
    assert alert(changed(**change)).id != alert(RECORD).id


@pytest.mark.parametrize(
    ("suricata", "ours"),
    [
        (1, Severity.HIGH),
        (2, Severity.MEDIUM),
        (3, Severity.LOW),
        (4, Severity.INFORMATIONAL),
        (255, Severity.INFORMATIONAL),
        (0, Severity.UNKNOWN),
        (-1, Severity.UNKNOWN),
        (None, Severity.UNKNOWN),
    ],
)
def test_severity_counts_from_the_other_end(suricata: int | None, ours: Severity) -> None:
    assert alert(changed(alert={"severity": suricata})).severity is ours


def test_a_packet_on_its_way_back_names_the_client_as_the_initiator() -> None:
    back = changed(
        src_ip="198.51.100.236",
        dest_ip="10.20.0.17",
        direction="to_client",
        ether={"src_mac": "02:00:00:00:00:01", "dest_mac": "02:00:00:00:00:17"},
    )
    found = alert(back)
    assert (found.src_ip, found.dest_ip) == ("10.20.0.17", "198.51.100.236")
    assert found.src_mac == "02:00:00:00:00:17"
    older = {k: v for k, v in back.items() if k not in ("flow", "direction")}
    older["direction"] = "to_client"
    assert alert(older).src_ip == "10.20.0.17"
    oldest = {k: v for k, v in back.items() if k != "direction"}
    assert alert(oldest).src_ip == "10.20.0.17"


def test_the_mac_address_is_taken_where_it_can_be_read() -> None:
    readable: tuple[object, ...] = ("02-00-00-00-00-17", ["0200.0000.0017"])
    for mac in readable:
        assert alert(changed(ether={"src_mac": mac})).src_mac == "02:00:00:00:00:17"
    unreadable: tuple[object, ...] = ("??", 7, [], None)
    for mac in unreadable:
        assert alert(changed(ether={"src_mac": mac})).src_mac is None


@pytest.mark.parametrize(
    ("value", "technique"),
    [
        (["T1110.001"], "T1110.001"),
        ("t1046", "T1046"),
        (["T1046", "T1110"], "T1046"),
        (["<script>"], ""),
        ([], ""),
        ([7], ""),
        ({"a": 1}, ""),
    ],
)
def test_a_technique_is_one_of_attack_or_nothing(value: object, technique: str) -> None:
    assert alert(changed(alert={"metadata": {"mitre_technique_id": value}})).technique == technique


def test_confidence_is_the_rule_authors_or_half() -> None:
    assert alert(changed(alert={"metadata": {"confidence": ["High"]}})).confidence == 90
    assert alert(RECORD).confidence == 50


def test_an_alert_without_addresses_is_kept() -> None:
    bare = {k: v for k, v in RECORD.items() if k not in ("src_ip", "dest_ip", "flow")}
    assert alert(bare).src_ip is None


def test_what_is_stored_can_be_stored_anywhere() -> None:
    record = changed(extra={"nul\x00": "\x00", "half": "\ud83d", "big": 2**60, "exact": 2**53})
    parsed = SuricataParser().parse(json.dumps(record).encode())[0][0]
    assert parsed.raw["extra"] == {
        "nul\ufffd": "\ufffd",
        "half": "\ufffd",
        "big": str(2**60),
        "exact": 2**53,
    }


def test_a_reason_names_the_field_and_never_its_content() -> None:
    record = changed(src_ip="\x1b[2Jsecret")
    _, bad, _ = SuricataParser().parse(json.dumps(record).encode())
    assert [(b.index, b.reason) for b in bad] == [(0, "src_ip is not an IP address")]


def test_reasons_come_in_the_order_of_the_records() -> None:
    body = b"\n".join([b'{"event_type": 7}', b"oops", b"{}"])
    _, bad, _ = SuricataParser().parse(body)
    assert [b.index for b in bad] == [0, 1, 2]


def test_an_empty_body_is_refused() -> None:
    with pytest.raises(BadInput, match="empty"):
        SuricataParser().parse(b" \n ")
