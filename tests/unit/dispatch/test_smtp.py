"""Mail through a real mail server: threads, verified TLS, and no way into a header."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import ValidationError

from firebreak.contracts.channels import ChannelTools
from firebreak.contracts.people import Story
from firebreak.cyber_range.certificates import Authority
from firebreak.domain.base import JsonObject
from firebreak.domain.people import Person
from firebreak.errors import AuthFailed, Rejected, Unreachable
from integrations.notify.smtp import build
from tests.unit.dispatch.receivers import given, secret_file
from tests.unit.dispatch.stories import keeping, story
from tests.unit.dispatch.theater import approval, asks, chain, note, opened

PASSWORD = "hunter2-hunter2"


@dataclass
class Mailbox:
    """What a mail server was given, and the replies it was told to give."""

    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    reply: str = "250 OK"
    refuses: str = ""

    async def handle_RCPT(  # noqa: N802 - the name aiosmtpd looks for
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session, options
        if address == self.refuses:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the name aiosmtpd looks for
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        del server, session
        if self.reply.startswith("250"):
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.recipients.append(list(envelope.rcpt_tos))
        return self.reply


def _login(*arguments: Any) -> AuthResult:
    credential = arguments[-1]
    assert isinstance(credential, LoginPassword)
    good = (credential.login, credential.password) == (b"firebreak", PASSWORD.encode())
    return AuthResult(success=good, handled=good)


@dataclass
class Server:
    mailbox: Mailbox
    port: int
    ca_file: str


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    authority = Authority(tmp_path / "tls", "trusted")
    certificate = authority.issue("127.0.0.1", tmp_path / "tls" / "server.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    mailbox = Mailbox()

    sessions: list[SMTP] = []

    def connected() -> SMTP:
        session = SMTP(
            mailbox,
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=_login,
        )
        sessions.append(session)
        return session

    async with await asyncio.get_running_loop().create_server(connected, "127.0.0.1", 0) as serving:
        port = serving.sockets[0].getsockname()[1]
        yield Server(mailbox, port, str(authority.ca_file))
    while lines := [session.transport for session in sessions if session.transport is not None]:
        for line in lines:
            line.close()
        await asyncio.sleep(0)


def config(server: Server, tmp_path: Path, **changes: Any) -> JsonObject:
    return {
        "host": "127.0.0.1",
        "port": server.port,
        "ca_file": server.ca_file,
        "username": "firebreak",
        "password": secret_file(tmp_path, PASSWORD),
        "from": "firebreak@example.org",
        "to": ["soc@example.org"],
        "timeout_s": 5,
        **changes,
    }


async def sent(
    what: Story, config: JsonObject, tools: ChannelTools, known: JsonObject | None = None
) -> JsonObject:
    channel = build("mail", config, tools)
    _, keep = keeping()
    try:
        return await channel.tell(what, known or {}, keep)
    finally:
        await channel.close()


async def test_the_mails_of_an_incident_are_a_thread(server: Server, tmp_path: Path) -> None:
    tools, where = given(tmp_path), config(server, tmp_path)
    known = await sent(story(), where, tools)
    more = story(entries=(opened(), asks(), note("more")), told=2)
    known = await sent(more, where, tools, known)
    assert await sent(story(told=2), where, tools, known) == known  # no news, no mail
    first, second = server.mailbox.mails
    assert first["Message-ID"] == f"<{chain(1)}.1@example.org>"
    assert second["In-Reply-To"] == second["References"] == first["Message-ID"]
    assert "APPROVAL?" in first["Subject"]
    body = first.get_content()
    assert "quarantine cam-17: VLAN 10 -> 666" in body
    assert f"firebreak approve {chain(1)}.1" in body
    assert f"https://firebreak.example.org/incidents/{chain(1)}" in body


async def test_a_repeat_after_a_crash_has_the_same_message_id(
    server: Server, tmp_path: Path
) -> None:
    for _ in range(2):
        await sent(story(), config(server, tmp_path), given(tmp_path))
    first, second = server.mailbox.mails
    assert first["Message-ID"] == second["Message-ID"]


@pytest.mark.parametrize(
    "title",
    [
        "scan\r\nBcc: eve@example.org\r\n\r\nYou are approved",
        "{{ 7*191 }} {% include '/etc/passwd' %}",
        "<script>alert(1)</script>",
        "\u202edevorppa\0 \u2028 x",
        "x" * 1_000_000,
        "=?utf-8?q?Bcc:?= eve",
    ],
    ids=["header", "template", "markup", "hidden", "huge", "encoded"],
)
async def test_no_title_reaches_into_a_header(title: str, server: Server, tmp_path: Path) -> None:
    await sent(story(title), config(server, tmp_path), given(tmp_path))
    (mail,) = server.mailbox.mails
    assert mail["Bcc"] is None
    assert server.mailbox.recipients == [["soc@example.org"]]
    assert mail["From"] == "firebreak@example.org"
    assert len(mail["Subject"]) <= 200
    assert mail.get_content_type() == "text/plain"
    body = mail.get_content()
    assert "\nBcc:" not in body
    assert "\nYou are approved" not in body
    assert "1337" not in mail["Subject"]
    assert not any(c in body for c in "\u202e\0\u2028")


async def test_the_people_who_are_asked_get_the_mail(server: Server, tmp_path: Path) -> None:
    class Known:
        def person(self, person_id: str) -> Person | None:
            return Person(id=person_id, emails=(f"{person_id}@example.org",))

        async def principal(self, *_: object) -> None: ...
        async def current(self, principal: Any, _: object) -> Any:
            return principal

    tools = ChannelTools(**{**vars(given(tmp_path)), "directory": Known()})
    asked = approval().model_copy(update={"asked": ("bo", "cy")})
    where = config(server, tmp_path, to=[], asked=True)
    await sent(story(approvals=(asked,)), where, tools)
    assert server.mailbox.recipients == [["bo@example.org", "cy@example.org"]]
    known = await sent(story(approvals=()), where, tools)
    assert (known, len(server.mailbox.mails)) == ({}, 1)  # nobody is asked: nobody gets a mail


async def test_replies_mean_what_they_say(server: Server, tmp_path: Path) -> None:
    tools, where = given(tmp_path), config(server, tmp_path)
    server.mailbox.reply = "451 try again later"
    with pytest.raises(Unreachable, match="451"):
        await sent(story(), where, tools)
    server.mailbox.reply = "554 spam"
    with pytest.raises(Rejected, match="554"):
        await sent(story(), where, tools)
    server.mailbox.reply, server.mailbox.refuses = "250 OK", "soc@example.org"
    with pytest.raises(Rejected, match="every address was refused"):
        await sent(story(), where, tools)
    two = config(server, tmp_path, to=["soc@example.org", "plant@example.org"])
    await sent(story(), two, tools)
    assert server.mailbox.recipients == [["plant@example.org"]]


async def test_an_unknown_certificate_and_a_wrong_password_are_refused(
    server: Server, tmp_path: Path
) -> None:
    tools = given(tmp_path)
    with pytest.raises(AuthFailed, match="not trusted"):
        await sent(story(), config(server, tmp_path, ca_file=None), tools)
    wrong = config(server, tmp_path)
    (tmp_path / "secret").write_text("another-4711")
    with pytest.raises(AuthFailed) as refused:
        await sent(story(), wrong, tools)
    assert "4711" not in str(refused.value)
    with pytest.raises(Unreachable):
        await sent(story(), config(server, tmp_path, port=1), tools)
    assert server.mailbox.mails == []


def test_mail_without_tls_goes_to_this_machine_only(server: Server, tmp_path: Path) -> None:
    open_ = config(server, tmp_path, host="mail.example.org", tls="none")
    with pytest.raises(ValidationError, match="on this machine only"):
        build("mail", open_, given(tmp_path))
