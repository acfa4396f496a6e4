from typing import Any

import pytest
from pydantic import JsonValue, ValidationError

from firebreak.errors import DefinitionError
from integrations.itsm.settings import ServiceNow
from tests.conformance.tickets.bench import Tools
from tests.unit.itsm.systems import KINDS

KNOWN: dict[str, dict[str, JsonValue]] = {
    "rt": {"url": "https://rt.example", "token": "env:RT_TOKEN", "queue": "SOC"},
    "servicenow": {"url": "https://x.service-now.com", "token": "env:SN_TOKEN"},
    "jira-sm": {
        "url": "https://x.atlassian.net",
        "email": "a@b.example",
        "token": "env:JIRA_TOKEN",
        "service_desk": "3",
        "request_type": "25",
    },
}


@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_is_built_from_its_part_of_the_file(kind: str) -> None:
    await KINDS[kind]("soc", {"kind": kind, **KNOWN[kind]}, Tools()).close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "changes",
    [
        {"url": "http://rt.example"},  # anyone on the way could read the token
        {"url": "https://user@rt.example"},
        {"url": "https://rt.example/?token=1"},
        {"token": "a-secret-pasted-here"},
        {"kind": "another"},
        {"statuses": {"open": "open"}},
        {"timeout_s": 0},
        {"surprise": 1},
    ],
)
def test_what_is_wrong_is_refused_when_it_is_read(kind: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KINDS[kind]("soc", {**KNOWN[kind], **changes}, Tools())


def test_a_ca_file_without_a_certificate_is_refused() -> None:
    with pytest.raises(DefinitionError, match="CA certificate"):
        KINDS["rt"]("soc", {**KNOWN["rt"], "ca_file": "/nowhere"}, Tools())


@pytest.mark.parametrize("name", ["SOC' OR id > 0 OR Queue = 'x", "a}b", 'a"b', "a\\"])
def test_no_name_can_end_a_query(name: str) -> None:
    for field in ("queue", "custom_field"):
        with pytest.raises(ValidationError):
            KINDS["rt"]("soc", {**KNOWN["rt"], field: name}, Tools())


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"username": "firebreak"},
        {"token": "env:T", "username": "firebreak", "password": "env:P"},
        {"token": "env:T", "username": "firebreak"},
    ],
)
def test_servicenow_wants_one_credential(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="either token"):
        ServiceNow.model_validate({"url": "https://x.service-now.com", **given})


@pytest.mark.parametrize(
    "change",
    [{"surprise": 1}, {"states": {"review": ""}}, {"states": {"implement": None}}, {"type": ""}],
)
def test_a_wrong_part_about_change_requests_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ServiceNow.model_validate({**KNOWN["servicenow"], "change": change})


def test_change_requests_are_off_until_there_is_a_part_about_them() -> None:
    assert ServiceNow.model_validate(KNOWN["servicenow"]).change is None
    on = ServiceNow.model_validate({**KNOWN["servicenow"], "change": {}}).change
    assert on is not None
    assert on.type == "emergency"
