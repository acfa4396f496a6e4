"""Renders what channels say from templates: shipped ones, or an operator's own in their place.

A template is a file of the operator. What comes from outside is only ever a value in it: text is
put in as it is and never read as a template again.
"""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound
from jinja2.sandbox import ImmutableSandboxedEnvironment

from firebreak.domain.base import JsonObject
from firebreak.errors import DefinitionError
from firebreak.telling.safe import one_line

MOST = 200_000  # characters of what one template says


class Templates:
    """Templates by name, such as ``smtp/body.j2``; the first directory that has one wins."""

    def __init__(self, dirs: Sequence[Path] = ()) -> None:
        """Look in ``dirs`` first, then in those that Firebreak ships."""
        self._environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader([*dirs, shipped()]),
            undefined=StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
        )
        self._environment.globals.clear()
        self._environment.filters["line"] = one_line

    def check(self) -> None:
        """Read every template, without facts. Raises DefinitionError for the first broken one."""
        for name in self._environment.list_templates(extensions=["j2"]):
            try:
                self._environment.get_template(name)
            except (TemplateError, UnicodeDecodeError) as error:
                raise DefinitionError(f"template {name}: {one_line(error, 300)}") from error

    def render(self, name: str, facts: JsonObject) -> str:
        """What the template says about these facts, cut to ``MOST`` characters.

        Raises:
            DefinitionError: there is no such template, it is broken, or it asks for a fact that
                is not given.
        """
        try:
            return self._environment.get_template(name).render(facts)[:MOST]
        except TemplateNotFound as error:
            raise DefinitionError(f"there is no template {error.name}") from error
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            raise DefinitionError(f"template {name}: {one_line(error, 300)}") from error


def shipped() -> Path:
    """Where the templates are that Firebreak ships."""
    return Path(str(resources.files("playbooks") / "templates"))
