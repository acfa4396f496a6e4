"""Mail, to fixed addresses and to the people who are asked. The mails of an incident are a thread.

A mail cannot be looked up once it is sent. If the process dies between the server's yes and the
note of it, it is said again: with the same Message-ID, unless more news came in between.
"""

import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from ipaddress import ip_address
from typing import Annotated, Literal, Self

import aiosmtplib
import structlog
from pydantic import Field, StringConstraints, model_validator

from firebreak.contracts.channels import ChannelTools
from firebreak.contracts.people import Channel, Keep, Story
from firebreak.domain.base import JsonObject, Model, SecretRef
from firebreak.errors import AuthFailed, DefinitionError, FirebreakError, Rejected, Unreachable
from integrations.network.rest_answers import plain

MOST_SUBJECT = 200
_PORTS = {"starttls": 587, "implicit": 465, "none": 25}
_PERMANENT = 500  # replies from here on say that trying again will not help (RFC 5321, 4.2.1)

_log = structlog.get_logger(__name__)

Address = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9.-]{1,190}$")
]


class SmtpConfig(Model):
    """``to``: who gets every mail. ``asked``: also the people that a request names, by their mail.

    ``tls``: ``starttls`` (port 587), ``implicit`` (465), or ``none`` on loopback only.
    """

    host: str = Field(min_length=1, max_length=253)
    port: int | None = Field(default=None, ge=1, le=65535)
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    ca_file: str | None = None
    username: str | None = Field(default=None, min_length=1)
    password: SecretRef | None = None
    sender: Address = Field(alias="from")
    to: tuple[Address, ...] = ()
    asked: bool = False
    timeout_s: float = Field(default=15, gt=0, le=60)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.to and not self.asked:
            raise ValueError("to: name an address, or say `asked: true`")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if self.tls == "none" and not _is_loopback(self.host):
            raise ValueError("tls: none is for a mail server on this machine only")
        return self


class Smtp:
    """One mail for each time there is news."""

    def __init__(self, name: str, config: SmtpConfig, tools: ChannelTools) -> None:
        """Raises DefinitionError when ``ca_file`` holds no certificate."""
        self._name = name
        self._config = config
        self._tools = tools
        try:
            self._trust = ssl.create_default_context(cafile=config.ca_file)
        except OSError as error:
            raise DefinitionError(f"no CA certificate in {config.ca_file}") from error

    async def tell(self, story: Story, known: JsonObject, keep: Keep) -> JsonObject:
        """See Channel. Known: ``thread``, the Message-ID of the first mail, and ``sent``."""
        del keep  # one mail a call: there is nothing in between
        recipients = sorted(set(self._recipients(story)))
        if not story.news or not recipients:
            return known
        thread, last = known.get("thread"), story.news[-1].entry.seq
        name = f"{story.chain}.{last}"
        message_id = f"<{name}@{self._config.sender.partition('@')[2]}>"
        mail = self._mail(story, recipients, message_id, thread if isinstance(thread, str) else "")
        await self._send(mail, recipients)
        return {"thread": thread or message_id, "sent": last}

    def _recipients(self, story: Story) -> Iterator[str]:
        yield from self._config.to
        if not self._config.asked or self._tools.directory is None:
            return
        spoken_of = {_approval(each.entry.body) for each in story.news}
        for approval in story.approvals:
            if approval.id in spoken_of:
                for who in approval.asked:
                    person = self._tools.directory.person(who)
                    yield from (person.emails[:1] if person else ())

    def _mail(
        self, story: Story, recipients: list[str], message_id: str, thread: str
    ) -> EmailMessage:
        facts = self._tools.facts(story)
        subject = plain_subject(self._tools.render("smtp/subject.j2", facts))
        mail = EmailMessage(policy=SMTP)
        try:
            mail["Subject"] = subject
            mail["From"] = self._config.sender
            mail["To"] = ", ".join(recipients)
        except (ValueError, IndexError) as error:  # the header registry's own refusals
            raise Rejected("an address cannot stand in a mail") from error
        mail["Date"] = format_datetime(story.news[-1].entry.at)
        mail["Message-ID"] = message_id
        if thread:
            mail["In-Reply-To"] = mail["References"] = thread
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies to this
        mail.set_content(self._tools.render("smtp/body.j2", facts))
        return mail

    async def _send(self, mail: EmailMessage, recipients: list[str]) -> None:
        config = self._config
        password = self._tools.secret(config.password) if config.password else None
        try:
            refused, _ = await aiosmtplib.send(
                mail,
                sender=config.sender,
                recipients=recipients,
                hostname=config.host,
                port=config.port or _PORTS[config.tls],
                username=config.username,
                password=password,
                timeout=config.timeout_s,
                use_tls=config.tls == "implicit",
                start_tls=config.tls == "starttls",
                tls_context=None if config.tls == "none" else self._trust,
            )
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise self._translated(error) from error
        if refused:
            # The others have it: a repeat would send it to them twice.
            _log.error("a mail server refused addresses", channel=self._name, count=len(refused))

    def _translated(self, error: Exception) -> FirebreakError:
        system = f"the mail server {self._config.host}"
        for cause in (error, error.__cause__, error.__context__):
            if isinstance(cause, ssl.SSLCertVerificationError):
                return AuthFailed(f"the certificate of {system} is not trusted")
        if isinstance(error, aiosmtplib.SMTPAuthenticationError):
            return AuthFailed(f"{system} does not accept the credential")
        if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
            codes = {each.code for each in error.recipients}
            return _refusal(system, max(codes, default=0), "every address was refused")
        if isinstance(error, aiosmtplib.SMTPResponseException):
            return _refusal(system, error.code, plain(error.message))
        return Unreachable(f"{system} did not answer ({type(error).__name__})")

    async def close(self) -> None:
        """See Channel. Each mail has a connection of its own."""


def build(name: str, config: JsonObject, tools: ChannelTools) -> Channel:
    """The channel of kind ``smtp``. Raises ValidationError, DefinitionError."""
    return Smtp(name, SmtpConfig.model_validate(config), tools)


def plain_subject(text: str) -> str:
    """A template's subject as one header: whatever the template does, there is one line of it."""
    return plain(text)[:MOST_SUBJECT]


def _refusal(system: str, code: int, why: str) -> FirebreakError:
    said = f"{system} answered {code}: {why}"
    return Rejected(said) if code >= _PERMANENT else Unreachable(said)


def _approval(body: JsonObject) -> str:
    found = body.get("approval")
    named = found.get("id") if isinstance(found, dict) else found
    return named if isinstance(named, str) else ""


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
