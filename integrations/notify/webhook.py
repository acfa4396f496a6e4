"""A signed HTTP request for each piece of news, to whatever takes one.

docs/how-to/channels.md says what a receiver gets and what it has to check.
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from typing import cast

import httpx

from firebreak.contracts.channels import ChannelTools
from firebreak.contracts.people import Channel, Keep, Story
from firebreak.domain.base import JsonObject, SecretRef
from firebreak.domain.estate import HttpApi
from firebreak.errors import OutcomeUnknown, Unreachable
from integrations.network.rest import Rest, Window

SIGNATURE = "X-Firebreak-Signature"


class WebhookConfig(HttpApi):
    """``secret``: the reference to the key of the signatures."""

    secret: SecretRef


class _Signed(httpx.Auth):
    """Signs each request when it is made: ``t=<unix seconds>,v1=<hex>``.

    The digest is HMAC-SHA256 over ``<t>.<raw body>``, as Firebreak's own intake asks for.
    """

    requires_request_body = True

    def __init__(self, secret: Callable[[], str]) -> None:
        self._secret = secret

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Raises AuthFailed when there is no such secret."""
        at = str(int(time.time()))
        key = self._secret().encode()
        digest = hmac.new(key, f"{at}.".encode() + request.content, hashlib.sha256).hexdigest()
        request.headers[SIGNATURE] = f"t={at},v1={digest}"
        yield request


class Webhook:
    """Posts one JSON document an entry, in order. Repeats one with the same ``Idempotency-Key``."""

    def __init__(self, name: str, config: WebhookConfig, tools: ChannelTools) -> None:
        """Raises DefinitionError when ``ca_file`` holds no certificate."""
        self._tools = tools
        self._timeout_s = config.timeout_s
        auth = _Signed(lambda: tools.secret(config.secret))
        self._rest = Rest(f"the webhook {name}", config, auth)

    async def tell(self, story: Story, known: JsonObject, keep: Keep) -> JsonObject:
        """See Channel. Known: ``sent``, the last entry that was taken."""
        sent = known.get("sent", -1)
        last = sent if isinstance(sent, int) else -1
        for document in self._documents(story):
            seq = document["seq"]
            if not isinstance(seq, int) or seq <= last:
                continue
            await self._post(document)
            last = seq
            await keep({"sent": last})
        return {"sent": last}

    def _documents(self, story: Story) -> list[JsonObject]:
        documents: list[JsonObject] = []
        # Each with the facts of its own: of many pieces of news templates would get the newest.
        for news in story.news:
            facts = self._tools.facts(Story(**{**vars(story), "news": (news,)}))
            (said,) = cast("list[JsonObject]", facts["news"])
            documents.append(
                {
                    **said,
                    "id": f"{story.chain}/{news.entry.seq}",
                    "chain": story.chain,
                    "at": news.entry.at.astimezone(UTC).isoformat(),
                    "hash": news.entry.hash,
                    "incident": facts["incident"],
                    "approvals": facts["approvals"],
                    "link": facts["link"],
                }
            )
        return documents

    async def _post(self, document: JsonObject) -> None:
        send_by = datetime.now(UTC) + timedelta(seconds=self._timeout_s)
        headers = {"Idempotency-Key": str(document["id"])}
        try:
            await self._rest.write(
                "POST", "", Window.of(self._timeout_s, send_by), headers=headers, json=document
            )
        except OutcomeUnknown as error:
            # The receiver knows a repeat by its key.
            raise Unreachable(str(error)) from error

    async def close(self) -> None:
        """See Channel."""
        await self._rest.close()


def build(name: str, config: JsonObject, tools: ChannelTools) -> Channel:
    """The channel of kind ``webhook``. Raises ValidationError, DefinitionError."""
    return Webhook(name, WebhookConfig.model_validate(config), tools)
