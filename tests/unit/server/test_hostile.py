"""Whatever is posted: a reason or an answer, never a 5xx, and nothing lost that was valid."""

import asyncio
import gzip
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firebreak.server.routes import alerts
from tests.unit.server.stage import EVE, SECRET, Stage, staged

GENUINE = EVE.read_bytes().splitlines()[0]

UNREADABLE = {
    "null": b"null",
    "a number": b"7",
    "a string": b'"alert"',
    "no object": b"[1, 2]",
    "an empty object": b"{}",
    "binary": bytes(range(256)) * 10,
    "utf-16": GENUINE.decode().encode("utf-16"),
    "nested lists": b"[" * 100_000,
    "nested objects": b'{"a":' * 100_000,
    "nested in an alert": b'{"event_type":"alert","x":' + b"[" * 500 + b"]" * 500 + b"}",
    "NaN": GENUINE.replace(b'"flow_id":119640795936066', b'"flow_id":NaN'),
    "a number of 5,000 digits": b'{"event_type":"alert","x":' + b"9" * 5000 + b"}",
    "alert is a list": GENUINE.replace(b'"alert":{', b'"alert":[],"was":{'),
    "severity is text": GENUINE.replace(b'"severity":2', b'"severity":"2"'),
    "severity is true": GENUINE.replace(b'"severity":2', b'"severity":true'),
    "no time": GENUINE.replace(b'"timestamp"', b'"stamp"'),
    "a time without offset": GENUINE.replace(b".290000+0000", b""),
    "a time before time": GENUINE.replace(
        b"2026-11-21T19:40:00.290000+0000", b"0001-01-01T00:00:00+2300"
    ),
    "an address that is none": GENUINE.replace(b'"10.20.0.17"', b'"10.20.0.17; reboot"'),
    "an address that is a list": GENUINE.replace(b'"10.20.0.17"', b'["10.20.0.17"]'),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_what_cannot_be_read_gets_a_reason(stage: Stage, body: bytes) -> None:
    answer = await stage.post(body)
    assert answer.status_code == 400
    assert answer.json()["error"] == "bad-input"
    reasons = [bad["reason"] for bad in answer.json()["bad"]]
    assert reasons
    assert all(reason.isprintable() for reason in reasons)


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_it_costs_nothing_that_stands_beside_it(stage: Stage, body: bytes) -> None:
    one_line = body.replace(b"\n", b" ").replace(b"\r", b" ")
    answer = await stage.post(one_line + b"\n" + GENUINE + b"\n" + one_line)
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 1
    assert [bad["index"] for bad in answer.json()["bad"]] == [0, 2]
    assert len(await stage.ledger.alerts()) == 1


@pytest.mark.parametrize("body", [b"", b" \n\t\r\n", b"\xef\xbb\xbf"])
async def test_an_empty_body_is_said_to_be_empty(stage: Stage, body: bytes) -> None:
    answer = await stage.post(body)
    assert answer.status_code == 400
    assert "empty" in answer.json()["message"]


async def test_too_many_records_are_refused_as_a_whole(stage: Stage) -> None:
    answer = await stage.post(b"{}\n" * 20_001)
    assert answer.status_code == 400
    assert "20000" in answer.json()["message"]


async def test_only_the_first_hundred_reasons_are_listed(stage: Stage) -> None:
    body = (await stage.post(b"{}\n" * 150 + GENUINE)).json()
    assert (body["unreadable"], len(body["bad"]), body["accepted"]) == (150, 100, 1)


STORABLE = {
    "control characters": ("a\x1b[31mred\x00\x07", "a [31mred\ufffd"),
    "a lone surrogate": ("a\ud800b", "a\ufffdb"),
    "text that is turned around": ("safe\u202egpj.exe", "safe gpj.exe"),
    "a long title": ("x" * 5000, "x" * 300),
    "no title": ("", "Suricata signature 9000001"),
}


@pytest.mark.parametrize(("title", "kept"), STORABLE.values(), ids=STORABLE.keys())
async def test_a_title_is_cleaned_and_never_a_reason_to_lose_an_alert(
    stage: Stage, title: str, kept: str
) -> None:
    record = json.loads(GENUINE)
    record["alert"]["signature"] = title
    answer = await stage.post(json.dumps(record))
    assert answer.status_code == 202
    assert [row.alert.title for row in await stage.ledger.alerts()] == [kept]
    assert "\x1b" not in answer.text


async def test_an_integer_beyond_53_bits_does_not_lose_an_alert(stage: Stage) -> None:
    answer = await stage.post(GENUINE.replace(b"119640795936066", b"9" * 300))
    assert answer.json()["accepted"] == 1


async def test_bytes_that_are_no_utf8_inside_a_string_do_not_lose_an_alert(stage: Stage) -> None:
    answer = await stage.post(GENUINE.replace(b"telnet", b"t\xff\xfe"))
    assert answer.json()["accepted"] == 1


async def test_line_separators_inside_a_string_do_not_cut_a_record(stage: Stage) -> None:
    answer = await stage.post(GENUINE.replace(b"telnet", "t\u2028\u0085\x1c".encode()))
    assert answer.json()["accepted"] == 1


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-ndjson", "nonsense"])
async def test_any_content_type_will_do(stage: Stage, content_type: str) -> None:
    headers = stage.auth("source:suricata") | {"Content-Type": content_type}
    answer = await stage.http.post("/alerts/suricata", content=GENUINE, headers=headers)
    assert answer.status_code == 202


async def test_compressed_bodies_are_refused(stage: Stage) -> None:
    headers = stage.auth("source:suricata") | {"Content-Encoding": "gzip"}
    answer = await stage.http.post(
        "/alerts/suricata", content=gzip.compress(GENUINE), headers=headers
    )
    assert (answer.status_code, answer.json()["error"]) == (415, "bad-input")


@pytest.mark.parametrize("path", ["/alerts/suricata", "/responses"])
@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_beyond_the_limit_is_refused_while_it_streams(
    tmp_path: Path, path: str, declared: bool
) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b" " * 1024

    async with staged(tmp_path, max_body_bytes=10_000) as stage:
        headers = stage.auth("admin") | {"Content-Type": "application/json"}
        body = b" " * 10_001 if declared else chunks()
        answer = await stage.http.post(path, content=body, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (413, "bad-input")
        assert sent < 20


async def test_a_body_that_does_not_arrive_is_given_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stalls() -> AsyncIterator[bytes]:
        yield GENUINE
        await asyncio.Event().wait()

    monkeypatch.setattr(alerts, "BODY_WITHIN_S", 0.05)
    answer = await stage.http.post(
        "/alerts/suricata", content=stalls(), headers=stage.auth("source:suricata")
    )
    assert (answer.status_code, answer.json()["error"]) == (408, "bad-input")
    assert await stage.ledger.alerts() == ()


def signed(body: bytes, at: float | None = None, key: str = SECRET) -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    mac = hmac.new(key.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Firebreak-Signature": f"t={stamp},v1={mac}"}


async def test_a_signed_body_is_taken(stage: Stage) -> None:
    answer = await stage.http.post("/alerts/suricata", content=GENUINE, headers=signed(GENUINE))
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 1


async def test_a_signature_does_not_fit_anything_else(stage: Stage) -> None:
    now = time.time()
    wrong = {
        "another body": signed(GENUINE + b" "),
        "another key": signed(GENUINE, key="guess"),
        "an old one": signed(GENUINE, at=now - 301),
        "one of the future": signed(GENUINE, at=now + 302),
        "no digest": {"X-Firebreak-Signature": f"t={int(now)}"},
        "no time": {"X-Firebreak-Signature": "v1=" + "0" * 64},
        "nothing": {"X-Firebreak-Signature": ""},
        "digits of another script": {"X-Firebreak-Signature": "t=1,v1=" + "a" * 63 + "g"},
    }
    for headers in wrong.values():
        answer = await stage.http.post("/alerts/suricata", content=GENUINE, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")
        assert SECRET not in answer.text
    assert await stage.ledger.alerts() == ()


async def test_a_valid_token_does_not_help_a_wrong_signature(stage: Stage) -> None:
    headers = stage.auth("admin") | signed(GENUINE, key="guess")
    answer = await stage.http.post("/alerts/suricata", content=GENUINE, headers=headers)
    assert answer.status_code == 401


async def test_a_source_whose_secret_is_missing_takes_no_signature(stage: Stage) -> None:
    for path in ("/alerts/other", "/alerts/unheard-of"):
        for key in ("", SECRET):
            answer = await stage.http.post(path, content=GENUINE, headers=signed(GENUINE, key=key))
            assert answer.status_code == 401


async def test_a_source_cannot_post_for_another(stage: Stage) -> None:
    assert (await stage.post(GENUINE, role="source:other")).status_code == 403
    assert (await stage.post(GENUINE, role="analyst")).status_code == 403


async def test_an_unknown_source_is_not_found(stage: Stage) -> None:
    answer = await stage.http.post("/alerts/nope", content=GENUINE, headers=stage.auth("admin"))
    assert answer.status_code == 404
    assert "suricata" in answer.json()["message"]


async def test_an_error_does_not_echo_control_characters(stage: Stage) -> None:
    answer = await stage.http.post(
        "/alerts/%1b%5b2J%e2%80%ae", content=GENUINE, headers=stage.auth("admin")
    )
    assert answer.status_code == 404
    assert answer.json()["message"].isprintable()
