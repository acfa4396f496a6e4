"""The server tells people: its channels are listed, tried, measured, and told while it runs."""

import dataclasses
import re
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from firebreak.domain.base import JsonObject
from firebreak.domain.record import Kind, NewEntry
from firebreak.errors import DefinitionError
from firebreak.people.nobody import NobodyKnown
from firebreak.server.app import create_app
from firebreak.settings import Settings
from firebreak.wiring.channels import dispatcher, server_channels
from tests.unit.dispatch.receivers import SECRET, Receiver, secret_file, served
from tests.unit.dispatch.theater import met
from tests.unit.server.stage import Stage, receipts, until


async def test_without_a_file_nobody_is_told(stage: Stage) -> None:
    listed = await stage.http.get("/channels", headers=stage.auth("auditor"))
    assert listed.json() == {"channels": []}
    tried = await stage.http.post("/channels/duty/test", headers=stage.auth("on-call"))
    assert (tried.status_code, tried.json()["error"]) == (404, "not-found")
    nobody = NobodyKnown()
    assert server_channels(Settings(), nobody, nobody).channels == ()


async def test_a_wrong_file_stops_the_server_before_it_starts(tmp_path: Path) -> None:
    file = tmp_path / "channels.yaml"
    file.write_text("channels:\n  duty: {kind: pager}\n")
    with pytest.raises(DefinitionError, match=re.escape(f"{file}:2: channels.duty.kind")):
        server_channels(Settings(channels_file=file), NobodyKnown(), NobodyKnown())


async def test_what_happens_is_told_while_the_server_runs(stage: Stage, tmp_path: Path) -> None:
    receiver = Receiver()
    async with served(receiver.app, tmp_path / "tls") as service:
        file = tmp_path / "channels.yaml"
        file.write_text(
            f"channels:\n  hook:\n    kind: webhook\n    tells: all\n    url: {service.url}/\n"
            f"    ca_file: {service.ca_file}\n    secret: {secret_file(tmp_path, SECRET)}\n"
        )
        services = stage.app.state.services
        settings = services.settings.model_copy(update={"channels_file": file})
        channels = server_channels(settings, NobodyKnown(), NobodyKnown())
        telling = dispatcher(channels, stage.ledger, receipts)
        app = create_app(dataclasses.replace(services, telling=telling))
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://firebreak") as http,
        ):
            await met(stage.ledger, ["hook"])
            tried = await http.post("/channels/hook/test", headers=stage.auth("on-call"))
            assert tried.status_code == 200
            assert receiver.taken[0]["word"] == "TEST"
            await stage.ledger.append(_note({"text": "seen"}))

            async def both_taken() -> bool:
                return len(receiver.taken) == 2

            await until(both_taken)

            async def is_counted() -> bool:
                metrics = (await http.get("/metrics")).text
                return 'firebreak_channel_told_total{channel="hook"} 1.0' in metrics

            await until(is_counted)
            metrics = (await http.get("/metrics")).text
            assert 'firebreak_channel_failures_total{channel="hook"} 0.0' in metrics


def _note(body: JsonObject) -> NewEntry:
    now = datetime.now(UTC)
    return NewEntry(
        incident="inc-0123456789ab", key="n", kind=Kind.NOTE, at=now, actor="ana", body=body
    )
