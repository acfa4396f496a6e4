"""What the channels file says about Slack."""

import re
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, field_validator, model_validator

from firebreak.domain.base import Model, SecretRef

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{6,}")
SLACK = "https://slack.com/api/"


class SlackConfig(Model):
    """One Slack app in one workspace, and the channel it speaks in.

    Socket Mode needs no inbound port and an app-level token (``xapp-``, scope
    ``connections:write``); HTTP mode needs a public address and the app's signing secret.
    """

    model_config = ConfigDict(hide_input_in_errors=True)  # it may be a token in the wrong place

    bot_token: SecretRef
    app_token: SecretRef | None = None
    signing_secret: SecretRef | None = None
    channel: str = Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    mode: Literal["socket", "http"] = "socket"
    alarm: Literal["none", "here", "channel"] = "here"  # whom an alarm of the installation calls
    base_url: str = SLACK
    timeout_s: float = Field(default=10, gt=0, le=60)

    @property
    def channel_id(self) -> str | None:
        """The channel, when it is written as an id and not as a name."""
        return self.channel if _CHANNEL_ID.fullmatch(self.channel) else None

    @field_validator("base_url")
    @classmethod
    def _protected(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise ValueError("base_url begins with https:// except on loopback")
        return url if url.endswith("/") else f"{url}/"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.mode == "socket" and self.app_token is None:
            raise ValueError("mode: socket needs app_token (xapp-..., scope connections:write)")
        if self.mode == "http" and self.signing_secret is None:
            raise ValueError("mode: http needs signing_secret (Basic Information of the app)")
        return self
