"""The library: shipped playbooks, one's own before them, and broken ones in plain sight."""

from pathlib import Path

import pytest

from firebreak.errors import DefinitionError, NotFound
from firebreak.playbook.library import Library
from firebreak.playbook.program import Wait
from tests.unit.playbook.writing import named


def write(directory: Path, name: str, text: str) -> Path:
    path = directory / name
    path.write_text(text)
    return path


def test_the_shipped_playbooks_are_there_without_settings() -> None:
    assert {"isolate", "mirai-botnet"} <= set(Library.load().names())


def test_an_own_playbook_is_added(tmp_path: Path) -> None:
    write(tmp_path, "mine.yaml", named("mine", "- {run: isolate}"))
    library = Library.load([tmp_path])
    assert {"isolate", "mine", "mirai-botnet"} <= set(library.names())
    assert library.problems == ()
    assert [program.name for program in library.programs()] == list(library.names())


def test_an_own_playbook_wins_over_a_shipped_one(tmp_path: Path) -> None:
    write(tmp_path, "isolate.yml", named("isolate", "- wait: 1s"))
    (step,) = Library.load([tmp_path]).program("isolate").steps
    assert isinstance(step, Wait)


@pytest.mark.parametrize("text", ["steps: [", named("isolate", "- do: network.quarantine"), ""])
def test_a_broken_playbook_hides_the_shipped_one_and_takes_nothing_else_down(
    tmp_path: Path, text: str
) -> None:
    path = write(tmp_path, "isolate.yaml", text)
    library = Library.load([tmp_path])
    assert "isolate" not in library.names()
    assert "mirai-botnet" in library.names()
    assert {problem.file for problem in library.problems} == {str(path)}
    with pytest.raises(DefinitionError, match=r"isolate\.yaml:"):
        library.program("isolate")


def test_a_name_in_two_own_directories_is_ambiguous(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for directory in (first, second):
        directory.mkdir()
        write(directory, "mine.yaml", named("mine", "- wait: 1s"))
    library = Library.load([first, second])
    assert "mine" not in library.names()
    assert [p.code for p in library.problems] == ["ambiguous-name"]


def test_a_playbook_is_in_a_file_of_its_name(tmp_path: Path) -> None:
    write(tmp_path, "mine.yaml", named("isolate", "- wait: 1s"))
    library = Library.load([tmp_path])
    (problem,) = library.problems
    assert (problem.code, problem.line, problem.column) == ("wrong-file-name", 1, 11)
    assert "mine" not in library.names()
    assert not isinstance(library.program("isolate").steps[0], Wait)


def test_a_missing_directory_is_a_problem_and_not_a_crash(tmp_path: Path) -> None:
    library = Library.load([tmp_path / "gone"])
    assert [p.code for p in library.problems] == ["unreadable"]
    assert "isolate" in library.names()


def test_what_is_no_playbook_file_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "README.md", "not a playbook")
    (tmp_path / "directory.yaml").mkdir()
    assert Library.load([tmp_path]).problems == ()


def test_an_unknown_name_is_not_found() -> None:
    with pytest.raises(NotFound, match="no playbook named 'nothing'; there are: isolate"):
        Library.load().program("nothing")


def test_a_file_outside_of_the_library_can_be_checked(tmp_path: Path) -> None:
    good = write(tmp_path, "mine.yaml", named("mine", "- {run: isolate}"))
    bad = write(tmp_path, "bad.yaml", named("bad", "- {run: nothing}"))
    library = Library.load()
    assert library.check(good) == ()
    assert [p.code for p in library.check(bad)] == ["unknown-playbook"]
    assert [p.code for p in library.check(tmp_path / "gone.yaml")] == ["unreadable"]
