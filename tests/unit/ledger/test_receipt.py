import base64
import json
from pathlib import Path
from typing import Any

import pytest

from firebreak.domain.base import canonical
from firebreak.domain.plan import OutcomeKind
from firebreak.domain.record import Entry, NewEntry
from firebreak.errors import BadInput, LedgerConflict
from firebreak.ledger import story
from firebreak.ledger.envelope import MAX_BYTES, PAYLOAD_TYPE, pae, seal
from firebreak.ledger.receipt import build, statement
from firebreak.ledger.signing import Signer
from firebreak.ledger.verification import Report, verify
from tests.unit.ledger import chains


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer.load_or_create(tmp_path_factory.mktemp("key"))


def failed(report: Report) -> list[str]:
    assert report.valid == all(check.ok for check in report.checks)
    assert (report.predicate is not None) == report.valid
    return [check.name for check in report.checks if not check.ok]


def test_a_receipt_holds_for_the_key_that_signed_it_and_for_no_other(
    signer: Signer, tmp_path: Path
) -> None:
    content = build(chains.chained(*chains.story()), signer)
    report = verify(content, signer.public_key)
    assert failed(report) == []
    assert report.keyid == signer.keyid
    other = Signer.load_or_create(tmp_path)
    assert failed(verify(content, other.public_key)) == ["key", "signature"]


def test_the_envelope_is_what_other_dsse_tools_read(signer: Signer) -> None:
    chain = chains.chained(*chains.story())
    envelope = json.loads(build(chain, signer))
    assert envelope["payloadType"] == PAYLOAD_TYPE
    payload = base64.b64decode(envelope["payload"], validate=True)
    said = json.loads(payload)
    assert said["_type"] == "https://in-toto.io/Statement/v1"
    head = chain[-1].hash.removeprefix("sha256:")
    assert said["subject"] == [{"name": chains.INCIDENT, "digest": {"sha256": head}}]
    (signature,) = envelope["signatures"]
    message = f"DSSEv1 28 {PAYLOAD_TYPE} {len(payload)} ".encode() + payload
    signer.public_key.verify(base64.b64decode(signature["sig"]), message)


