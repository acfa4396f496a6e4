"""A file whose change cannot be taken up: the last good content stays, and it is said."""

import pytest

from firebreak.errors import DefinitionError
from firebreak.live_file import LiveFile


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DefinitionError("line 3: no such role"), "line 3: no such role"),
        (RecursionError("too deep"), "reading it broke: RecursionError('too deep')"),
    ],
)
def test_whatever_is_wrong_is_told_and_mended_by_the_next_change(
    error: Exception, said: str
) -> None:
    content: list[str | Exception] = ["first"]
    told: list[str] = []

    def read() -> str:
        if isinstance(content[-1], Exception):
            raise content[-1]
        return content[-1]

    file = LiveFile(
        read,
        lambda: len(content),
        taken=lambda before, now: told.append(f"{before} -> {now}"),
        refused=lambda stands, why: told.append(f"{stands} stands: {why}"),
    )
    content.append(error)
    file.refresh()
    assert (file.content, file.problem) == ("first", said)
    content.append("second")
    file.refresh()
    assert (file.content, file.problem) == ("second", None)
    assert told == [f"first stands: {said}", "first -> second"]
