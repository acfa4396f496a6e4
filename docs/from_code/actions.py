"""docs/reference/actions.md: what a step can do, and the adapters that do it."""

from typing import get_args

from docs.from_code.markdown import code, codes, first_paragraph, page, section, table
from firebreak.domain.estate import CliAccess, Platform, Sentinel, Switch
from firebreak.playbook.catalogue import SHIPPED, Action
from integrations.inventory.yaml_file import YamlInventory
from integrations.network.cli.platforms import platform_of
from integrations.probe.sentinel import SentinelProbe
from integrations.siem.suricata import SuricataParser
from tests.conformance.adapters import ADAPTERS
from tests.conformance.bench import Tested

_INTRO = """\
An action is what a `do` step names. A **control** changes a device's standing and is put back at
the end of its hold; an **effect** does something else; an **observation** only looks.

The release of a hold is no action of the catalogue: it is the `release` step. Policy knows it by
the first word of the action that is undone: `network.quarantine` ends as `network.release`."""

_ADAPTERS = """\
Every adapter meets one conformance suite (`tests/conformance`); this table is made from its list.
What it was held against says how much that is worth:

- **real peer**: the real server or switch, in the tests of this repository;
- **emulator**: our own, made from captured or documented output; never the vendor's device;
- **documented shape**: our own server, written from the vendor's API documentation: documented,
  not run.

A case that cannot be on a road is left out for that adapter, with the reason below the table."""

_RUNGS = """\
The gentlest first. A playbook without a `ladder` climbs them in this order, as far as they lead to
the device; a port is not cut off altogether (`link`) where the device protects people or keeps them
alive, unless the playbook's own ladder says so."""

_NO_KEY = "ssh-ed25519 " + "A" * 68


def render() -> str:
    """The page. Raises ValueError when an action's input is not explained."""
    actions = [_action(action) for action in SHIPPED.actions.values()]
    return page(
        "Actions and adapters",
        "firebreak/playbook/catalogue.py and integrations/",
        _INTRO,
        *actions,
        section("Rungs of `network.quarantine`", _RUNGS, _rungs()),
        section("Adapters", _ADAPTERS, _adapters(), _exemptions(), _platforms(), _others()),
    )


def _action(action: Action) -> str:
    facts = [
        ("kind", action.kind.value),
        ("risk", action.risk),
        ("rungs, the gentlest first", codes(action.ladder)),
        ("way back", ("yes" if action.reversible else "none") if action.rungs else ""),
        ("results", ", ".join(f"`{name}` ({kind})" for name, kind in action.results.items())),
    ]
    rows = [_input(action, name) for name in action.inputs]
    listed = table(("input", "type", "", "what it is"), rows) if rows else ""
    shown = table(("", ""), [(name, value) for name, value in facts if value])
    return section(code(action.name), f"{action.summary}.", shown, listed)


def _input(action: Action, name: str) -> tuple[str, str, str, str]:
    param = action.inputs[name]
    if not param.summary:
        raise ValueError(f"input {name} of {action.name} is not explained")
    return code(name), param.type, "required" if param.required else "", param.summary


def _rungs() -> str:
    rows = [
        (code(rung.name), rung.footprint.value, rung.summary)
        for rung in SHIPPED["network.quarantine"].rungs
    ]
    return table(("rung", "touches", "what it does"), rows)


def _adapters() -> str:
    rows: dict[tuple[str, str], dict[Tested, None]] = {}
    for adapter in ADAPTERS:
        rows.setdefault((adapter.adapter, adapter.rung), {})[adapter.how] = None
    listed = [
        (adapter, code(rung), ", ".join(how.value for how in hows))
        for (adapter, rung), hows in rows.items()
    ]
    return table(("adapter", "rung", "held against"), listed)


def _exemptions() -> str:
    rows: dict[tuple[str, str, str], None] = {}
    for adapter in ADAPTERS:
        for case, why in adapter.exempt.items():
            rows[adapter.name, case.value, why] = None
    return section("Cases left out", table(("adapter", "case", "why"), rows), level=3)


def _platforms() -> str:
    rows = []
    for name in get_args(Platform):
        platform = platform_of(_switch(name))
        timer = "commit confirmed" if platform.native_timer else ""
        rows.append((code(name), first_paragraph(type(platform).__doc__), timer))
    shown = table(("`platform`", "adapter", "native timer"), rows)
    return section("Switch platforms", shown, level=3)


def _switch(platform: Platform) -> Switch:
    return Switch(
        id="sw",
        site="site",
        cli=CliAccess(
            host="127.0.0.1",
            platform=platform,
            username="firebreak",
            password="env:PASSWORD",  # noqa: S106 - a reference
            host_key=_NO_KEY,
        ),
    )


def _others() -> str:
    methods = get_args(Sentinel.model_fields["method"].annotation)
    rows = [
        ("probe", f"sentinel: {codes(methods)}", first_paragraph(SentinelProbe.__doc__)),
        ("alerts", code("suricata"), first_paragraph(SuricataParser.__doc__)),
        ("inventory", "YAML file", first_paragraph(YamlInventory.__doc__)),
    ]
    return section("Others", table(("contract", "adapter", "what it does"), rows), level=3)
