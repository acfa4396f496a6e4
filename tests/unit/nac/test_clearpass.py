"""ClearPass's own corners; what every control promises is in tests/conformance."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firebreak.domain.base import JsonObject
from firebreak.domain.estate import ClearPassNac, Estate
from firebreak.errors import AuthFailed, NotThere, OutcomeUnknown, Rejected
from firebreak.strict_yaml import Document
from integrations.network.nac.clearpass import ClearPass
from tests.conformance.clearpass_benches import BARE, ClearPassBench, clearpass_bench
from tests.conformance.documented_bench import MAC
from tests.docs.blocks import blocks
from tests.documented import clearpass as documented

DEADLINE_S = 20.0


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[ClearPassBench]:
    async with clearpass_bench(tmp_path) as opened:
        yield opened


@pytest.fixture
def source(bench: ClearPassBench) -> ClearPass:
    return bench.source(DEADLINE_S)


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=DEADLINE_S)


async def quarantine(source: ClearPass) -> tuple[JsonObject, JsonObject]:
    """The records before and after."""
    before = await source.read(MAC)
    after = await source.write(MAC, before, source.quarantined(before), soon())
    assert after == source.quarantined(before)
    return before, after


def attributes(bench: ClearPassBench) -> dict[str, str]:
    found: dict[str, str] = bench.server.endpoints[BARE]["attributes"]
    return found


async def test_an_attribute_that_was_absent_is_absent_again(
    bench: ClearPassBench, source: ClearPass
) -> None:
    before, after = await quarantine(source)
    assert attributes(bench) == {"Location": "hall 3", "Firebreak": "quarantine"}
    assert await source.write(MAC, after, before, soon()) == before
    assert attributes(bench) == {"Location": "hall 3"}


async def test_an_attribute_that_had_a_value_has_it_again(
    bench: ClearPassBench, source: ClearPass
) -> None:
    attributes(bench)["Firebreak"] = "trusted"
    before, after = await quarantine(source)
    await source.write(MAC, after, before, soon())
    assert attributes(bench)["Firebreak"] == "trusted"


async def test_an_endpoint_without_attributes_can_be_read(
    bench: ClearPassBench, source: ClearPass
) -> None:
    attributes(bench).clear()
    assert await source.read(MAC) == {"value": None, "quarantined": False}


async def test_the_session_is_told_with_each_change(
    bench: ClearPassBench, source: ClearPass
) -> None:
    before, after = await quarantine(source)
    assert bench.server.changes == ["attribute", "coa"]
    await source.write(MAC, after, before, soon())
    assert bench.server.changes == ["attribute", "coa"] * 2
    assert bench.server.coas == [BARE, BARE]


async def test_a_device_without_a_session_needs_no_coa_and_is_said_to_be_unseen(
    bench: ClearPassBench, source: ClearPass
) -> None:
    bench.server.sessions.clear()
    assert not (await source.look(MAC)).sighted
    await quarantine(source)
    assert bench.server.changes == ["attribute"]


@pytest.mark.parametrize("status", [400, 403, 404, 422, 500])
async def test_a_coa_that_fails_after_the_attribute_was_set_is_unknown(
    bench: ClearPassBench, source: ClearPass, status: int
) -> None:
    bench.server.coa_status = status
    with pytest.raises(OutcomeUnknown):
        await quarantine(source)
    assert (await source.read(MAC))["value"] == "quarantine"


async def test_a_token_is_asked_for_once(bench: ClearPassBench, source: ClearPass) -> None:
    before, after = await quarantine(source)
    await source.write(MAC, after, before, soon())
    assert bench.server.logins == 1


async def test_a_token_that_has_expired_is_replaced_in_the_middle_of_a_change(
    bench: ClearPassBench, source: ClearPass
) -> None:
    before = await source.read(MAC)
    bench.server.tokens.clear()
    await source.write(MAC, before, source.quarantined(before), soon())
    assert bench.server.logins == 2
    assert bench.server.changes == ["attribute", "coa"]


async def test_a_token_that_is_never_accepted_ends_in_a_refusal(
    bench: ClearPassBench, source: ClearPass
) -> None:
    bench.server.forgetful = True
    with pytest.raises(AuthFailed):
        await source.read(MAC)
    assert bench.server.logins == 2


async def test_a_wrong_client_secret_is_told_without_it(
    bench: ClearPassBench, source: ClearPass
) -> None:
    bench.secret_file.write_text("not-the-secret-99")
    with pytest.raises(AuthFailed) as caught:
        await source.read(MAC)
    assert "not-the-secret-99" not in str(caught.value)
    assert documented.SECRET not in repr(vars(source))


async def test_an_endpoint_that_clearpass_does_not_know_is_not_created(
    bench: ClearPassBench, source: ClearPass
) -> None:
    stranger = "02:00:00:00:00:99"
    known: JsonObject = {"value": None, "quarantined": False}
    with pytest.raises(NotThere, match="has never authenticated"):
        await source.write(stranger, known, source.quarantined(known), soon())
    assert set(bench.server.endpoints) == {BARE}
    assert bench.effects() == 0


async def test_an_attribute_that_is_no_text_is_left_alone(
    bench: ClearPassBench, source: ClearPass
) -> None:
    bench.server.endpoints[BARE]["attributes"]["Firebreak"] = 7
    with pytest.raises(Rejected, match="something else than text"):
        await source.read(MAC)


async def test_a_profile_that_clearpass_does_not_have_is_no_success(
    bench: ClearPassBench, source: ClearPass
) -> None:
    source._profile = "[No such profile]"
    with pytest.raises(OutcomeUnknown):
        await quarantine(source)
    assert bench.server.coas == []


def test_the_entry_of_the_page_is_one_the_estate_takes() -> None:
    (block,) = blocks("docs/how-to/clearpass.md", "yaml")
    (site,) = Document(block.page, block.text).validate(Estate).sites
    assert isinstance(site.nac, ClearPassNac)
