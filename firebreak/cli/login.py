"""Signing in as a person, signing out, and seeing who one is taken for."""

import json
import webbrowser
from typing import Annotated

import typer
from rich.text import Text

from firebreak.cli.client import AsName, connect, one, part
from firebreak.cli.configuration import load_settings
from firebreak.cli.screen import JsonFlag, clean, progress, show
from firebreak.cli.signin import sign_in
from firebreak.cli.token_files import sign_in_file, write_token
from firebreak.domain.people import Principal

app = typer.Typer()


@app.command()
def login(
    *,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open a browser, or only say the address")
    ] = True,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to come back to; 0: any.")
    ] = 0,
    within: Annotated[int, typer.Option("--within", min=1, help="Seconds to wait.")] = 300,
    as_json: JsonFlag = False,
) -> None:
    """Sign in at the OpenID provider, in a browser.

    Later commands are this person's, until they sign out or name a token.
    """
    settings = load_settings()

    def bring(url: str) -> None:
        progress().print(Text(f"sign in here: {clean(url)}"), soft_wrap=True)
        if browser:
            webbrowser.open(url)

    signed_in = sign_in(settings, bring, port=port, within_s=within)
    file = sign_in_file(settings)
    write_token(file, json.dumps(signed_in.to_json()))
    facts = {"issuer": signed_in.issuer, "file": str(file)}
    show(facts, Text(clean(f"signed in at {signed_in.issuer}")), as_json=as_json)


@app.command()
def logout(*, as_json: JsonFlag = False) -> None:
    """Forget the sign-in of this machine.

    The provider's own session goes on: signing in again may ask for nothing.
    """
    file = sign_in_file(load_settings())
    was = file.exists()
    file.unlink(missing_ok=True)
    said = "signed out" if was else "nobody was signed in on this machine"
    show({"signed_out": was}, Text(said), as_json=as_json)


@app.command()
def whoami(*, as_name: AsName = None, as_json: JsonFlag = False) -> None:
    """Show who the server takes you for, and what you may now."""
    with connect(as_name) as api:
        answer = api.get("/whoami")
    who = one(Principal, part(answer, "principal"))
    roles = ", ".join(sorted(who.roles)) or "no role"
    said = f"{who.id} ({who.kind}, by {part(answer, 'via')}): {roles}"
    show(answer, Text(clean(said)), as_json=as_json)
