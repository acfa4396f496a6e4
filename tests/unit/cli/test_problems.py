"""Expected errors: what is wrong, what to do next, the documented exit code, no traceback."""

import json
import re
from pathlib import Path

import httpx
import pytest

from firebreak.cli.client import _TELLS
from firebreak.cli.exits import Exit, exit_for, table
from firebreak.cli.screen import clean
from tests.unit.cli.conftest import Call, StubApi


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        ("not-found", 404, 5),
        ("forbidden", 403, 4),
        ("policy-denied", 403, 4),
        ("bad-input", 400, 2),
        ("unreachable", 503, 3),
        ("revert-failed", 502, 1),
        ("something-new", 418, 1),
    ],
)
def test_a_refusal_has_its_exit_code_and_keeps_its_words(
    api: StubApi, call: Call, error: str, status: int, code: int
) -> None:
    body = {"error": error, "message": "no such thing", "hint": "try another"}
    api.answer("GET", "/holds", body, status=status)
    result = call("holds")
    assert result.exit_code == code
    assert result.stderr == "error: no such thing\nnext:  try another\n"
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "refused", "hint"),
    [
        (("channels", "test", "x"), "not-found /channels/x/test", "`firebreak channels`"),
        (("incident", "show", "x"), "not-found /incidents/x", "`firebreak incidents`"),
        (("isolate", "x", "--reason", "z"), "not-found /responses", "`firebreak devices`"),
        (("run", "x", "--device", "y", "--reason", "z"), "not-found /responses", "playbook list`"),
        (("break-glass", "--device", "x", "--reason", "z"), "rejected /glass", "`firebreak glass"),
        (("glass", "end", "x", "--reason", "z"), "rejected /glass/x/end", "`firebreak glass"),
        (("review", "close", "x", "--finding", "z"), "rejected /reviews/x/close", "glass --all`"),
    ],
)
def test_a_refusal_without_a_hint_gets_the_list_that_helps(
    api: StubApi, call: Call, arguments: tuple[str, ...], refused: str, hint: str
) -> None:
    error, path = refused.split()
    for method in ("GET", "POST"):
        api.answer(method, path, {"error": error, "message": "no", "hint": ""}, status=409)
    assert hint in call(*arguments).stderr.split("next:")[1]


def test_a_token_that_counts_no_more_is_answered_with_how_to_name_another(
    api: StubApi, call: Call
) -> None:
    said = {"error": "unauthorized", "message": "no such token", "hint": "send `Authorization`"}
    api.answer("GET", "/holds", said, status=401)
    result = call("holds")
    told = result.stderr
    assert result.exit_code == 4
    assert "Authorization" not in told
    for way in ("--as", "FIREBREAK_TOKEN", "tokens/", "token create", "login"):
        assert way in told


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("token", "revoke", "nope"), "`firebreak token list`"),
        (("playbook", "graph", "nope"), "`firebreak playbook list`"),
        (("playbook", "show", "nope"), "`firebreak playbook list`"),
    ],
)
def test_what_is_not_there_is_answered_with_its_list(
    state_dir: Path, call: Call, arguments: tuple[str, ...], hint: str
) -> None:
    del state_dir
    result = call(*arguments)
    assert result.exit_code == 5
    assert hint in result.stderr


def test_a_refusal_is_json_for_a_machine(api: StubApi, call: Call) -> None:
    api.answer("GET", "/holds", {"error": "forbidden", "message": "no", "hint": "h"}, status=403)
    result = call("holds", "--json")
    assert json.loads(result.stdout) == {"error": "forbidden", "message": "no", "hint": "h"}


def test_no_server_is_said_so_with_what_to_do(
    state_dir: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    del state_dir
    monkeypatch.setenv("FIREBREAK_URL", "http://127.0.0.1:1")
    result = call("incidents")
    assert result.exit_code == 3
    assert "firebreak up" in result.stderr


@pytest.mark.parametrize("url", ["ftp://x", "here", "http://["])
def test_a_url_that_no_api_can_have_is_a_wrong_setting(
    state_dir: Path, call: Call, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    del state_dir
    monkeypatch.setenv("FIREBREAK_URL", url)
    result = call("incidents")
    assert result.exit_code == 2
    assert "http://" in result.stderr
    assert "look before" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("release", "cam-17", "--reason", "clean"), "`firebreak holds`"),
        (("extend", "cam-17", "--by", "1h", "--reason", "more"), "`firebreak holds`"),
        (("isolate", "cam-17", "--reason", "scan"), "`firebreak incidents`"),
        (("isolate", "cam-17", "--reason", "scan", "--dry-run"), "changed nothing"),
        (("halt", "--reason", "drill"), "`firebreak halts`"),
        (("devices",), "changed nothing"),
    ],
)
def test_an_order_without_an_answer_names_the_list_that_shows_what_became_of_it(
    api: StubApi,
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    hint: str,
) -> None:
    del api

    def silent(*_: object, **__: object) -> None:
        raise httpx.ReadTimeout("nothing came")

    monkeypatch.setattr("httpx.Client.request", silent)
    result = call(*arguments)
    assert result.exit_code == 3
    assert hint in result.stderr


