"""Lets `python -m firebreak.cli` be the `firebreak` command: how `up` starts its processes."""

from firebreak.cli import app

app(prog_name="firebreak")
