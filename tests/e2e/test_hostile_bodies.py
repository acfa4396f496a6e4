"""Whatever is sent to the real server: a reason or an answer, never a 5xx, and it goes on."""

import os
import socket

import pytest

from firebreak.domain.estate import Estate
from tests.e2e.journey import GENUINE, by_id, eve, post, scan_by
from tests.e2e.stack import Stack

pytestmark = pytest.mark.xdist_group("heavy")

# Another flow and another technique: it is no duplicate of what other tests post, and no playbook
# is for it.
LINE = GENUINE.splitlines()[0].replace(b"119640795936066", b"7").replace(b"T1046", b"T1590")
ALERTS = "/alerts/suricata"

BODIES = {
    "nothing": b"",
    "blanks": b" \r\n\t\n",
    "zeros": b"\0" * 10_000,
    "random bytes": os.urandom(50_000),
    "huge": b'{"event_type":"alert"}\n' * 200_000,
    "one huge string": b'{"event_type":"' + b"a" * 5_000_000 + b'"}',
    "too many records": b"{}\n" * 30_000,
    "deep lists": b"[" * 1_000_000,
    "deep objects": b'{"a":' * 500_000,
    "a deep alert": b'{"event_type":"alert","alert":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001,
    "wrong types": b'{"event_type":"alert","alert":7,"timestamp":[],"src_ip":{}}',
    "a number of many digits": b'{"event_type":' + b"9" * 100_000 + b"}",
    "numbers that are none": b'{"event_type":NaN,"a":Infinity}',
    "half a record": LINE[: len(LINE) // 2],
    "control characters": LINE.replace(b"telnet", b"\x00\x1b[2J\x07\x9b"),
    "escaped control characters": LINE.replace(b"telnet", b"\\u0000\\u001b[2J\\u202e\\ud800"),
    "utf-16": LINE.decode().encode("utf-16"),
    "many names": b'{"event_type":"x",' + b",".join(b'"k%d":1' % n for n in range(50_000)) + b"}",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("path", [ALERTS, "/responses", "/approvals/x/decide"])
async def test_a_hostile_body_is_answered_with_a_reason(
    site: Stack, path: str, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    async with site.api("admin") as api:
        answer = await api.post(path, content=body, headers=headers)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.json()["message"].isprintable()


HEADERS = {
    "no token": {"Authorization": ""},
    "a token of another shape": {"Authorization": "Bearer " + "\x7f" * 5000},
    "a signature": {"X-Firebreak-Signature": "t=" + "9" * 4000 + ",v1=" + "0" * 64},
    "a compressed body": {"Content-Encoding": "gzip"},
    "another charset": {"Content-Type": "application/json; charset=utf-7"},
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS.keys())
async def test_hostile_headers_are_refused(site: Stack, headers: dict[str, str]) -> None:
    async with site.api("admin") as api:
        answer = await api.post("/responses", content=b"{", headers=headers)
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize(
    "sent",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n",
    ],
    ids=["a length beyond sense", "a negative length", "a broken chunk", "TLS", "an endless path"],
)
async def test_what_is_no_http_leaves_the_server_standing(site: Stack, sent: bytes) -> None:
    host, port = site.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(sent)
        line.shutdown(socket.SHUT_WR)
        said = line.recv(65536)
    assert not said.startswith(b"HTTP/1.1 5")
    async with site.api("admin") as api:
        assert (await api.get("/healthz")).status_code == 200


async def test_a_valid_alert_beside_rubbish_is_not_lost(site: Stack, estate: Estate) -> None:
    genuine = eve([scan_by(by_id(estate)["cam-17"], "T1590")])
    rubbish = [body.replace(b"\n", b" ") for name, body in BODIES.items() if len(body) < 60_000]
    async with site.api("suricata") as detector:
        taken = await post(detector, b"\n".join([*rubbish, genuine, *rubbish]))
    assert [alert["device"] for alert in taken["alerts"]].count("cam-17") >= 1
    assert taken["unreadable"] > len(rubbish)
