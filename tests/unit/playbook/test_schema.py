"""The published JSON Schema is the one of the code, and knows every kind of step."""

import json
from pathlib import Path

from firebreak.playbook.schema import KINDS, json_schema


def test_the_published_schema_is_current(shipped_playbooks: Path) -> None:
    published = json.loads((shipped_playbooks / "schema.json").read_text())
    assert published == json_schema(), "run: firebreak playbook schema > playbooks/schema.json"


def test_the_schema_knows_every_kind_of_step_and_no_null() -> None:
    schema = json_schema()
    steps = [
        schema["$defs"][ref["$ref"].rpartition("/")[2]]
        for ref in schema["$defs"]["AnyStep"]["oneOf"]
    ]
    assert {kind for step in steps for kind in KINDS if kind in step["required"]} == set(KINDS)
    assert all(step["additionalProperties"] is False for step in steps)
    assert '"null"' not in json.dumps(schema)
