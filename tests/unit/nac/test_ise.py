from dataclasses import replace
from datetime import datetime

import pytest
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from firebreak.cyber_range.faults import Fault, FaultKind
from firebreak.domain.base import JsonObject
from firebreak.domain.estate import IseNac
from firebreak.errors import AuthFailed, OutcomeUnknown, RateLimited, Rejected, Unreachable
from integrations.network.nac.ise import IseAnc
from tests.conformance.nac_benches import HOME, MAC, OTHER_PORT, PORT, QUARANTINE, IseBench

FREE: JsonObject = {"policy": None, "quarantined": False}
MONITORED: JsonObject = {"policy": "Monitor", "quarantined": False}
CONTAINED: JsonObject = {"policy": "Quarantine", "quarantined": True}


def source(bench: IseBench, *, settle_s: float = 1.0, **estate: object) -> IseAnc:
    """The adapter, with another estate entry."""
    made = bench.source(20)
    api = IseNac.model_validate(
        {
            "kind": "ise",
            "url": bench.api.url,
            "mnt_url": bench.api.url,
            "ca_file": str(bench.api.ca_file),
            "username": "firebreak",
            "password": made.secrets[0],
            "policy": "Quarantine",
            "profile": "Quarantine-VLAN",
            **estate,
        }
    )
    bench.sources += [made, IseAnc("bench", api, deadline_s=20, settle_s=settle_s)]
    ise = bench.sources[-1]
    assert isinstance(ise, IseAnc)
    return ise


async def test_another_policy_in_force_is_replaced_and_assigned_again(
    ise: IseBench, soon: datetime
) -> None:
    ise.api.assign(MAC, "Monitor")
    anc = source(ise)
    before = await anc.read(MAC)
    assert before == MONITORED
    after = anc.quarantined(before)
    assert await anc.write(MAC, before, after, soon) == CONTAINED
    assert ise.vlan == QUARANTINE
    assert await anc.write(MAC, after, before, soon) == MONITORED
    assert ise.api.policies == {MAC: "Monitor"}
    assert ise.vlan == HOME


async def test_a_policy_that_could_not_be_replaced_is_put_back(
    ise: IseBench, soon: datetime
) -> None:
    ise.api.assign(MAC, "Monitor")
    anc = source(ise, policy="Unheard-of", profile=None, mnt_url=None)
    with pytest.raises(Rejected, match="the ANC operation failed"):
        await anc.write(MAC, MONITORED, {"policy": "Unheard-of", "quarantined": True}, soon)
    assert ise.api.policies == {MAC: "Monitor"}


async def test_a_session_that_does_not_follow_is_never_called_quarantined(
    ise: IseBench, soon: datetime
) -> None:
    await ise.api.inject(Fault(FaultKind.LIE))
    seen = await source(ise).write(MAC, FREE, CONTAINED, soon)
    assert seen == {"policy": "Quarantine", "quarantined": False}
    assert ise.vlan == HOME


async def test_a_session_that_missed_its_change_is_made_to_authenticate(
    ise: IseBench, soon: datetime
) -> None:
    await ise.api.inject(Fault(FaultKind.LIE, times=1))
    assert await source(ise).write(MAC, FREE, CONTAINED, soon) == CONTAINED
    assert ise.vlan == QUARANTINE


async def test_a_cleared_session_is_made_to_authenticate(ise: IseBench, soon: datetime) -> None:
    ise.api.setup = replace(ise.api.setup, coa_on_clear=False)
    anc = source(ise)
    await anc.write(MAC, FREE, CONTAINED, soon)
    assert await anc.write(MAC, CONTAINED, FREE, soon) == FREE
    assert ise.vlan == HOME


async def test_a_release_that_the_session_did_not_take_up_is_told(
    ise: IseBench, soon: datetime
) -> None:
    anc = source(ise)
    await anc.write(MAC, FREE, CONTAINED, soon)
    await ise.api.inject(Fault(FaultKind.LIE))
    assert await anc.write(MAC, CONTAINED, FREE, soon) == {"policy": None, "quarantined": True}


async def test_a_device_without_a_session_was_not_sighted_and_its_policy_waits(
    ise: IseBench, soon: datetime
) -> None:
    ise.network.unplug("cam-17")
    anc = source(ise)
    assert await anc.write(MAC, FREE, CONTAINED, soon) == CONTAINED
    seen = await anc.look(MAC)
    assert not seen.sighted
    assert f"MnT has no session of {MAC}" in seen.evidence
    ise.network.plug(ise.network.node("cam-17"), "sw-1", OTHER_PORT)
    assert ise.sessions_of.in_quarantine(MAC)
    assert (await anc.look(MAC)).sighted


async def test_the_evidence_names_the_policy_the_port_and_the_profile(ise: IseBench) -> None:
    assert (await source(ise).look(MAC)).evidence == (
        f"ISE of site bench has no ANC policy for {MAC}",
        f"MnT has a session of {MAC} on sw-1 {PORT} with PermitAccess",
    )


async def test_without_mnt_the_policy_is_all_that_is_known(ise: IseBench, soon: datetime) -> None:
    anc = source(ise, mnt_url=None, profile=None)
    assert await anc.write(MAC, FREE, CONTAINED, soon) == CONTAINED
    assert len((await anc.look(MAC)).evidence) == 1


def test_a_profile_without_mnt_is_a_wrong_estate() -> None:
    with pytest.raises(ValidationError, match="give mnt_url too"):
        IseNac(
            kind="ise",
            url="https://ise",
            username="u",
            password="env:PW",
            policy="Quarantine",
            profile="Quarantine-VLAN",
        )


