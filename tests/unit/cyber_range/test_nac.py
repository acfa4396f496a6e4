"""The simulated NACs, asked as an operator with curl would."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from firebreak.cyber_range.api_server import ApiServer
from firebreak.cyber_range.faults import Fault, FaultKind
from firebreak.cyber_range.journal import Journal
from firebreak.cyber_range.nac_ise import IseApi, IseSetup
from firebreak.cyber_range.nac_packetfence import PacketFenceApi, PacketFenceSetup
from firebreak.cyber_range.nac_sessions import NacSessions
from firebreak.cyber_range.network import Network, Node, PortConfig, SwitchState
from firebreak.cyber_range.ports import port_name

MAC = "02:00:00:00:00:17"
FIRST, SECOND = (port_name("cisco_ios", n) for n in (0, 1))
WORD = "correct-horse-17"
OPERATION = {
    "OperationAdditionalData": {
        "additionalData": [
            {"name": "macAddress", "value": MAC.upper()},
            {"name": "policyName", "value": "Quarantine"},
        ]
    }
}


@dataclass
class Plant:
    network: Network
    sessions: NacSessions
    ise: IseApi
    packetfence: PacketFenceApi

    @property
    def vlan(self) -> int:
        place = self.network.place("cam")
        assert place is not None
        return place[1].forwarding.vlan

    def client(self, server: ApiServer, **more: object) -> httpx.AsyncClient:
        trust = ssl.create_default_context(cafile=str(server.ca_file))
        return httpx.AsyncClient(base_url=server.url, verify=trust, timeout=2, **more)  # type: ignore[arg-type]

    @property
    def operator(self) -> httpx.AsyncClient:
        return self.client(self.ise, auth=("firebreak", WORD))


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    network, journal = Network(), Journal()
    vlans = {1: "default", 10: "cams", 666: "quarantine"}
    ports = dict.fromkeys((FIRST, SECOND), PortConfig(vlan=10))
    network.add_switch(SwitchState("sw-1", "cisco_ios", vlans, ports))
    sessions = NacSessions(network, 666)
    network.plug(Node("cam", MAC, "10.20.0.17", 10), "sw-1", FIRST)
    ise_setup, pf_setup = IseSetup("firebreak", WORD), PacketFenceSetup("firebreak", WORD)
    ise = IseApi("ise-1", ise_setup, sessions, tmp_path / "ise", journal)
    packetfence = PacketFenceApi("pf-1", pf_setup, sessions, tmp_path / "pf", journal)
    for server in (ise, packetfence):
        await server.start("127.0.0.1", 0)
    yield Plant(network, sessions, ise, packetfence)
    for server in (ise, packetfence):
        await server.stop()


async def test_ise_takes_a_policy_only_with_a_csrf_token_and_moves_the_session(
    plant: Plant,
) -> None:
    async with plant.operator as ise:
        bare = await ise.put("/ers/config/ancendpoint/apply", json=OPERATION)
        assert bare.status_code == 403
        listed = await ise.get("/ers/config/ancendpoint", headers={"X-CSRF-TOKEN": "fetch"})
        token = {"X-CSRF-TOKEN": listed.headers["X-CSRF-TOKEN"]}
        done = await ise.put("/ers/config/ancendpoint/apply", json=OPERATION, headers=token)
        assert (done.status_code, done.content) == (204, b"")
        assert plant.vlan == 666
        again = await ise.put("/ers/config/ancendpoint/apply", json=OPERATION, headers=token)
        assert again.json()["ERSResponse"]["messages"][0]["type"] == "ERROR"
        assert again.status_code == 500
        session = await ise.get(f"/admin/API/mnt/Session/MACAddress/{MAC.upper()}")
        assert "<selected_azn_profiles>Quarantine-VLAN<" in session.text
        await ise.put("/ers/config/ancendpoint/clear", json=OPERATION, headers=token)
        assert plant.vlan == 10
    assert [w.command for w in plant.ise.journal.effects()] == [
        "PUT /ers/config/ancendpoint/apply",
        "PUT /ers/config/ancendpoint/clear",
    ]


async def test_mnt_says_so_when_there_is_no_session(plant: Plant) -> None:
    plant.network.unplug("cam")
    async with plant.operator as ise:
        answer = await ise.get(f"/admin/API/mnt/Session/MACAddress/{MAC}")
        assert answer.status_code == 500
        assert "Session data is not available" in answer.text
        reauth = await ise.get(f"/admin/API/mnt/CoA/Reauth/ise-1/{MAC}/1")
        assert "<results>false</results>" in reauth.text


async def test_packetfence_adds_a_row_each_time_and_closes_by_row(plant: Plant) -> None:
    node = f"/api/v1/node/{MAC}"
    async with plant.client(plant.packetfence) as pf:
        assert (await pf.get(node)).status_code == 401
        login = await pf.post("/api/v1/login", json={"username": "firebreak", "password": WORD})
        pf.headers["Authorization"] = login.json()["token"]
        event = {"security_event_id": "3000001"}
        rows = [(await pf.put(f"{node}/apply_security_event", json=event)).json() for _ in "ab"]
        assert [row["id"] for row in rows] == [1, 2]
        assert plant.vlan == 666
        assert (await pf.get(node)).json()["item"]["locationlog"]["role"] == "isolation"
        by_class = await pf.put(f"{node}/close_security_event", json=event)
        assert by_class.status_code == 404
        await pf.put(f"{node}/close_security_event", json={"security_event_id": "1"})
        assert (await pf.get(f"{node}/security_events")).json() == {"items": []}
    assert plant.vlan == 10


async def test_a_decision_follows_the_device_to_another_port(plant: Plant) -> None:
    plant.packetfence.raise_event(MAC, 3000001)
    plant.network.plug(plant.network.node("cam"), "sw-1", SECOND)
    assert plant.vlan == 666
    state = plant.network.switches["sw-1"]
    assert state.ports[FIRST].forwarding.vlan == 10
    assert [row.vlan for row in plant.network.mac_table(state)] == [666]
    assert not plant.network.reachable("cam")
    plant.packetfence.close_events(MAC, 3000001)
    assert plant.network.reachable("cam")


async def test_a_session_stays_in_its_vlan_when_the_port_is_configured_anew(plant: Plant) -> None:
    plant.ise.assign(MAC, "Quarantine")
    port = plant.network.switches["sw-1"].ports[FIRST]
    plant.network.configure(port, PortConfig(vlan=10, description="camera"))
    plant.network.settle(plant.network.switches["sw-1"])
    assert port.forwarding == PortConfig(vlan=666, description="camera")
    assert port.config.vlan == 10


async def test_a_lie_says_yes_and_moves_nothing(plant: Plant) -> None:
    await plant.ise.inject(Fault(FaultKind.LIE))
    plant.ise.assign(MAC, "Quarantine")
    assert plant.ise.policies == {MAC: "Quarantine"}
    assert plant.vlan == 10


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (FaultKind.WRONG_PASSWORD, 401),
        (FaultKind.THROTTLE, 429),
        (FaultKind.SERVER_ERROR, 500),
    ],
)
async def test_a_fault_strikes_as_often_as_it_was_armed(
    plant: Plant, kind: FaultKind, status: int
) -> None:
    fault = await plant.ise.inject(Fault(kind, times=1, delay_s=9))
    async with plant.operator as ise:
        struck = await ise.get("/ers/config/ancendpoint")
        assert struck.status_code == status
        assert struck.headers.get("retry-after") == ("9" if status == 429 else None)
        assert (await ise.get("/ers/config/ancendpoint")).status_code == 200
    assert fault.hits == 1


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.REFUSE, httpx.ConnectError),
        (FaultKind.WRONG_CERTIFICATE, httpx.ConnectError),
        (FaultKind.HANG, httpx.ReadTimeout),
    ],
)
async def test_a_fault_of_the_line_ends_when_it_is_cleared(
    plant: Plant, kind: FaultKind, error: type[Exception]
) -> None:
    await plant.ise.inject(Fault(kind))
    async with plant.operator as ise:
        with pytest.raises(error):
            await ise.get("/ers/config/ancendpoint", timeout=0.3)
    await plant.ise.clear()
    async with plant.operator as ise:
        assert (await ise.get("/ers/config/ancendpoint")).status_code == 200


async def test_the_authority_outlives_the_server(plant: Plant, tmp_path: Path) -> None:
    before = plant.ise.ca_file.read_bytes()
    again = IseApi("ise-1", plant.ise.setup, plant.sessions, tmp_path / "ise", Journal())
    await again.start("127.0.0.1", 0)
    async with plant.client(again, auth=("firebreak", WORD)) as ise:
        assert (await ise.get("/ers/config/ancendpoint")).status_code == 200
    await again.stop()
    assert again.ca_file.read_bytes() == before
    assert all(f.stat().st_mode & 0o077 == 0 for f in (tmp_path / "ise").glob("*.*"))


@pytest.mark.parametrize("body", [b"", b"[]", b'{"OperationAdditionalData": 1}', b"x" * 2**17])
async def test_a_body_that_makes_no_sense_is_refused(plant: Plant, body: bytes) -> None:
    plant.ise.setup = IseSetup("firebreak", WORD, csrf=False)
    async with plant.operator as ise:
        answer = await ise.put("/ers/config/ancendpoint/apply", content=body)
    assert answer.status_code == 500
    assert plant.ise.policies == {}
