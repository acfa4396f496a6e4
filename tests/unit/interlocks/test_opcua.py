"""OPC UA, the real protocol on loopback, with a secure channel and without."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Server, ua
from asyncua.crypto.cert_gen import generate_private_key, generate_self_signed_app_certificate
from asyncua.crypto.permission_rules import SimpleRoleRuleset, User, UserRole
from asyncua.server.user_managers import UserManager
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from firebreak.domain.reading import Reading
from firebreak.errors import AuthFailed, FirebreakError, Rejected, Unreachable
from firebreak.policy.interlocks import judge
from integrations.interlocks.opcua import OpcUaSource
from tests.lines import listening
from tests.unit.interlocks.entries import opcua

pytestmark = pytest.mark.asyncio(loop_scope="module")  # a server takes a second to start

NODE = "ns=2;s=Press3.State"
PASSWORD = "correct-horse-17"


class OnlyFirebreak(UserManager):
    def get_user(
        self, iserver: Any, username: Any = None, password: Any = None, certificate: Any = None
    ) -> User | None:
        del iserver, certificate
        known = username == "firebreak" and password == PASSWORD
        return User(role=UserRole.User) if known else None


class Plc:
    """A server with one variable."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.endpoint = f"opc.tcp://127.0.0.1:{port}/plc"
        self._server: Server
        self._answer = ua.DataValue()

    async def start(self, folder: Path | None = None, users: UserManager | None = None) -> None:
        self._server = Server(user_manager=users)
        await self._server.init()
        self._server.set_endpoint(self.endpoint)
        self._server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        if folder is not None:
            self._server.set_security_policy(
                [ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt],
                permission_ruleset=SimpleRoleRuleset(),  # type: ignore[no-untyped-call]  # asyncua's
            )
            await self._server.load_certificate(folder / "server.der")
            await self._server.load_private_key(folder / "server.pem")
        await self._server.register_namespace("https://plant.example.org")
        node = ua.NodeId.from_string(NODE)
        await self._server.nodes.objects.add_variable(node, "State", 0)
        # What is written is checked for its type; what a callback says may be anything.
        self._server.set_attribute_value_callback(node, lambda *_: self._answer)
        await self._server.start()

    def say(
        self,
        value: Any,
        at: datetime | None = None,
        *,
        kind: ua.VariantType = ua.VariantType.Int64,
        status: int = ua.StatusCodes.Good,
    ) -> None:
        now: Any = datetime.now(UTC)
        measured: Any = at or now
        self._answer = ua.DataValue(
            ua.Variant(value, kind),
            ua.StatusCode(ua.UInt32(status)),
            SourceTimestamp=measured,
            ServerTimestamp=now,
        )

    @property
    def lines(self) -> int:
        return len(self._server.bserver.clients) if self._server.bserver else 0

    async def stop(self) -> None:
        await self._server.stop()


@contextlib.asynccontextmanager
async def running(
    folder: Path | None = None, users: UserManager | None = None
) -> AsyncIterator[Plc]:
    plc = Plc()
    await plc.start(folder, users)
    try:
        yield plc
    finally:
        await plc.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plc() -> AsyncIterator[Plc]:
    async with running() as one:
        yield one


def source(plc: Plc, **fields: Any) -> OpcUaSource:
    return OpcUaSource(opcua(endpoint=plc.endpoint, **fields))


async def engaged(plc: Plc, **fields: Any) -> tuple[bool, str]:
    reading = await source(plc, **fields).read()
    verdict = judge(opcua(**fields), reading, datetime.now(UTC))
    return verdict.engaged, verdict.reason


async def test_an_idle_press_is_free_and_a_moving_one_is_not(plc: Plc) -> None:
    plc.say(0)
    is_engaged, why = await engaged(plc)
    assert not is_engaged
    assert why.startswith("ns=2;s=Press3.State = 0, 0.")
    plc.say(4)
    assert (await engaged(plc))[0]


async def test_what_nobody_measured_for_long_is_stale_by_the_chosen_clock(plc: Plc) -> None:
    plc.say(0, datetime.now(UTC) - timedelta(hours=3))
    is_engaged, why = await engaged(plc)
    assert is_engaged
    assert "3 h old and so stale" in why
    assert not (await engaged(plc, timestamp="server"))[0]


async def test_a_time_ahead_is_engaged(plc: Plc) -> None:
    plc.say(0, datetime.now(UTC) + timedelta(minutes=5))
    assert "in the future" in (await engaged(plc))[1]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (False, ua.VariantType.Boolean),
        ("0", ua.VariantType.String),
        (float("nan"), ua.VariantType.Double),
        ([0], ua.VariantType.Int64),
        (b"0", ua.VariantType.ByteString),
        (ua.LocalizedText("0"), ua.VariantType.LocalizedText),
    ],
)
async def test_a_value_of_another_type_is_engaged(
    plc: Plc, value: Any, kind: ua.VariantType
) -> None:
    plc.say(value, kind=kind)
    assert (await engaged(plc))[0]