def test_the_pre_authentication_encoding_is_the_one_of_the_specification() -> None:
    # The example of the DSSE protocol document, section "Test Vectors".
    encoded = pae("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("ä", b"") == b"DSSEv1 2 \xc3\xa4 0 "


def test_the_same_chain_gives_the_same_bytes(signer: Signer) -> None:
    chain = chains.chained(*chains.story())
    assert build(chain, signer) == build(chain, signer)


def test_a_chain_that_does_not_verify_is_not_signed(signer: Signer) -> None:
    chain = list(chains.chained(*chains.story()))
    chain[3] = chain[3].model_copy(update={"actor": "eve"})
    with pytest.raises(LedgerConflict, match="entry 3"):
        build(chain, signer)
    with pytest.raises(BadInput):
        build(chains.chained(chains.note("a")), signer)
    with pytest.raises(BadInput):
        build((), signer)


# -- what it says -------------------------------------------------------------------------------


def test_the_summary_says_when_it_was_detected_contained_and_undone() -> None:
    summary = story.summarize(chains.chained(*chains.story())).to_json()
    assert summary["contained"] is True
    assert summary["status"] == "completed"
    assert summary["playbook"]["version"] == 3
    assert summary["device"]["mac"] == "02:00:00:00:00:17"
    assert summary["times"]["contained"] == "2026-03-01T03:00:04.123456Z"
    assert summary["seconds"] == {
        "detect_to_contain": 6.0,
        "open_to_contain": 4.0,
        "contain_to_recover": 56.0,
        "detect_to_recover": 62.0,
    }


def say(*entries: NewEntry) -> story.Summary:
    return story.summarize(chains.chained(chains.opened(), *entries))


@pytest.mark.parametrize("kind", [k for k in OutcomeKind if k is not OutcomeKind.ENFORCED])
def test_nothing_short_of_enforced_is_summed_up_as_contained(kind: OutcomeKind) -> None:
    summary = say(chains.acted(chains.outcome(kind)), chains.closed(contained=True))
    assert not summary.contained
    assert summary.times.contained is None


def test_containment_of_another_device_or_the_way_back_is_not_containment() -> None:
    elsewhere = chains.outcome(device="cam-18")
    release = chains.outcome(action="network.release")
    assert not say(chains.acted(elsewhere), chains.acted(release, key="r")).contained


def test_a_closing_entry_that_says_not_contained_is_believed() -> None:
    assert not say(chains.acted(), chains.closed(contained=False)).contained


def test_recovered_only_when_every_change_was_seen_to_be_undone() -> None:
    acted, started = chains.acted(), chains.hold_started()
    assert say(acted, started).times.recovered is None
    assert say(acted, started, chains.hold_ended("failed")).times.recovered is None
    assert say(acted, started, chains.hold_ended()).times.recovered == chains.at(60)
    second = chains.acted(
        chains.outcome(action="broker.deny"),
        hold="hold/cam-17/broker.deny",
        key="second",
        plan_=chains.plan(action="broker.deny"),
    )
    assert say(acted, started, second, chains.hold_ended()).times.recovered is None


def test_the_receipt_shows_before_and_after_probes_and_who_agreed() -> None:
    said = statement(chains.chained(*chains.story()))["predicate"]
    effect = said["effects"][0]
    assert (effect["before"]["vlan"], effect["after"]["vlan"]) == (10, 666)
    assert effect["observed"] == effect["after"]
    assert effect["probes"][0]["reach"] == "unreachable"
    (approval,) = said["approvals"]
    assert approval["state"] == "approved"
    assert [(v["who"]["id"], v["reason"]) for v in approval["votes"]] == [("bo", "go")]
    assert [h["event"] for h in said["holds"]] == ["hold.started", "hold.ended"]
    assert len(said["entries"]) == len(chains.story())


# -- what is caught, even when the liar has the key ---------------------------------------------


def resealed(signer: Signer, entries: list[Entry], **changes: Any) -> list[str]:
    """What fails when the entries of a good receipt are replaced and it is signed again."""
    said = statement(chains.chained(*chains.story()))
    said["predicate"]["entries"] = [entry.to_json() for entry in entries]
    return failed(verify(seal({**said, **changes}, signer), signer.public_key))


def test_dropped_moved_and_inserted_entries_are_caught_whoever_signed(signer: Signer) -> None:
    chain = list(chains.chained(*chains.story()))
    assert resealed(signer, chain) == []
    for place in range(len(chain) - 1):
        assert "chain" in resealed(signer, chain[:place] + chain[place + 1 :])
        moved = [*chain[:place], chain[place + 1], chain[place], *chain[place + 2 :]]
        assert "chain" in resealed(signer, moved)
        assert "chain" in resealed(signer, [*chain[: place + 1], *chain[place:]])
    assert resealed(signer, chain[:-1]) == ["subject", "story"], "the end was cut off"


def test_entries_of_two_incidents_are_caught(signer: Signer) -> None:
    chain = list(chains.chained(*chains.story()))
    alien = chain[4].model_copy(update={"incident": chains.OTHER})
    assert "chain" in resealed(signer, [*chain[:4], alien, *chain[5:]])


def test_a_summary_that_says_more_than_the_entries_is_caught(signer: Signer) -> None:
    refused = chains.acted(chains.outcome(OutcomeKind.REFUSED))
    said = statement(chains.chained(chains.opened(), refused))
    said["predicate"]["summary"]["contained"] = True
    assert failed(verify(seal(said, signer), signer.public_key)) == ["story"]
    said = statement(chains.chained(chains.opened(), refused))
    said["predicate"]["verdict"] = "all is well"
    assert failed(verify(seal(said, signer), signer.public_key)) == ["story"]
    said = statement(chains.chained(chains.opened(), refused))
    said["predicate"]["approvals"] = [{"state": "approved"}]
    assert failed(verify(seal(said, signer), signer.public_key)) == ["story"]


@pytest.mark.parametrize(
    ("changes", "fails"),
    [
        ({"_type": "https://in-toto.io/Statement/v0.1"}, ["statement"]),
        ({"predicateType": "urn:other"}, ["statement"]),
        ({"more": 1}, ["statement"]),
        ({"predicate": []}, ["statement"]),
        ({"predicate": {}}, ["entries"]),
        ({"predicate": {"entries": []}}, ["entries"]),
        ({"predicate": {"entries": [{"seq": 0}]}}, ["entries"]),
        ({"subject": []}, ["subject"]),
        ({"subject": None}, ["subject"]),
    ],
)
def test_a_statement_of_another_shape_is_caught(
    signer: Signer, changes: dict[str, Any], fails: list[str]
) -> None:
    said = {**statement(chains.chained(*chains.story())), **changes}
    assert failed(verify(seal(said, signer), signer.public_key)) == fails


def test_an_entry_in_another_spelling_is_caught(signer: Signer) -> None:
    said = statement(chains.chained(*chains.story()))
    said["predicate"]["entries"][1]["at"] = "2026-03-01T03:00:00.623456+00:00"
    assert failed(verify(seal(said, signer), signer.public_key)) == ["entries"]
    said = statement(chains.chained(*chains.story()))
    said["predicate"]["entries"][1]["seq"] = "1"
    assert failed(verify(seal(said, signer), signer.public_key)) == ["entries"]


def test_a_chain_without_an_opening_is_no_story(signer: Signer) -> None:
    said = statement(chains.chained(*chains.story()))
    entries = chains.chained(chains.note("a"))
    said["predicate"]["entries"] = [entry.to_json() for entry in entries]
    assert failed(verify(seal(said, signer), signer.public_key)) == ["subject", "story"]


# -- hostile bytes ------------------------------------------------------------------------------


def envelope(signer: Signer, **changes: Any) -> dict[str, Any]:
    good: dict[str, Any] = json.loads(build(chains.chained(*chains.story()), signer))
    return {**good, **changes}


def hostile(signer: Signer) -> dict[str, bytes]:
    good = build(chains.chained(*chains.story()), signer)
    one = envelope(signer)
    sig = one["signatures"][0]
    return {
        "empty": b"",
        "not utf-8": b"\xff\xfe",
        "text": b"hello",
        "number": b"1",
        "null": b"null",
        "list": b"[]",
        "trailing data": good + b"{}",
        "trailing line": good + b"\n",
        "byte order mark": b"\xef\xbb\xbf" + good,
        "white space": good.replace(b",", b", ", 1),
        "name twice": good.replace(b'{"payload":', b'{"payload":"","payload":', 1),
        "name twice in a signature": good.replace(b'{"keyid":', b'{"keyid":"","keyid":', 1),
        "nan": good[:-1] + b',"x":NaN}',
        "infinity": good[:-1] + b',"x":1e999}',
        "huge number": good[:-1] + b',"x":' + b"9" * 10_000 + b"}",
        "long number": good[:-1] + b',"x":' + b"9" * 400 + b"}",
        "surrogate": good[:-1] + b',"x":"\\ud800"}',
        "deep": b"[" * 200_000,
        "deep and closed": b"[" * 200_000 + b"]" * 200_000,
        "oversized": b" " * (MAX_BYTES + 1),
        "more fields": canonical({**one, "x": 1}),
        "no payload": canonical({k: v for k, v in one.items() if k != "payload"}),
        "payload of another type": canonical({**one, "payload": 1}),
        "no signature": canonical({**one, "signatures": []}),
        "two signatures": canonical({**one, "signatures": [sig, sig]}),
        "signatures is text": canonical({**one, "signatures": "x"}),
        "no keyid": canonical({**one, "signatures": [{"sig": sig["sig"]}]}),
        "payload is no base64": canonical({**one, "payload": "*" + one["payload"][1:]}),
        "base64 with white space": canonical({**one, "payload": one["payload"] + "\n"}),
        "base64 without padding": canonical({**one, "payload": "QUI"}),
        "base64 beyond ascii": canonical({**one, "payload": "ä"}),
        "loose base64": canonical({**one, "signatures": [{**sig, "sig": "QR=="}]}),
    }


def test_bytes_that_are_no_receipt_fail_with_a_reason(signer: Signer) -> None:
    for case, content in hostile(signer).items():
        report = verify(content, signer.public_key)
        assert failed(report) == ["envelope"], case
        assert report.checks[0].message, case


def test_an_honest_signature_over_another_type_is_refused(signer: Signer) -> None:
    body = canonical(statement(chains.chained(*chains.story())))
    kind = "application/json"
    changed = envelope(
        signer,
        payloadType=kind,
        signatures=[
            {
                "keyid": signer.keyid,
                "sig": base64.b64encode(signer.sign(pae(kind, body))).decode(),
            }
        ],
    )
    assert failed(verify(canonical(changed), signer.public_key)) == ["type"]


def test_a_payload_in_another_form_is_refused_though_it_is_signed(signer: Signer) -> None:
    body = json.dumps(statement(chains.chained(*chains.story())), indent=1).encode()
    changed = envelope(
        signer,
        payload=base64.b64encode(body).decode(),
        signatures=[
            {
                "keyid": signer.keyid,
                "sig": base64.b64encode(signer.sign(pae(PAYLOAD_TYPE, body))).decode(),
            }
        ],
    )
    assert failed(verify(canonical(changed), signer.public_key)) == ["statement"]
