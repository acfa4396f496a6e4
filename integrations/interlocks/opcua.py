"""A variable of an OPC UA server, read once over a session of its own.

Sources: OPC UA Part 4 (7.11 DataValue, 5.10.2 Read), Part 8 (A.4.3 status codes). asyncua's
one-step ``connect`` starts tasks and leaves its socket open when it is cancelled; so every step is
taken here, and the socket is closed here.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path

from asyncua import Client, ua
from asyncua.crypto import security_policies, uacrypto
from asyncua.ua.uaerrors import UaStatusCodeError
from cryptography import x509

from firebreak.domain.interlock import OpcUaInterlock, OpcUaSecurity
from firebreak.domain.reading import Reading
from firebreak.errors import AuthFailed, FirebreakError, Rejected, Unreachable
from integrations.secrets import check_private, resolve

_GOODBYE_S = 1.0
_SESSION_MS = 30_000  # the server drops what we could not close
_CODE = 0xFFFF0000  # of a status; the rest is detail
_DISTRUST = frozenset(
    {
        ua.StatusCodes.BadCertificateInvalid,
        ua.StatusCodes.BadCertificateUntrusted,
        ua.StatusCodes.BadIdentityTokenInvalid,
        ua.StatusCodes.BadIdentityTokenRejected,
        ua.StatusCodes.BadSecurityChecksFailed,
        ua.StatusCodes.BadSecurityPolicyRejected,
        ua.StatusCodes.BadUserAccessDenied,
    }
)

# It logs, as errors, what a server sent; what matters of that comes up as an exception.
logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)


class OpcUaSource:
    """Reads one interlock of kind ``opcua``.

    Raises:
        DefinitionError: the node id is none.
    """

    def __init__(self, interlock: OpcUaInterlock) -> None:
        self._interlock = interlock
        self._server = f"OPC UA server {interlock.endpoint}"

    async def read(self) -> Reading:
        """See StateSource."""
        try:
            async with self._session() as client:
                return self._reading(await _value_of(client, self._interlock.node))
        except (FirebreakError, TimeoutError):
            raise
        except UaStatusCodeError as error:
            if error.code in _DISTRUST:
                raise AuthFailed(f"{self._server} refused: {_name(error.code)}") from error
            raise Rejected(f"{self._server} refused: {_name(error.code)}") from error
        except OSError as error:
            raise Unreachable(f"{self._server} cannot be reached") from error
        except Exception as error:  # what a malformed answer leads asyncua to
            raise Rejected(
                f"{self._server} cannot be understood or proved: {type(error).__name__}"
            ) from error

    async def close(self) -> None:
        """See StateSource. No session outlives its read."""

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[Client]:
        what = self._interlock
        client = Client(what.endpoint, timeout=what.timeout_s)
        client.session_timeout = client.secure_channel_timeout = _SESSION_MS
        client.name = client.description = "Firebreak"
        password = resolve(what.password) if what.password is not None else None
        if what.security is not None:
            await _secure(client, what.security)
        try:
            await client.connect_socket()
            await client.send_hello()
            await client.open_secure_channel()
            await client.create_session()
            await client.activate_session(what.username, password)
            yield client
            await _goodbye(client)
        finally:
            _hang_up(client)

    def _reading(self, value: ua.DataValue) -> Reading:
        status = value.StatusCode.value if value.StatusCode is not None else 0
        if status & _CODE:  # uncertain and bad ones, and good ones that somebody forced
            raise Rejected(f"{self._interlock.node} has status {_name(status)}")
        stamp = (
            value.SourceTimestamp
            if self._interlock.timestamp == "source"
            else value.ServerTimestamp
        )
        inner = value.Value.Value if value.Value is not None else None
        return Reading(inner, stamp, self._interlock.node)


async def _value_of(client: Client, node: str) -> ua.DataValue:
    """The value, which the server must fetch anew (maxAge 0), with both timestamps."""
    wanted = ua.ReadValueId()
    wanted.NodeId = ua.NodeId.from_string(node)
    wanted.AttributeId = ua.AttributeIds.Value
    ask = ua.ReadParameters()
    ask.MaxAge = 0
    ask.TimestampsToReturn = ua.TimestampsToReturn.Both
    ask.NodesToRead = [wanted]
    answers = await client.uaclient.read(ask)
    if len(answers) != 1:
        raise Rejected(f"{len(answers)} answers came to one question")
    return answers[0]


async def _secure(client: Client, security: OpcUaSecurity) -> None:
    """Prepare a channel on which the server must prove that it holds the trusted certificate."""
    check_private(Path(security.key_file))
    own = await uacrypto.load_certificate(Path(security.certificate))
    client.application_uri = _application_uri(own)
    await client.set_security(
        getattr(security_policies, f"SecurityPolicy{security.policy}"),
        security.certificate,
        security.key_file,
        server_certificate=security.server_certificate,
        mode=ua.MessageSecurityMode[security.mode],
    )


def _application_uri(certificate: x509.Certificate) -> str:
    """Servers compare the application URI of a session with the one in the certificate."""
    with contextlib.suppress(x509.ExtensionNotFound):
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        if found := names.get_values_for_type(x509.UniformResourceIdentifier):
            return found[0]
    raise AuthFailed("our OPC UA certificate names no application URI")


async def _goodbye(client: Client) -> None:
    """Give the session back to a server that may have few; it ends by itself otherwise."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(_GOODBYE_S):
            await client.uaclient.close_session(delete_subscriptions=True)
            await client.uaclient.close_secure_channel()


def _hang_up(client: Client) -> None:
    line = client.uaclient.protocol
    if line is not None and line.transport is not None:
        line.transport.abort()  # close() would wait for a peer that reads nothing
    client.disconnect_socket()


def _name(code: int) -> str:
    return str(ua.StatusCode(ua.UInt32(code)).name)
