"""How the schema came to be, a file a step. A new step moves ``HEAD``."""

VERSION_TABLE = "schema_version"
HEAD = "0003"
