"""The channels file: which places people are told in, and the builder of each kind."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field, ValidationError

from firebreak.contracts.channels import Builder, ChannelTools
from firebreak.contracts.people import Channel, Directory, Roster, Weight
from firebreak.dispatch.dispatcher import Dispatcher
from firebreak.dispatch.hearing import Rules
from firebreak.dispatch.stories import Receipts
from firebreak.domain.base import JsonObject, Model
from firebreak.domain.device import Slug
from firebreak.errors import DefinitionError
from firebreak.ledger.deliveries import SqlDeliveries
from firebreak.ledger.store import SqlLedger
from firebreak.playbook.fields import Duration
from firebreak.settings import Settings
from firebreak.strict_yaml import Document, read
from firebreak.telling.facts import facts
from firebreak.telling.templates import Templates
from integrations import secrets

MAX_BYTES = 1024 * 1024


def _late(module: str, function: str = "build") -> Builder:
    """A builder loaded when it is used: chat and mail take half a second of every start."""

    def build(name: str, given: JsonObject, tools: ChannelTools) -> Channel:
        builder: Builder = getattr(importlib.import_module(module), function)
        return builder(name, given, tools)

    return build


KINDS: Mapping[str, Builder] = {
    "jira-sm": _late("integrations.itsm.kinds", "jira_sm"),
    "pagerduty": _late("integrations.paging.pagerduty_events"),
    "rt": _late("integrations.itsm.kinds", "request_tracker"),
    "servicenow": _late("integrations.itsm.kinds", "servicenow"),
    "slack": _late("integrations.chat.slack.channel"),
    "smtp": _late("integrations.notify.smtp"),
    "webhook": _late("integrations.notify.webhook"),
}

_WEIGHTS = {"asks": Weight.ASK, "progress": Weight.PROGRESS, "all": Weight.DETAIL}

After = Annotated[Duration, Field(ge=1, le=86400)]


class _Common(Model):
    """What every channel may say, whatever its kind."""

    kind: str
    tells: Literal["asks", "progress", "all"] = "progress"
    sites: tuple[Slug, ...] = ()
    instead: Slug | None = None
    instead_after: After = 60
    standby: bool = False


class _File(Model):
    channels: dict[Slug, JsonObject]


@dataclass(frozen=True)
class Channels:
    """The channels of a file, ready to be dispatched to."""

    channels: tuple[tuple[Rules, Channel], ...] = ()

    async def close(self) -> None:
        """Let go of them; a dispatcher that runs does so itself."""
        for _, channel in self.channels:
            await channel.close()


def tools(
    settings: Settings, directory: Directory | None = None, roster: Roster | None = None
) -> ChannelTools:
    """What every kind of channel is given."""
    templates = Templates(settings.template_dirs)

    def link(chain: str) -> str:
        base = settings.public_url.rstrip("/")
        return f"{base}/incidents/{quote(chain, safe='')}" if base else ""

    return ChannelTools(
        render=templates.render,
        facts=lambda story: facts(story, link),
        link=link,
        secret=secrets.resolve,
        directory=directory,
        roster=roster,
    )


def load_channels(
    path: Path, given: ChannelTools, known: Mapping[str, Builder] = KINDS
) -> Channels:
    """Build the channels of a file. Connects to nothing yet.

    Raises:
        DefinitionError: the file is wrong; each problem with file and line.
    """
    document = read(path, max_bytes=MAX_BYTES)
    file = document.validate(_File)
    built = tuple(
        _built(document, name, config, given, known) for name, config in file.channels.items()
    )
    for rules, _ in built:
        _check_instead(document, rules, set(file.channels))
    return Channels(built)


def server_channels(settings: Settings, directory: Directory, roster: Roster) -> Channels:
    """Those of the channels file; none without one. Raises DefinitionError."""
    if settings.channels_file is None:
        return Channels()
    return load_channels(settings.channels_file, tools(settings, directory, roster))


def dispatcher(channels: Channels, ledger: SqlLedger, receipts: Receipts) -> Dispatcher:
    """What tells the channels of a server."""
    return Dispatcher(ledger, SqlDeliveries(ledger.database), channels.channels, receipts)


def _built(
    document: Document,
    name: str,
    config: JsonObject,
    given: ChannelTools,
    known: Mapping[str, Builder],
) -> tuple[Rules, Channel]:
    place = ("channels", name)
    common = document.part(
        place, _Common, {key: config[key] for key in config.keys() & _Common.model_fields}
    )
    if common.kind not in known:
        names = ", ".join(sorted(known))
        raise document.error((*place, "kind"), f"{common.kind!r} is no kind; there are: {names}")
    own: dict[str, Any] = {k: v for k, v in config.items() if k not in _Common.model_fields}
    try:
        channel = known[common.kind](name, own, given)
    except ValidationError as error:
        raise document.problems(error, place) from None
    except DefinitionError as error:
        raise document.error(place, str(error)) from error
    return _rules(name, common), channel


def _rules(name: str, common: _Common) -> Rules:
    return Rules(
        name=name,
        kind=common.kind,
        weight=_WEIGHTS[common.tells],
        sites=frozenset(common.sites),
        standby=common.standby,
        instead=common.instead,
        instead_after_s=float(common.instead_after),
    )


def _check_instead(document: Document, rules: Rules, names: set[str]) -> None:
    other = rules.instead
    if other is None:
        return
    place = ("channels", rules.name, "instead")
    if other == rules.name:
        raise document.error(place, "a channel cannot stand in for itself")
    if other not in names:
        raise document.error(place, f"{other!r} is no channel of this file")
