"""Intake under arbitrary bytes: never a 5xx, and what is valid is kept whatever is beside it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.server.stage import EVE, Stage, staged

GENUINE: dict[str, Any] = json.loads(EVE.read_bytes().splitlines()[0])
# The stage is shared by all examples on purpose: alerts are known by their content.
SHARED = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
field = st.sampled_from([*GENUINE, *(f"alert.{name}" for name in GENUINE["alert"]), "ether"])


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as one:
        yield one


def changed(name: str, value: Any) -> bytes:
    record = json.loads(json.dumps(GENUINE))
    inside = record["alert"] if name.startswith("alert.") else record
    inside[name.removeprefix("alert.")] = value
    return json.dumps(record).encode()


@SHARED
@given(body=st.binary(max_size=4000))
async def test_any_bytes_get_an_answer(stage: Stage, body: bytes) -> None:
    answer = await stage.post(body)
    assert answer.status_code == 202 or 400 <= answer.status_code < 500


@SHARED
@given(body=json_values)
async def test_any_json_gets_an_answer(stage: Stage, body: Any) -> None:
    answer = await stage.post(json.dumps(body))
    assert answer.status_code == 202 or 400 <= answer.status_code < 500


@SHARED
@given(name=field, value=json_values)
async def test_any_value_in_any_field_gets_an_answer_and_is_not_lost(
    stage: Stage, name: str, value: Any
) -> None:
    answer = await stage.post(changed(name, value))
    assert answer.status_code in (202, 400)
    if answer.status_code == 202:
        body = answer.json()
        assert body["accepted"] + body["duplicates"] + body["ignored"] == 1


@SHARED
@given(
    before=st.lists(st.binary(max_size=200), max_size=4),
    after=st.lists(st.binary(max_size=200), max_size=4),
    serial=st.integers(min_value=0, max_value=2**50),
)
async def test_a_valid_record_beside_garbage_is_kept(
    stage: Stage, before: list[bytes], after: list[bytes], serial: int
) -> None:
    valid = changed("flow_id", serial)
    body = b"\n".join([*before, valid, *after])
    answer = await stage.post(body)
    assert answer.status_code == 202
    assert answer.json()["accepted"] + answer.json()["duplicates"] == 1


paths = st.sampled_from(
    ["/responses", "/incidents/x/cancel", "/holds/a/b/extend", "/approvals/x/decide"]
)


@SHARED
@given(path=paths, body=st.binary(max_size=500) | json_values.map(lambda v: json.dumps(v).encode()))
async def test_any_body_to_any_change_is_refused_with_a_reason(
    stage: Stage, path: str, body: bytes
) -> None:
    headers = stage.auth("admin") | {"Content-Type": "application/json"}
    answer = await stage.http.post(path, content=body, headers=headers)
    assert 400 <= answer.status_code < 500
    assert answer.json()["message"]
