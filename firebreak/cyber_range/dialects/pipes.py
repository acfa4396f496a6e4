"""Output filters behind a ``|``."""

import re


def split(line: str) -> tuple[str, list[str]]:
    """A line's command and its filters; a description may hold no bar."""
    command, *stages = (part.strip() for part in line.split("|"))
    return command, stages


def filtered(output: str, stages: list[str]) -> str | None:
    """The output after all filters, or None when one is unknown."""
    lines = output.splitlines()
    for stage in stages:
        verb, _, pattern = stage.partition(" ")
        if verb in {"no-more", "no"}:
            continue
        try:
            matcher = re.compile(pattern.strip().strip('"'))
        except re.error:
            return None
        if not pattern:
            return None
        if "include".startswith(verb) or "match".startswith(verb):
            lines = [line for line in lines if matcher.search(line)]
        elif "exclude".startswith(verb) or "except".startswith(verb):
            lines = [line for line in lines if not matcher.search(line)]
        elif "begin".startswith(verb) or "find".startswith(verb):
            start = next((i for i, line in enumerate(lines) if matcher.search(line)), len(lines))
            lines = lines[start:]
        else:
            return None
    return "".join(f"{line}\n" for line in lines)
