"""The `firebreak` command: every command by name, and where it is."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import typer

from firebreak import __version__
from firebreak.cli.lazy import Lazy, LazyGroup

_RUN = "Run Firebreak"
_RESPOND = "Respond"
_LOOK = "Look"
_DEFINE = "Define and configure"


def _in(module: str, panel: str, **commands: str) -> dict[str, Lazy]:
    return {
        name: Lazy(f"firebreak.cli.{module}", "app", text, panel=panel)
        for name, text in commands.items()
    }


def _group(
    name: str, panel: str, text: str, *, app: str = "app", module: str = ""
) -> dict[str, Lazy]:
    path = f"firebreak.cli.{module or name}"
    return {name: Lazy(path, app, text, group=True, panel=panel)}


class Commands(LazyGroup):
    """Every command of Firebreak."""

    lazy: ClassVar[Mapping[str, Lazy]] = {
        **_in("up", _RUN, up="Run everything on this machine until it is interrupted."),
        **_in("processes", _RUN, worker="Run a worker.", server="Run the API server."),
        **_in("demo", _RUN, demo="Show a whole response on a simulated site, in under a minute."),
        **_in(
            "respond",
            _RESPOND,
            run="Start a playbook for a device.",
            isolate="Put a device into quarantine, for a limited time.",
            release="End a hold now: put back what was there, and prove it.",
            extend="Move the expiry of a hold.",
        ),
        **_in(
            "approvals",
            _RESPOND,
            approvals="List what waits for people's decision.",
            approve="Agree to a plan, or to all of an incident, after they have been shown.",
            deny="Refuse a plan, or all of an incident.",
            delegate="Let another person answer a request instead of you.",
            snooze="Not be reminded of a request for a while. It expires as before.",
            change="Have a plan made otherwise; it is asked for anew, and others have to agree.",
        ),
        **_in(
            "halts",
            _RESPOND,
            halt="Stop all new effects at once, at one site or everywhere.",
            resume="Let effects go on; a person other than the one who halted.",
        ),
        **_in(
            "glass",
            _RESPOND,
            **{"break-glass": "Override interlocks and approvals, for what you then start."},
            reviews="List break-glasses that have ended and wait for their review.",
        ),
        **_group("glass", _RESPOND, "List break-glasses, newest first", app="glass_app"),
        **_group("review", _RESPOND, "Review break-glasses.", module="glass", app="review_app"),
        **_in("incidents", _LOOK, incidents="List incidents, newest first."),
        **_group(
            "incident",
            _LOOK,
            "Show, follow or cancel one incident.",
            module="incidents",
            app="one_app",
        ),
        **_in(
            "estate",
            _LOOK,
            holds="List what is in force, the soonest to expire first.",
            devices="List the devices of the estate.",
        ),
        **_in(
            "interlocks",
            _LOOK,
            interlocks="Read the interlocks now: who may be acted on, and why not.",
        ),
        **_in(
            "halts",
            _LOOK,
            halts="List where new effects are stopped, by whom and why.",
            limits="List the caps on how much may be contained, and how full they are.",
        ),
        **_in("on_call", _LOOK, **{"on-call": "Show who is on duty, why, and the next handoffs."}),
        **_in("audit", _LOOK, audit="List requests, allowed and refused, newest first."),
        **_group("channels", _LOOK, "List, check and test the channels that people are told by."),
        **_in("alerts", _LOOK, alerts="List alerts and what became of them."),
        **_group("alert", _LOOK, "Send alerts from a file.", module="alerts", app="one_app"),
        **_group("receipt", _LOOK, "Show and verify signed receipts.", app="receipt_app"),
        **_group("playbook", _DEFINE, "Check, list and draw playbooks.", app="playbook_app"),
        **_group("policy", _DEFINE, "Check policies, and ask why they decide.", app="policy_app"),
        **_group("people", _DEFINE, "List people with the roles of now; check the people file."),
        **_in(
            "login",
            _DEFINE,
            login="Sign in at the OpenID provider, in a browser.",
            logout="Forget the sign-in of this machine.",
            whoami="Show who the server takes you for, and what you may now.",
        ),
        **_group("token", _DEFINE, "Create, list and revoke API tokens.", module="tokens"),
        **_group("keys", _DEFINE, "List and rotate the keys that encrypt Temporal's histories."),
        **_group("config", _DEFINE, "Show the settings.", module="configuration"),
    }


app = typer.Typer(
    cls=Commands,
    name="firebreak",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"firebreak {__version__}")
        raise typer.Exit


@app.callback()
def firebreak(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Verified, reversible, time-boxed incident response for IoT and OT fleets.

    `firebreak demo` shows it; `firebreak up --range` runs it with a simulated site.
    """
