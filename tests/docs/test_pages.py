"""Pages lead somewhere, are whole, and keep to the project's spelling."""

import re
import subprocess
import sys
import tomllib
from xml.etree import ElementTree as ET

import pytest

from firebreak.domain.scopes import SCOPES
from tests.docs.blocks import ROOT, blocks, commands, pages, text_of
from tests.docs.shell import Names

_LINK = re.compile(r"(?<!`)\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_ROW = re.compile(r"^\| `([a-z0-9-]+)` \| (.+) \|$", re.MULTILINE)
# Written by hand when the figures have been measured on a quiet machine.
_MEASURED = "docs/performance.md"


def _anchors(page: str) -> set[str]:
    headings = (h.strip().lower() for h in _HEADING.findall(text_of(page)))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages())
def test_every_link_leads_somewhere(page: str) -> None:
    here = (ROOT / page).parent
    for link in _LINK.findall(text_of(page)):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (here / path).resolve() if path else ROOT / page
        name = str(target.relative_to(ROOT))
        assert target.exists() or name == _MEASURED, f"{page} links {link}"
        if anchor:
            assert anchor in _anchors(name), f"{page} links {link}"


def test_every_page_is_linked_from_the_front_page() -> None:
    linked = {link.partition("#")[0] for link in _LINK.findall(text_of("README.md"))}
    assert set(pages()) - {"README.md"} <= linked


def test_the_front_page_is_true_of_the_demo() -> None:
    block = blocks("README.md", "console")[0]
    (command,) = commands(block)
    assert command.text == "make demo"
    done = subprocess.run(
        [sys.executable, "-m", "firebreak.cli", "demo"],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    Names().expect(command.output, done.stdout.splitlines())


def test_the_picture_is_whole_and_loads_nothing_from_elsewhere() -> None:
    picture = ROOT / "docs" / "images" / "response.svg"
    text = picture.read_text(encoding="utf-8")
    ET.fromstring(text)  # noqa: S314 - our own file
    words = re.sub(r"<[^>]+>", " ", text).replace("&#160;", " ")
    for word in ("ALERT", "APPROVED", "IN FORCE", "CONTAINED", "RELEASED", "CLOSED"):
        assert word in words
    assert "url(http" not in text
    assert "@import" not in text


def test_every_dependency_is_justified_once_and_nothing_else_is() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    wanted = project["project"]["dependencies"] + [one for extra in extras for one in extra]
    wanted += project["build-system"]["requires"]
    names = {re.split(r"[\[<>=;~! ]", one, maxsplit=1)[0] for one in wanted}
    rows = _ROW.findall(text_of("docs/dependencies.md"))
    assert sorted(name for name, _ in rows) == sorted(names)
    for name, row in rows:
        assert len(row.split(" | ")) == 3, f"{name}: why, license, maintenance"


def test_the_changelog_knows_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## [{version}]" in text_of("CHANGELOG.md")


@pytest.mark.parametrize("page", pages())
def test_pages_are_spelled_as_americans_do_and_name_no_machine(page: str) -> None:
    british = (
        r"\b\w*(isation|ise[ds]?\b(?<!wise)(?<!rise)(?<!rises)|colour|behaviour|licence|centre)"
    )
    allowed = {
        "ise",
        "otherwise",
        "enterprise",
        "precise",
        "promise",
        "promises",
        "promised",
        "raise",
    }
    allowed |= {"raises", "raised", "noise", "likewise", "exercise", "exercised", "advertise"}
    allowed |= {"exercises", "rise", "wise", "compromised", "compromise", "expertise"}
    found = {match[0].lower() for match in re.finditer(british, text_of(page), re.IGNORECASE)}
    assert found - allowed == set()
    assert not re.search(r"/root/|/home/\w+/|\.pyenv", text_of(page))


def test_every_scope_is_explained() -> None:
    named = set(re.findall(r"`([a-z]+:[a-z]+)`", text_of("docs/how-to/identity.md")))
    assert set(SCOPES) <= named