def test_every_order_of_the_api_has_such_a_list() -> None:
    spec = (Path(__file__).parents[3] / "docs" / "reference" / "api.md").read_text("utf-8")
    posted = set(re.findall(r"`POST /([a-z]+)", spec))
    assert posted == _TELLS.keys()


@pytest.mark.parametrize("body", [b"<html>welcome</html>", b'{"detail": "Not Found"}'])
def test_a_stranger_on_the_port_is_not_taken_for_firebreak(
    api: StubApi, call: Call, body: bytes
) -> None:
    api.answer("GET", "/holds", body, status=404)
    result = call("holds")
    assert result.exit_code == 3
    assert "is not a Firebreak server" in result.stderr


def test_an_answer_of_another_shape_is_explained(api: StubApi, call: Call) -> None:
    api.answer("GET", "/holds", {"holds": [{"id": 1}]})
    result = call("holds")
    assert result.exit_code == 1
    assert "same Firebreak version" in result.stderr


def test_a_missing_token_is_explained(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIREBREAK_STATE_DIR", str(tmp_path))
    result = call("holds")
    assert result.exit_code == 4
    assert "FIREBREAK_TOKEN" in result.stderr


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "", ".hidden"])
def test_a_token_name_cannot_be_a_path(api: StubApi, call: Call, name: str) -> None:
    assert call("holds", "--as", name).exit_code == 2
    assert not api.requests


def test_a_malformed_token_is_never_shown(
    api: StubApi, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIREBREAK_TOKEN", "fb_secret\nX-Evil: 1")
    result = call("holds")
    assert result.exit_code == 4
    assert "fb_secret" not in result.output
    assert not api.requests


def test_a_wrong_setting_is_named(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIREBREAK_LISTEN_PORT", "many")
    result = call("config", "show")
    assert result.exit_code == 2
    assert "FIREBREAK_LISTEN_PORT" in result.stderr


def test_config_show_hides_secrets(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIREBREAK_TOKEN", "fb_very_secret")
    monkeypatch.setenv("FIREBREAK_DATABASE_URL", "postgresql://u:hunter2@db/firebreak")
    for arguments in (["config", "show"], ["config", "show", "--json"]):
        shown = call(*arguments).stdout
        assert "fb_very_secret" not in shown
        assert "hunter2" not in shown
        assert "db/firebreak" in shown


def test_an_id_cannot_lead_to_another_path(api: StubApi, call: Call) -> None:
    call("incident", "show", "../holds?x=1")
    assert api.requests[0].path == "/incidents/../holds?x=1"  # one escaped part, no query


def test_every_exit_code_is_in_the_table() -> None:
    for code in Exit:
        assert f"| {code.value} | {code.meaning} |" in table()
    assert exit_for("anything else") is Exit.NOT_DONE


@pytest.mark.parametrize("hostile", ["\x1b[2J", "a\u202eb", "\x00", "\x9b31m", "\u2028", "\u200b"])
def test_clean_leaves_nothing_that_steers_a_terminal(hostile: str) -> None:
    assert clean(f"a{hostile}b").isprintable()


def test_the_documented_exit_codes_are_the_ones_in_the_code() -> None:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "run-on-one-machine.md"
    assert f"\n{table()}\n" in page.read_text(encoding="utf-8")


def test_an_interrupt_has_its_own_exit_code(
    api: StubApi, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    del api

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("firebreak.cli.client.Api.get", interrupted)
    result = call("holds")
    assert result.exit_code == 130
    assert result.stdout == ""
    result = call("incident", "show", "inc-0123456789ab", "--follow")
    assert result.exit_code == 130
    assert "goes on" in result.stderr
    assert "firebreak incident show inc-0123456789ab --follow" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("isolate",),
        ("isolate", "cam-17"),
        ("isolate", "cam-17", "--reason", "x", "--never"),
        ("bogus",),
        ("--never", "holds"),
        ("token", "bogus"),
        ("glass", "end", "x", "--never"),
        ("incidents", "--limit", "0"),
    ],
)
def test_a_wrong_command_line_is_json_for_a_machine(call: Call, arguments: tuple[str, ...]) -> None:
    result = call(*arguments, "--json")
    assert result.exit_code == 2
    told = json.loads(result.stdout)
    assert told["error"] == "bad-input"
    assert told["message"]
    assert told["hint"]
    result = call(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr
