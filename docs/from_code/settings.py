"""docs/reference/settings.md: every setting, its variable and its default."""

import json
from types import NoneType
from typing import Any, get_args, get_origin

from docs.from_code.markdown import code, page, table
from firebreak.cli.configuration import variable
from firebreak.settings import Settings

_INTRO = """\
Every setting is an environment variable. `firebreak config show` prints them with the values of
this process and says which came from the environment. A list is written as JSON:
`FIREBREAK_PLAYBOOK_DIRS='["/etc/firebreak/playbooks"]'`. Durations are seconds."""


def render() -> str:
    """The page. Raises ValueError when a setting is not explained."""
    rows = [_row(name) for name in Settings.model_fields]
    return page(
        "Settings",
        "firebreak/settings.py",
        _INTRO,
        table(("variable", "type", "default", "what it does"), rows),
    )


def _row(name: str) -> tuple[str, str, str, str]:
    field = Settings.model_fields[name]
    if not field.description:
        raise ValueError(f"setting {name} is not explained")
    default = Settings.model_construct().model_dump(mode="json")[name]
    shown = "" if default in (None, "", [], {}) else code(json.dumps(default).strip('"'))
    return code(variable(name)), _type(field.annotation), shown, field.description


def _type(annotation: Any) -> str:
    choices = get_args(annotation)
    if get_origin(annotation) is dict:
        return "mapping"
    if choices and all(isinstance(choice, str) for choice in choices):
        return ", ".join(code(choice) for choice in choices)
    if NoneType in choices:
        return _type(choices[0])
    if choices:
        return f"list of {_type(choices[0])}s"
    names = {"str": "text", "int": "integer", "float": "number", "bool": "true or false"}
    name = str(annotation.__name__)
    return names.get(name, name.lower())
