"""The few pieces of Markdown that the generated pages are made of."""

from collections.abc import Iterable, Sequence


def page(title: str, source: str, *parts: str) -> str:
    """A whole page, with a note for whoever opens it to edit it."""
    notice = f"<!-- Generated from {source} by `make docs`; a test fails when it is stale. -->"
    return "\n\n".join([notice, f"# {title}", *(part.strip("\n") for part in parts)]) + "\n"


def section(title: str, *parts: str, level: int = 2) -> str:
    """A heading and what stands below it."""
    return "\n\n".join([f"{'#' * level} {title}", *(part for part in parts if part)])


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells may hold Markdown of one line."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def code(value: object) -> str:
    """A value as code; nothing for nothing."""
    return f"`{value}`" if str(value) else ""


def codes(values: Iterable[object]) -> str:
    """Several values as code."""
    return ", ".join(code(value) for value in values)


def first_paragraph(docstring: str | None) -> str:
    """What a docstring says before its first blank line, as one line of Markdown.

    Raises:
        ValueError: there is no docstring.
    """
    if not docstring:
        raise ValueError("a documented thing has no docstring")
    lines = docstring.strip().split("\n\n")[0].splitlines()
    return " ".join(line.strip() for line in lines).replace("``", "`")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
