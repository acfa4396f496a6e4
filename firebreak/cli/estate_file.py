"""The estate as the commands read it that need no server."""

from firebreak.cli.configuration import load_settings
from firebreak.cli.exits import ProblemError
from integrations.inventory.yaml_file import YamlInventory


def load_estate() -> YamlInventory:
    """The estate of the settings, read on this machine.

    Raises:
        ProblemError: there is no such file; says how to name one.
        DefinitionError: what is wrong in it, and where.
    """
    file = load_settings().estate_file
    if not file.is_file():
        raise ProblemError(
            f"there is no estate file at {file}",
            "set FIREBREAK_ESTATE_FILE; `firebreak up --range` keeps its own in its state "
            "directory, range/estate.yaml",
            error="definition",
        )
    return YamlInventory.load(file)
