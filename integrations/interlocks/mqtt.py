"""A topic of an MQTT broker: connect, wait for one message, leave.

paho-mqtt is driven in a thread of the source's own, one step at a time, so that one deadline bounds
name lookup, TLS and everything after, and nothing stays behind.
"""

import asyncio
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from firebreak.domain.interlock import MqttInterlock
from firebreak.domain.reading import Reading
from firebreak.errors import AuthFailed, DefinitionError, Rejected, Unreachable
from integrations.interlocks.json_value import find, moment, parse
from integrations.secrets import check_private, resolve

_MOST_BYTES = 64 * 1024
_STEP_S = 0.5
_REFUSED_LOGIN = frozenset(
    {"Bad user name or password", "Not authorized", "Bad authentication method"}
)


@dataclass(frozen=True)
class _Message:
    payload: bytes
    came_at: datetime


class MqttSource:
    """Reads one interlock of kind ``mqtt``.

    Raises:
        DefinitionError: ``ca_file`` or ``certificate`` cannot be read.
    """

    def __init__(self, interlock: MqttInterlock) -> None:
        self._interlock = interlock
        self._broker = f"broker {interlock.host}:{interlock.port}"
        self._tls = _tls(interlock) if interlock.tls else None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"interlock-{interlock.id}")

    async def read(self) -> Reading:
        """See StateSource."""
        deadline = time.monotonic() + self._interlock.timeout_s
        password = resolve(self._interlock.password) if self._interlock.password else None
        loop = asyncio.get_running_loop()
        message = await loop.run_in_executor(self._thread, self._wait, password, deadline)
        return self._reading(message)

    async def close(self) -> None:
        """See StateSource. A look under way ends by its own deadline."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _reading(self, message: _Message) -> Reading:
        what = self._interlock
        where = f"{what.topic} {what.value}".strip()
        if len(message.payload) > _MOST_BYTES:
            raise Rejected(f"{what.topic} carries more than {_MOST_BYTES} bytes")
        if what.payload == "text":
            try:
                return Reading(message.payload.decode(), message.came_at, where)
            except UnicodeDecodeError:
                raise Rejected(f"{what.topic} carries no text") from None
        document = parse(message.payload, what.topic)
        at = message.came_at
        value = find(document, what.value, what.topic)
        if what.timestamp is None:
            return Reading(value, at, where)
        stamp = find(document, what.timestamp, what.topic)
        return Reading(value, moment(stamp, what.timestamp_unit), where)

    def _wait(self, password: str | None, deadline: float) -> _Message:
        look = _Look(self._interlock, self._broker)
        client = self._client(password, deadline)
        client.on_connect = look.on_connect
        client.on_subscribe = look.on_subscribe
        client.on_message = look.on_message
        try:
            self._connect(client)
            while look.found is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Unreachable(f"{self._broker} {look.stage}")
                code = client.loop(min(left, _STEP_S))
                if look.problem is not None:
                    raise look.problem
                if code is not MQTTErrorCode.MQTT_ERR_SUCCESS and look.found is None:
                    raise Unreachable(f"{self._broker} closed the connection")
            return look.found
        finally:
            _leave(client)

    def _client(self, password: str | None, deadline: float) -> paho.Client:
        what = self._interlock
        five = what.version == "5"
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=what.client_id,
            clean_session=None if five else True,
            protocol=paho.MQTTv5 if five else paho.MQTTv311,
        )
        client.connect_timeout = max(deadline - time.monotonic(), 0.1)
        if what.username is not None:
            client.username_pw_set(what.username, password)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        return client

    def _connect(self, client: paho.Client) -> None:
        what = self._interlock
        limits = None
        if what.version == "5":
            limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
            limits.MaximumPacketSize = _MOST_BYTES
        try:
            client.connect(what.host, what.port, properties=limits)
        except ssl.SSLCertVerificationError as error:
            raise AuthFailed(
                f"the certificate of {self._broker} is not trusted: {error.verify_message}"
            ) from error
        except OSError as error:
            raise Unreachable(f"{self._broker} cannot be reached: {error.strerror}") from error


class _Look:
    """What happened on one connection. Its methods are paho's callbacks; they never raise."""

    def __init__(self, interlock: MqttInterlock, broker: str) -> None:
        self._topic = interlock.topic
        self._live_only = interlock.timestamp is None
        self._broker = broker
        self.stage = "does not answer"
        self.problem: AuthFailed | Rejected | None = None
        self.found: _Message | None = None

    def on_connect(
        self, client: paho.Client, _: object, __: object, code: ReasonCode, ___: object
    ) -> None:
        if code.is_failure:
            kind = AuthFailed if code.getName() in _REFUSED_LOGIN else Rejected
            self.problem = kind(f"{self._broker} refused the connection: {code.getName()}")
            return
        client.subscribe(self._topic)
        self.stage = "does not answer the subscription"

    def on_subscribe(
        self, _: paho.Client, __: object, ___: int, codes: list[ReasonCode], ____: object
    ) -> None:
        if not codes or any(code.is_failure for code in codes):
            self.problem = AuthFailed(f"{self._broker} does not let us read {self._topic}")
        said = "published nothing on" if self._live_only else "holds no message on"
        self.stage = f"{said} {self._topic} in time"

    def on_message(self, _: paho.Client, __: object, message: paho.MQTTMessage) -> None:
        if message.topic != self._topic or self.found is not None:
            return
        if message.retain and self._live_only:
            self.stage = f"has only a retained message of unknown age on {self._topic}"
            return
        self.found = _Message(bytes(message.payload), datetime.now(UTC))


class _Line(ssl.SSLSocket):
    """paho forgets a line whose handshake failed; this one closes itself."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def _leave(client: paho.Client) -> None:
    """Say goodbye when that is possible at once, and close the line in any case."""
    client.on_connect = client.on_subscribe = client.on_message = None
    client.disconnect()
    line = client.socket()
    if line is not None:
        line.close()


def _tls(interlock: MqttInterlock) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=interlock.ca_file)
        context.sslsocket_class = _Line
        if interlock.certificate is not None and interlock.key_file is not None:
            check_private(Path(interlock.key_file))
            context.load_cert_chain(interlock.certificate, interlock.key_file)
    except (OSError, AuthFailed) as error:  # ssl.SSLError is an OSError
        raise DefinitionError(
            f"interlock {interlock.id}: TLS files cannot be used: {error}"
        ) from error
    return context
