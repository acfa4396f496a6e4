"""An interlock that could be misread, forged or never apply is refused with its estate."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.interlocks.entries import (
    calendar,
    device,
    estate,
    http,
    mqtt,
    opcua,
    redundancy,
)

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("make", "fields", "why"),
    [
        (http, {"applies_to": {}}, "say what it applies to"),
        (http, {"applies_to": {"device": []}}, "at least 1 item"),
        (http, {"applies_to": {"devices": ["press-3"]}}, "Extra inputs"),
        (http, {"url": "http://plant.example.org/state"}, "use https"),
        (http, {"url": "http://127.evil.example.org/state"}, "use https"),
        (http, {"url": "https://user:secret@plant.example.org/"}, "match pattern"),
        (http, {"username": "firebreak"}, "together"),
        (http, {"username": "u", "password": "env:P", "token": "env:T"}, "either"),
        (http, {"password": "hunter2", "username": "u"}, "match pattern"),
        (http, {"value": "state"}, "match pattern"),
        (http, {"engaged_when": {}}, "give one of"),
        (http, {"engaged_when": {"equals": "a", "not": "b"}}, "give one of"),
        (http, {"engaged_when": {"equals": "a", "above": 1}}, "give one of"),
        (http, {"engaged_when": {"equals": "busy"}}, "give values"),
        (http, {"engaged_when": {"equals": "busy"}, "values": ["idle"]}, "do not list"),
        (http, {"engaged_when": {"equals": 1}, "values": [True, 0]}, "do not list"),
        (http, {"engaged_when": {"above": 5}}, "give range"),
        (http, {"engaged_when": {"above": 5}, "range": [0, 4]}, "hold the bounds"),
        (http, {"engaged_when": {"above": 5}, "range": [9, 0]}, "go up"),
        (http, {"engaged_when": {"above": 5}, "range": [0, 9], "values": [1]}, "take range"),
        (http, {"engaged_when": {"above": 1, "below": 2}, "range": [0, 9]}, "no value would"),
        (http, {"engaged_when": {"above": float("nan")}, "range": [0, 9]}, "finite"),
        (http, {"engaged_when": {"not": "idle"}, "range": [0, 9]}, "range goes with"),
        (http, {"max_age_s": 0}, "greater than 0"),
        (http, {"timeout_s": 31}, "less than or equal to 30"),
        (opcua, {"endpoint": "opc.tcp://10.0.0.5:4840"}, "give security"),
        (opcua, {"endpoint": "opc.tcp://u:p@127.0.0.1:4840"}, "match pattern"),
        (opcua, {"endpoint": "http://127.0.0.1"}, "match pattern"),
        (opcua, {"node": "Press3"}, "match pattern"),
        (mqtt, {"host": "broker.example.org"}, "tls cannot be off"),
        (mqtt, {"topic": "plant/+/state"}, "match pattern"),
        (mqtt, {"topic": "plant/#"}, "match pattern"),
        (mqtt, {"topic": "$SYS/uptime"}, "match pattern"),
        (mqtt, {"payload": "text"}, "look into a JSON payload"),
        (mqtt, {"certificate": "own.pem"}, "together"),
        (calendar, {}, "either file or url"),
        (calendar, {"file": "a.ics", "url": "https://example.org/a.ics"}, "either file or url"),
        (calendar, {"url": "http://example.org/a.ics"}, "use https"),
        (calendar, {"file": "a.ics", "time_zone": "Europe/Atlantis"}, "no IANA time zone"),
        (redundancy, {"keep": 0}, "greater than or equal to 1"),
        (redundancy, {"applies_to": {"device": ["press-1"]}}, "Extra inputs"),
    ],
)
def test_an_entry_that_does_not_hold_together_is_refused(
    make: Make, fields: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValidationError, match=why):
        make(**fields)


@pytest.mark.parametrize(
    "entry",
    [
        http(applies_to={"device": ["pres-3"]}),
        http(applies_to={"class": ["presses"]}),
        http(applies_to={"site": ["plant-2"]}),
        http(applies_to={"redundancy_group": ["press"]}),
        redundancy(group="press"),
    ],
)
def test_a_name_that_no_device_has_is_refused_since_it_would_protect_nobody(entry: Any) -> None:
    with pytest.raises(ValidationError, match="which no device of the estate has"):
        estate(entry)


def test_two_interlocks_cannot_share_an_id() -> None:
    with pytest.raises(ValidationError, match="press-3-cycle is listed twice"):
        estate(http(), opcua())


def test_every_kind_survives_the_estate_file() -> None:
    entries = (
        http(),
        opcua(id="b"),
        mqtt(id="c"),
        calendar(id="d", file="freezes.ics"),
        redundancy(id="e"),
    )
    assert [each.kind for each in estate(*entries).interlocks] == [each.kind for each in entries]
    assert estate(*entries).interlocks == entries


def test_all_that_is_given_must_hold_and_one_value_of_each_suffices() -> None:
    entry = http(applies_to={"class": ["press", "saw"], "site": ["plant-1"]})
    assert entry.covers(device())
    assert not entry.covers(device(site="plant-2"))
    assert not entry.covers(device(device_class="lathe"))
    assert not http(applies_to={"redundancy_group": ["x"]}).covers(device(redundancy_group=None))
    assert http(applies_to={"safety": ["protective"]}).covers(device(safety="protective"))
    assert str(entry.applies_to) == "class press or saw, site plant-1"
