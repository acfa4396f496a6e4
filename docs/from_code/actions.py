"""docs/reference/actions.md: what a step can do, and the adapters that do it."""

from typing import get_args

from docs.from_code.markdown import code, codes, first_paragraph, page, section, table
from firebreak.domain.estate import CliAccess, Platform, Sentinel, Switch
from firebreak.playbook.catalogue import SHIPPED, Action
from integrations.inventory.yaml_file import YamlInventory
from integrations.network.cli.platforms import platform_of
from integrations.probe.sentinel import SentinelProbe
from integrations.siem.suricata import SuricataParser

_INTRO = """\
An action is what a `do` step names. A **control** changes a device's standing and is put back at
the end of its hold; an **effect** does something else; an **observation** only looks.

The release of a hold is no action of the catalogue: it is the `release` step. Policy knows it by
the first word of the action that is undone: `network.quarantine` ends as `network.release`."""

_ADAPTERS = """\
Every control meets one conformance suite on every platform (`tests/conformance`). See
[Prepare your switches](../how-to/switches.md) and [Describe the estate](../how-to/inventory.md)."""

_NO_KEY = "ssh-ed25519 " + "A" * 68


def render() -> str:
    """The page. Raises ValueError when an action's input is not explained."""
    actions = [_action(action) for action in SHIPPED.actions.values()]
    return page(
        "Actions and adapters",
        "firebreak/playbook/catalogue.py and integrations/",
        _INTRO,
        *actions,
        section("Adapters", _ADAPTERS, _rungs(), _platforms(), _others()),
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
    shown = table(("rung", "touches", "what it does"), rows)
    return section("Rungs of `network.quarantine`", shown, level=3)


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
