"""Cedar text taken apart into its policies, so that each error and decision has a line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TEXT = r'"(?:[^"\\]|\\.)*"'
_COMMENT = r"//[^\n]*"
_TOKEN = re.compile(rf'{_TEXT}|{_COMMENT}|;|[^\s"/;]+|.', re.DOTALL)
_HEAD = re.compile(rf"({_TEXT})|{_COMMENT}|\b(permit|forbid)\b|([^\s\"/)]+|.)", re.DOTALL)


@dataclass(frozen=True)
class Statement:
    """One policy as it is written; ``line`` is its first one, from 1."""

    line: int
    text: str

    @property
    def head(self) -> str:
        """Whom, what and which devices it speaks of: ``permit (principal, ...)``, on one line."""
        kept: list[str] = []
        for found in _HEAD.finditer(self.text):
            text, effect, other = found.groups()
            if effect:
                kept = [effect]
            elif kept:
                kept.append(text or other or "")
            if kept and other == ")":
                break
        words = " ".join("".join(kept).split())
        return words.replace("( ", "(").replace(" )", ")")


def statements(text: str) -> Iterator[Statement]:
    """The policies of a file, in order. Whether each of them is Cedar is for Cedar to say."""
    begin: int | None = None
    for token in _TOKEN.finditer(text):
        word = token[0]
        if begin is None and not word.isspace() and not word.startswith("//"):
            begin = token.start()
        if word == ";" and begin is not None:
            yield _statement(text, begin, token.end())
            begin = None
    if begin is not None:
        yield _statement(text, begin, len(text))


def _statement(text: str, begin: int, end: int) -> Statement:
    return Statement(line=text.count("\n", 0, begin) + 1, text=text[begin:end])