@pytest.mark.parametrize(
    "status",
    [
        ua.StatusCodes.BadSensorFailure,
        ua.StatusCodes.UncertainLastUsableValue,
        ua.StatusCodes.BadWaitingForInitialData,
        ua.StatusCodes.GoodLocalOverride,  # somebody forced it
    ],
)
async def test_a_value_whose_quality_is_not_simply_good_is_no_reading(
    plc: Plc, status: int
) -> None:
    plc.say(0, status=status)
    with pytest.raises(FirebreakError, match=ua.StatusCode(ua.UInt32(status)).name):
        await source(plc).read()


async def test_a_variable_that_is_not_there_is_no_reading(plc: Plc) -> None:
    with pytest.raises(Rejected, match="BadNodeIdUnknown"):
        await source(plc, node="ns=2;s=Press4.State").read()


async def test_nobody_listening_is_no_reading() -> None:
    with pytest.raises(Unreachable):
        await source(Plc()).read()


async def test_nothing_stays_open_after_reads_good_and_bad(plc: Plc) -> None:
    plc.say(0)
    for node in (NODE, "ns=2;s=nothing", NODE):
        with contextlib.suppress(Rejected):
            await source(plc, node=node).read()
    for _ in range(100):
        if plc.lines == 0:
            break
        await asyncio.sleep(0.01)
    assert plc.lines == 0
    assert [t for t in asyncio.all_tasks() if "renew" in repr(t) or "supervisor" in repr(t)] == []


@contextlib.asynccontextmanager
async def stranger(answer: bytes | None) -> AsyncIterator[tuple[str, list[asyncio.StreamWriter]]]:
    """Takes connections and answers with these bytes, or with nothing for ever."""
    lines: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append(writer)
        await reader.read(1)
        if answer is not None:
            writer.write(answer)
        with contextlib.suppress(ConnectionError):
            while await reader.read(4096):
                pass
        writer.close()

    async with listening(serve) as port:
        yield f"opc.tcp://127.0.0.1:{port}", lines


async def test_a_server_that_says_nothing_is_left_in_time_and_its_line_closed() -> None:
    async with stranger(None) as (endpoint, lines):
        silent = OpcUaSource(opcua(endpoint=endpoint, timeout_s=0.2))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await silent.read()
        with pytest.raises(TimeoutError):
            await silent.read()
        for line in lines:
            async with asyncio.timeout(2):
                await line.wait_closed()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"ACKF\x08\x00\x00\x00",
        b"ERRF\x10\x00\x00\x00\x00\x00\x01\x80\xff\xff\xff\xff",
        b"ACKF\xff\xff\xff\xff" + b"\x00" * 1000,
        b"\x00" * 4096,
    ],
    ids=["http", "short", "error", "endless", "zeros"],
)
async def test_what_is_no_opc_ua_is_no_reading(answer: bytes) -> None:
    async with stranger(answer) as (endpoint, _):
        with pytest.raises((FirebreakError, TimeoutError)):
            await OpcUaSource(opcua(endpoint=endpoint, timeout_s=0.3)).read()


def identity(folder: Path, name: str) -> None:
    key = generate_private_key()
    (folder / f"{name}.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (folder / f"{name}.pem").chmod(0o600)
    certificate = generate_self_signed_app_certificate(
        key,
        name,
        {"organizationName": "Plant"},
        [x509.UniformResourceIdentifier(f"urn:example.org:{name}"), x509.DNSName("localhost")],
        extended=[ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH],
    )
    (folder / f"{name}.der").write_bytes(certificate.public_bytes(serialization.Encoding.DER))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("opcua")
    for name in ("server", "firebreak", "impostor"):
        identity(made, name)
    return made


def secured(folder: Path, plc: Plc, server: str = "server", **fields: Any) -> OpcUaSource:
    security = {
        "certificate": str(folder / "firebreak.der"),
        "key_file": str(folder / "firebreak.pem"),
        "server_certificate": str(folder / f"{server}.der"),
    }
    login = {"username": "firebreak", "password": "env:OPCUA_PASSWORD", **fields}
    return source(plc, security=security, **login)


async def test_over_a_secure_channel_the_password_and_the_value_are_taken(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPCUA_PASSWORD", PASSWORD)
    async with running(folder, OnlyFirebreak()) as plc:
        plc.say(0)
        reading = await secured(folder, plc).read()
        assert isinstance(reading, Reading)
        assert reading.value == 0
        monkeypatch.setenv("OPCUA_PASSWORD", "wrong-secret")
        with pytest.raises(AuthFailed) as caught:
            await secured(folder, plc).read()
        assert "wrong-secret" not in str(caught.value)


async def test_a_server_without_the_trusted_certificate_is_not_believed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPCUA_PASSWORD", PASSWORD)
    async with running(folder, OnlyFirebreak()) as plc:
        plc.say(0)
        with pytest.raises((FirebreakError, TimeoutError)):
            await secured(folder, plc, server="impostor", timeout_s=1).read()


async def test_a_key_that_others_can_read_is_not_used(folder: Path, tmp_path: Path) -> None:
    loose = tmp_path / "key.pem"
    loose.write_bytes((folder / "firebreak.pem").read_bytes())
    loose.chmod(0o644)
    entry = opcua(
        security={
            "certificate": str(folder / "firebreak.der"),
            "key_file": str(loose),
            "server_certificate": str(folder / "server.der"),
        }
    )
    with pytest.raises(AuthFailed, match="open to others"):
        await OpcUaSource(entry).read()
