"""MQTT, against a real mosquitto with TLS, passwords and access rules."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firebreak.domain.reading import Reading
from firebreak.errors import AuthFailed, DefinitionError, FirebreakError, Rejected, Unreachable
from firebreak.policy.interlocks import judge
from integrations.interlocks.mqtt import MqttSource
from tests.peers.broker import PASSWORD, USER, Broker
from tests.unit.interlocks.entries import mqtt

pytestmark = pytest.mark.peer("mosquitto")

TOPIC = "plant/press-3/state"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("broker")) as one:
        yield one


@pytest.fixture
def broker(running: Broker, monkeypatch: pytest.MonkeyPatch) -> Broker:
    monkeypatch.setenv("MQTT_PASSWORD", PASSWORD)
    running.publish(TOPIC, b"", retain=True)  # an empty one takes the retained message away
    return running


def entry(broker: Broker, **fields: Any) -> Any:
    known = {
        "port": broker.port,
        "tls": True,
        "ca_file": broker.ca_file,
        "username": USER,
        "password": "env:MQTT_PASSWORD",
        "timeout_s": 1.0,
    }
    return mqtt(**{**known, **fields})


async def read(broker: Broker, **fields: Any) -> Reading:
    source = MqttSource(entry(broker, **fields))
    try:
        return await source.read()
    finally:
        await source.close()


async def engaged(broker: Broker, **fields: Any) -> bool:
    reading = await read(broker, **fields)
    return judge(entry(broker, **fields), reading, datetime.now(UTC)).engaged


def state(value: object, age_s: float = 0) -> str:
    at = datetime.now(UTC) - timedelta(seconds=age_s)
    return json.dumps({"state": value, "at": at.isoformat()})


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_a_retained_value_counts_by_the_age_it_states(broker: Broker, version: str) -> None:
    broker.publish(TOPIC, state("idle"), retain=True)
    assert not await engaged(broker, version=version)
    broker.publish(TOPIC, state("moving"), retain=True)
    assert await engaged(broker, version=version)
    broker.publish(TOPIC, state("idle", age_s=60), retain=True)
    assert await engaged(broker, version=version)
    broker.publish(TOPIC, state("idle", age_s=-60), retain=True)
    assert await engaged(broker, version=version)


@pytest.mark.parametrize("payload", ["json", "text"])
async def test_without_a_timestamp_a_retained_value_is_of_unknown_age(
    broker: Broker, payload: str
) -> None:
    said = '"idle"' if payload == "json" else "idle"
    fields = {"value": "", "timestamp": None, "payload": payload}
    broker.publish(TOPIC, said, retain=True)
    with pytest.raises(Unreachable, match="retained message of unknown age"):
        await read(broker, **fields)
    looking = asyncio.create_task(engaged(broker, timeout_s=5, **fields))
    while not looking.done():
        await asyncio.to_thread(broker.publish, TOPIC, said)
    assert not await looking


async def test_a_topic_on_which_nothing_is_said_is_silence(broker: Broker) -> None:
    with pytest.raises(Unreachable, match="holds no message"):
        await read(broker)


@pytest.mark.parametrize(
    "payload", ["idle", "{", '{"state": "idle"}', b"\xff", '{"state": NaN, "at": 0}', "[]"]
)
async def test_a_payload_that_is_no_such_document_is_no_reading(
    broker: Broker, payload: str | bytes
) -> None:
    broker.publish(TOPIC, payload, retain=True)
    with pytest.raises(Rejected):
        await read(broker)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_a_message_of_a_megabyte_is_no_reading(broker: Broker, version: str) -> None:
    broker.publish(TOPIC, state("x" * 2**20), retain=True)
    with pytest.raises((Rejected, Unreachable)):
        await read(broker, version=version)


async def test_a_wrong_password_is_no_reading_and_is_not_quoted(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MQTT_PASSWORD", "wrong-secret")
    for version in ("5", "3.1.1"):
        with pytest.raises(AuthFailed) as caught:
            await read(broker, version=version)
        assert "wrong-secret" not in str(caught.value)


async def test_a_topic_that_we_may_not_read_is_no_reading(broker: Broker) -> None:
    with pytest.raises(FirebreakError):
        await read(broker, topic="secret/state")


async def test_an_authority_that_was_not_named_is_not_trusted(broker: Broker) -> None:
    with pytest.raises(AuthFailed, match="not trusted"):
        await read(broker, ca_file=None)


async def test_a_broker_without_the_tls_that_was_asked_for_is_no_reading(
    broker: Broker, tmp_path: Path
) -> None:
    with Broker(tmp_path / "plain", tls=False) as plain:
        plain.publish(TOPIC, state("idle"), retain=True)
        assert not await engaged(plain, tls=False, ca_file=None)
        with pytest.raises(Unreachable):
            await read(plain, ca_file=broker.ca_file)


async def test_a_broker_that_is_gone_is_no_reading(tmp_path: Path, broker: Broker) -> None:
    gone = Broker(tmp_path / "gone")
    with gone:
        pass
    with pytest.raises(Unreachable):
        await read(broker, port=gone.port)


@pytest.mark.usefixtures("broker")
async def test_a_broker_that_falls_silent_is_left_in_time(tmp_path: Path) -> None:
    with Broker(tmp_path / "frozen") as frozen:
        frozen.freeze()
        try:
            with pytest.raises((Unreachable, TimeoutError)):
                async with asyncio.timeout(3):
                    await read(frozen, timeout_s=0.5)
        finally:
            frozen.thaw()


async def test_no_line_stays_open(broker: Broker) -> None:
    broker.publish(TOPIC, state("idle"), retain=True)
    for fields in ({}, {"topic": "plant/silent", "timeout_s": 0.3}, {"topic": "secret/x"}):
        try:
            await read(broker, **fields)
        except FirebreakError:
            continue
    for _ in range(200):
        if broker.connections() == 0:
            break
        await asyncio.sleep(0.01)
    assert broker.connections() == 0


def test_an_authority_file_without_a_certificate_is_refused_at_once(tmp_path: Path) -> None:
    empty = tmp_path / "ca.pem"
    empty.write_text("")
    with pytest.raises(DefinitionError, match="TLS files"):
        MqttSource(mqtt(tls=True, ca_file=str(empty)))
