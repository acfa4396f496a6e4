"""`firebreak playbook`: for people and for machines, with exit codes that say what happened."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firebreak.cli import app
from firebreak.playbook.schema import json_schema
from tests.unit.playbook.writing import named

RUNNER = CliRunner()


def run(*arguments: str) -> tuple[int, str]:
    result = RUNNER.invoke(app, ["playbook", *arguments])
    return result.exit_code, result.stdout


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIREBREAK_PLAYBOOK_DIRS", json.dumps([str(tmp_path)]))
    return tmp_path


def test_lint_is_quiet_about_good_playbooks() -> None:
    code, out = run("lint")
    assert code == 0
    assert "no problems" in out


def test_lint_of_a_broken_file_says_where_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(named("bad", "- do: network.quarantine"))
    code, out = run("lint", str(path), "--json")
    (problem,) = json.loads(out)["problems"]
    assert code == 2
    assert (problem["file"], problem["line"], problem["column"]) == (str(path), 5, 5)
    assert (problem["code"], problem["hint"]) == (
        "no-hold",
        "say for how long, for example `hold: 4h`",
    )


def test_lint_prints_one_problem_a_line(tmp_path: Path) -> None:
    path = tmp_path / "b.yaml"
    path.write_text(named("b", "- do: no.thing\n- wait: 1s\n  when: nothing"))
    code, out = run("lint", str(path))
    assert code == 2
    assert "b.yaml:5:9:" in out.replace("\n", "")
    assert "[undefined-name]" in out


def test_lint_covers_the_configured_directories(own: Path) -> None:
    (own / "bad.yaml").write_text(named("bad", "- do: network.quarantine"))
    assert run("lint")[0] == 2
    (own / "bad.yaml").write_text(named("bad", "- wait: 1s"))
    assert run("lint")[0] == 0


def test_list_shows_good_and_broken_playbooks(own: Path) -> None:
    (own / "bad.yaml").write_text(named("bad", "- do: network.quarantine"))
    code, out = run("list", "--json")
    body = json.loads(out)
    assert code == 2
    assert [row["name"] for row in body["playbooks"]] == ["isolate", "mirai-botnet"]
    assert [problem["code"] for problem in body["problems"]] == ["no-hold"]
    assert "mirai-botnet" in run("list")[1]


def test_show_gives_the_program_and_its_digest() -> None:
    code, out = run("show", "isolate", "--json")
    body = json.loads(out)
    assert code == 0
    assert body["digest"].startswith("sha256:")
    assert json.loads(run("show", "isolate")[1]) == body


def test_graph_draws() -> None:
    code, out = run("graph", "mirai-botnet")
    assert code == 0
    assert out.startswith("flowchart TD\n")
    assert json.loads(run("graph", "mirai-botnet", "--json")[1])["mermaid"] == out


def test_schema_prints_what_is_published() -> None:
    code, out = run("schema")
    assert code == 0
    assert json.loads(out) == json_schema()


@pytest.mark.parametrize("command", ["show", "graph"])
def test_a_broken_playbook_is_a_definition_error(own: Path, command: str) -> None:
    (own / "bad.yaml").write_text(named("bad", "- do: network.quarantine"))
    assert run(command, "bad")[0] == 2


@pytest.mark.parametrize("command", ["show", "graph"])
def test_an_unknown_playbook_is_not_found(command: str) -> None:
    assert run(command, "nothing")[0] == 5