async def test_an_ise_without_csrf_protection_works_too(ise: IseBench, soon: datetime) -> None:
    ise.api.setup = replace(ise.api.setup, csrf=False)
    assert await source(ise).write(MAC, FREE, CONTAINED, soon) == CONTAINED


async def test_a_policy_is_found_on_any_page(ise: IseBench, soon: datetime) -> None:
    for number in range(250):
        ise.api.assign(f"00:00:00:00:00:{number:02x}", "Monitor")
    anc = source(ise)
    assert await anc.write(MAC, FREE, CONTAINED, soon) == CONTAINED
    assert await anc.read("00:00:00:00:00:f9") == MONITORED
    assert await anc.read("03:00:00:00:00:00") == FREE


async def test_a_policy_that_slips_to_a_page_read_before_is_found_all_the_same(
    ise: IseBench,
) -> None:
    async def shrinking(request: Request) -> Response:
        if request.query_params["page"] == "3":
            ise.api.assign("00:00:00:00:00:01", None)
        return await listing(request)

    for number in range(200):
        ise.api.assign(f"00:00:00:00:00:{number:02x}", "Monitor")
    ise.api.assign(MAC, "Monitor")
    listing = ise.api._list
    await ise.api.stop()
    ise.api._list = shrinking  # type: ignore[method-assign]
    await ise.api.start("127.0.0.1", 0)
    assert await source(ise).read(MAC) == MONITORED


async def test_an_endpoint_listed_without_a_name_is_looked_at(ise: IseBench) -> None:
    async def nameless(request: Request) -> Response:
        listed = await listing(request)
        return Response(bytes(listed.body).replace(b'"name"', b'"description"'))

    ise.api.assign(MAC, "Monitor")
    ise.api.assign("00:00:00:00:00:01", "Quarantine")
    listing = ise.api._list
    await ise.api.stop()
    ise.api._list = nameless  # type: ignore[method-assign]
    await ise.api.start("127.0.0.1", 0)
    assert await source(ise).read(MAC) == MONITORED


async def test_a_refusal_is_no_failure_when_somebody_else_was_quicker(
    ise: IseBench, soon: datetime
) -> None:
    apply = ise.api._apply

    async def beaten(request: Request) -> Response:
        ise.api.assign(MAC, "Quarantine")
        return await apply(request)

    await ise.api.stop()
    ise.api._apply = beaten  # type: ignore[method-assign]
    await ise.api.start("127.0.0.1", 0)
    assert await source(ise).write(MAC, FREE, CONTAINED, soon) == CONTAINED
    assert ise.effects() == 0


async def test_a_500_without_a_reason_is_no_refusal(ise: IseBench, soon: datetime) -> None:
    await ise.api.inject(Fault(FaultKind.SERVER_ERROR, match="/apply"))
    with pytest.raises(OutcomeUnknown):
        await source(ise).write(MAC, FREE, CONTAINED, soon)


async def test_throttling_tells_how_long_to_wait(ise: IseBench, soon: datetime) -> None:
    await ise.api.inject(Fault(FaultKind.THROTTLE, match="/apply", delay_s=17))
    with pytest.raises(RateLimited) as caught:
        await source(ise).write(MAC, FREE, CONTAINED, soon)
    assert caught.value.after_s == 17
    assert ise.effects() == 0


async def test_a_look_that_fails_after_the_change_is_unknown(ise: IseBench, soon: datetime) -> None:
    assign = ise.api.assign

    def assign_and_break(mac: str, policy: str | None) -> None:
        assign(mac, policy)
        ise.api.faults.inject(Fault(FaultKind.SERVER_ERROR))

    ise.api.assign = assign_and_break  # type: ignore[method-assign]
    with pytest.raises(OutcomeUnknown, match="its effect not seen"):
        await source(ise).write(MAC, FREE, CONTAINED, soon)


@pytest.mark.parametrize(
    "body",
    [
        '<!DOCTYPE a [<!ENTITY b "c">]><sessionParameters><passed>&b;</passed></sessionParameters>',
        "<sessionParameters><passed>&outside;</passed></sessionParameters>",
        '<?xml version="1.0" encoding="UTF-16"?>\xff\xfe<',
        "<sessionParameters>",
        "<a>" * 100_000,
        '{"session": 1}',
        "",
    ],
)
async def test_a_session_that_is_no_plain_xml_is_refused(ise: IseBench, body: str) -> None:
    async def hostile(request: Request) -> Response:
        del request
        return Response(body.encode("latin-1"), media_type="application/xml")

    await ise.api.stop()
    ise.api._session = hostile  # type: ignore[method-assign]
    await ise.api.start("127.0.0.1", 0)
    with pytest.raises(Rejected, match="XML"):
        await source(ise).read(MAC)


async def test_mnt_being_broken_is_not_taken_for_no_session(ise: IseBench) -> None:
    await ise.api.inject(Fault(FaultKind.SERVER_ERROR, match="/admin/API/mnt"))
    with pytest.raises((Unreachable, Rejected)):
        await source(ise).read(MAC)


async def test_credentials_are_read_again_for_every_request(ise: IseBench) -> None:
    anc = source(ise)
    assert await anc.read(MAC) == FREE
    (ise.folder / "password").write_text("changed")
    with pytest.raises(AuthFailed):
        await anc.read(MAC)


async def test_a_record_of_another_source_is_refused(ise: IseBench, soon: datetime) -> None:
    with pytest.raises(Rejected, match="no state of ise"):
        await source(ise).write(MAC, {"security_event": None, "quarantined": False}, FREE, soon)
