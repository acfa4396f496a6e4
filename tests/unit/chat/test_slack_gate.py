"""The one open door: what Slack did not sign, just now, for the first time, stays outside."""

import hashlib
import hmac
import logging
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from starlette.applications import Starlette

from firebreak.errors import AuthFailed, Unauthorized
from integrations.chat.slack.http import MOST_BYTES, PATH, Gate, route

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
BODY = b"token=x&team_id=T1&command=%2Ffirebreak"


def signature(body: bytes, stamp: str, secret: str = SECRET) -> str:
    mac = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256)
    return f"v0={mac.hexdigest()}"


class Times:
    now = 1_900_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def gate(times: Times, monkeypatch: pytest.MonkeyPatch) -> Gate:
    monkeypatch.setenv("SIGNING", SECRET)
    return Gate("env:SIGNING", times)


def test_slacks_own_example_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    # https://docs.slack.dev/authentication/verifying-requests-from-slack
    monkeypatch.setenv("SIGNING", SECRET)
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
        b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
        b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
        b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    known = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    Gate("env:SIGNING", lambda: 1531420618.0).check(body, "1531420618", known)


def test_a_signed_request_gets_in_once(gate: Gate, times: Times) -> None:
    stamp = str(int(times.now))
    gate.check(BODY, stamp, signature(BODY, stamp))
    with pytest.raises(Unauthorized, match="seen before"):
        gate.check(BODY, stamp, signature(BODY, stamp))


@pytest.mark.parametrize("age", [-299, 0, 299])
def test_clocks_may_differ_by_five_minutes(gate: Gate, times: Times, age: int) -> None:
    stamp = str(int(times.now) - age)
    gate.check(BODY, stamp, signature(BODY, stamp))


@pytest.mark.parametrize("age", [301, 3600, -301])
def test_a_late_or_early_request_stays_outside(gate: Gate, times: Times, age: int) -> None:
    stamp = str(int(times.now) - age)
    with pytest.raises(Unauthorized):
        gate.check(BODY, stamp, signature(BODY, stamp))


def test_a_replay_is_refused_for_as_long_as_its_time_stamp_is_good(
    gate: Gate, times: Times
) -> None:
    stamp = str(int(times.now) + 299)  # our clock is behind
    sent = signature(BODY, stamp)
    gate.check(BODY, stamp, sent)
    for later in (1, 300, 597, 600, 100_000):
        times.now = Times.now + later
        with pytest.raises(Unauthorized):
            gate.check(BODY, stamp, sent)
    # Nothing is remembered for good.
    stamp = str(int(times.now))
    gate.check(BODY, stamp, signature(BODY, stamp))
    assert len(gate._seen) == 1


@pytest.mark.parametrize(
    ("stamp", "sent"),
    [
        ("", ""),
        ("now", "v0=" + "0" * 64),
        ("1e9", "v0=" + "0" * 64),
        ("-1900000000", "v0=" + "0" * 64),
        ("1" * 400, "v0=" + "0" * 64),
        ("1900000000", "v1=" + "0" * 64),
        ("1900000000", "v0=" + "0" * 63),
        ("1900000000", "v0=" + "0" * 64),
        ("1900000000", signature(BODY, "1900000000", "another secret")),
        ("1900000000", signature(BODY + b"&more=1", "1900000000")),
        ("1900000001", signature(BODY, "1900000000")),
        ("١٩٠٠٠٠٠٠٠٠", "v0=" + "0" * 64),
    ],
)
def test_a_forged_request_stays_outside(gate: Gate, stamp: str, sent: str) -> None:
    with pytest.raises(Unauthorized):
        gate.check(BODY, stamp, sent)
    assert gate._seen == {}


def test_a_body_that_is_no_text_is_refused_and_not_a_bug(gate: Gate) -> None:
    body = b"\xff\xfe\x00"
    with pytest.raises(Unauthorized):
        gate.check(body, "1900000000", signature(body, "1900000000"))


def test_without_our_secret_nobody_gets_in(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, times: Times
) -> None:
    monkeypatch.delenv("SIGNING")
    stamp = str(int(times.now))
    with pytest.raises(AuthFailed):
        gate.check(BODY, stamp, signature(BODY, stamp, ""))


def test_a_new_secret_counts_from_the_next_request(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, times: Times
) -> None:
    stamp = str(int(times.now))
    monkeypatch.setenv("SIGNING", "changed")
    with pytest.raises(Unauthorized):
        gate.check(BODY, stamp, signature(BODY, stamp))
    gate.check(BODY, stamp, signature(BODY, stamp, "changed"))


# --- the route


async def _nobody() -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=None, team_id="T1")


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setenv("SIGNING", SECRET)
    log = logging.getLogger("test")
    app = AsyncApp(
        authorize=_nobody,
        signing_secret="",
        request_verification_enabled=False,
        ssl_check_enabled=False,
        logger=log,
    )

    async def heard(ack: Any) -> None:
        await ack("heard")

    app.command("/firebreak")(heard)
    transport = httpx.ASGITransport(Starlette(routes=[route(app, Gate("env:SIGNING"))]))
    async with httpx.AsyncClient(transport=transport, base_url="http://firebreak") as client:
        yield client


def headers(body: bytes, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(time.time()))
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature(body, stamp, secret),
    }


async def test_what_slack_signed_reaches_its_listener(client: httpx.AsyncClient) -> None:
    answer = await client.post(PATH, content=BODY, headers=headers(BODY))
    assert (answer.status_code, answer.text) == (200, "heard")


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        b"ssl_check=1&token=x",  # Bolt would answer it unsigned
        b'{"type":"url_verification","challenge":"c"}',
    ],
)
async def test_what_slack_did_not_sign_is_not_even_read(
    client: httpx.AsyncClient, body: bytes
) -> None:
    answer = await client.post(PATH, content=body, headers=headers(body, "guess"))
    assert answer.status_code == 401
    assert "heard" not in answer.text


async def test_a_huge_body_is_cut_off_while_it_streams(client: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65536
            yield b"a" * 65536

    answer = await client.post(PATH, content=endless(), headers=headers(b""))
    assert answer.status_code == 413
    assert sent <= MOST_BYTES + 2 * 65536


@pytest.mark.parametrize(
    "body",
    [
        b"payload=",
        b"payload=%7B",
        b"payload=[]",
        b"payload=" + urlencode({"x": '{"type":"block_actions","user":null}'}).encode(),
        b'{"type":"event_callback"}',
        b"[" * 50_000,
        b"payload=" + b"[" * 100_000,
        b"command=%2Fother&team_id=T1",
    ],
)
async def test_nonsense_that_is_signed_breaks_nothing(
    client: httpx.AsyncClient, body: bytes
) -> None:
    answer = await client.post(PATH, content=body, headers=headers(body))
    assert answer.status_code in (200, 400, 404)


async def test_without_our_secret_the_door_is_shut(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGNING")
    answer = await client.post(PATH, content=BODY, headers=headers(BODY))
    assert answer.status_code == 503
