"""Suricata EVE JSON (https://docs.suricata.io/en/latest/output/eve/eve-json-format.html) to alerts.

Where Suricata leaves room, reading is lenient: a detector's record lost to strictness is an attack
that nobody answers.
"""

import hashlib
import ipaddress
import json
import re
import unicodedata
from datetime import UTC, datetime

from pydantic import JsonValue

from firebreak.contracts.sources import BadRecord, Parsed
from firebreak.domain.alert import Alert, Severity
from firebreak.domain.base import JsonObject
from firebreak.domain.device import normalize_mac
from integrations.siem.json_records import MisreadError, kind, read_records

# Suricata counts from the top: 1 is the most severe class of its classification.config. Whatever
# lies beyond 4 (a rule may say up to 255) is as informational as 4.
SEVERITY = {1: Severity.HIGH, 2: Severity.MEDIUM, 3: Severity.LOW}
# The `confidence` metadata of Emerging Threats rules, in percent.
CONFIDENCE = {"high": 90, "medium": 60, "low": 30}
UNSTATED_CONFIDENCE = 50

_TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?")
_MAX_TEXT = 300


class SuricataParser:
    """``eve.json`` records: those of event_type ``alert`` become alerts, the others are counted.

    The alert's source is the initiator of the flow: where a rule matched a packet on its way back
    to the client, source and destination are exchanged. Severity 1, 2, 3 and 4 become HIGH,
    MEDIUM, LOW and INFORMATIONAL.
    """

    def parse(self, body: bytes) -> tuple[tuple[Parsed, ...], tuple[BadRecord, ...], int]:
        """``(alerts, unreadable records, records that are no alerts)``.

        Raises:
            BadInput: the body is empty or holds too many records.
        """
        good, bad = read_records(body)
        alerts: list[Parsed] = []
        others = 0
        for index, record in good:
            try:
                if _text(record, "event_type", required=True) != "alert":
                    others += 1
                    continue
                alerts.append(Parsed(alert=_alert(record), raw=record))
            except MisreadError as problem:
                bad.append(BadRecord(index=index, reason=str(problem)))
        return tuple(alerts), tuple(sorted(bad, key=lambda b: b.index)), others


def _alert(record: JsonObject) -> Alert:
    finding = _object(record, "alert", required=True)
    signature_id = _integer(finding, "signature_id")
    src_ip, dest_ip, src_mac = _initiator(record)
    metadata = _object(finding, "metadata")
    return Alert(
        id=_fingerprint(record, finding),
        source="suricata",
        title=_clean(_text(finding, "signature")) or f"Suricata signature {signature_id}",
        category=_clean(_text(finding, "category")),
        time=_time(_text(record, "timestamp", required=True)),
        severity=_severity(_integer(finding, "severity", required=False)),
        confidence=CONFIDENCE.get(_first(metadata, "confidence").lower(), UNSTATED_CONFIDENCE),
        technique=_technique(_first(metadata, "mitre_technique_id")),
        src_ip=src_ip,
        dest_ip=dest_ip,
        src_mac=src_mac,
    )


def _fingerprint(record: JsonObject, finding: JsonObject) -> str:
    """The same for the same record sent twice, whatever the shipper added around it."""
    parts = [record.get(name) for name in ("timestamp", "flow_id", "proto")]
    parts += [finding.get(name) for name in ("gid", "signature_id", "rev")]
    parts += [record.get(name) for name in ("src_ip", "src_port", "dest_ip", "dest_port")]
    return "suricata:" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _initiator(record: JsonObject) -> tuple[str | None, str | None, str | None]:
    src, dest = _ip(record, "src_ip"), _ip(record, "dest_ip")
    flow = _object(record, "flow")
    first, second = _ip(flow, "src_ip"), _ip(flow, "dest_ip")
    ether = _object(record, "ether")
    returning = _text(record, "direction") == "to_client" or (
        first is not None and (first, second) == (dest, src) and first != second
    )
    if returning:
        return first or dest, second or src, _mac(ether, "dest_mac")
    return src, dest, _mac(ether, "src_mac")


def _severity(priority: int | None) -> Severity:
    if priority is None or priority < 1:
        return Severity.UNKNOWN
    return SEVERITY.get(priority, Severity.INFORMATIONAL)


def _technique(text: str) -> str:
    found = _TECHNIQUE.fullmatch(text.strip().upper())
    return found.group() if found else ""


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        utc = time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise MisreadError("timestamp is not an ISO 8601 time") from None
    if time.tzinfo is None:
        raise MisreadError("timestamp has no offset from UTC")
    return utc


def _clean(text: str) -> str:
    """Without control and format characters, which could rewrite a terminal or hide words."""
    kept = (c if unicodedata.category(c) not in {"Cc", "Cf", "Co", "Cn"} else " " for c in text)
    return " ".join("".join(kept).split())[:_MAX_TEXT]


def _object(record: JsonObject, name: str, *, required: bool = False) -> JsonObject:
    value = record.get(name)
    if isinstance(value, dict):
        return value
    if value is None and not required:
        return {}
    raise MisreadError(f"{name} must be an object, not {kind(value)}")


def _text(record: JsonObject, name: str, *, required: bool = False) -> str:
    value = record.get(name)
    if isinstance(value, str):
        return value
    if value is None and not required:
        return ""
    raise MisreadError(f"{name} must be a string, not {kind(value)}")


def _integer(record: JsonObject, name: str, *, required: bool = True) -> int | None:
    value = record.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if value is None and not required:
        return None
    raise MisreadError(f"{name} must be an integer, not {kind(value)}")


def _first(metadata: JsonObject, name: str) -> str:
    """Rule metadata is a list of strings to Suricata and a bare string to some shippers."""
    value: JsonValue = metadata.get(name)
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, str) else ""


def _ip(record: JsonObject, name: str) -> str | None:
    text = _text(record, name)
    if not text:
        return None
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise MisreadError(f"{name} is not an IP address") from None


def _mac(ether: JsonObject, name: str) -> str | None:
    """Only ever a second opinion on who it was, so one that cannot be read is left out."""
    try:
        return normalize_mac(_first(ether, name))
    except ValueError:
        return None
