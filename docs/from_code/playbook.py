"""docs/reference/playbook.md: every key of a playbook file, and the language of its expressions."""

from typing import Any

from docs.from_code.markdown import code, codes, page, section, table
from firebreak.playbook import expressions, filters, grammar, reading
from firebreak.playbook.lint.runs import MAX_NESTED
from firebreak.playbook.lint.scope import FACTS
from firebreak.playbook.schema import MAX_STEPS, json_schema

_INTRO = """\
A playbook is one YAML file of that name. `playbooks/schema.json` is its JSON Schema: with the line
`# yaml-language-server: $schema=schema.json` an editor completes and checks it while you write.
`firebreak playbook lint FILE` finds everything else that is wrong. How to write one:
[Write a playbook](../how-to/write-a-playbook.md).

Unknown keys, empty keys, keys given twice, anchors, aliases and tags are refused. A duration is
written `90s`, `15m`, `4h`, `1h30m` or `7d`, at most 90 days."""

# What each part is called in the file, in the order of the page.
PARTS = {
    "Playbook": "The file",
    "Trigger": "`triggers`: when it starts by itself",
    "Input": "`inputs`: what the starter may give",
    "Do": "Step `do`: one action",
    "Hold": "`hold`: for how long",
    "Until": "`hold.until`: what ends a hold early",
    "Release": "Step `do: release`: put it back",
    "Approve": "Step `approve`: ask people",
    "Question": "`approve`: whom, and until when",
    "Level": "`approve.escalate`: who may answer instead, as a role alone or with its time",
    "Parallel": "Step `parallel`: side by side",
    "ForEach": "Step `for_each`: for each item of a list",
    "Choice": "Step `when` with `then`: a choice",
    "Wait": "Step `wait`: let time pass",
    "Set": "Step `set`: name values",
    "Run": "Step `run`: another playbook",
}

# What the schema leaves to prose. A test fails when a key here is explained in the code as well.
TEXTS = {
    ("Playbook", "playbook"): "Its name; also the name of the file",
    ("Playbook", "version"): "Counts up with each change; it stands in every receipt",
    ("Playbook", "summary"): "One line for lists",
    ("Playbook", "inputs"): "What a starter may give with `--set NAME=VALUE`",
    ("Playbook", "triggers"): "Conditions on an alert and its device; one that holds starts it",
    ("Playbook", "steps"): "What it does, in order",
    ("Input", "type"): "What the value must be",
    ("Input", "default"): "The value when none is given",
    ("Input", "required"): "Without a value the playbook does not start",
    ("Input", "summary"): "One line for lists",
    ("Do", "do"): "The action: see [Actions](actions.md)",
    ("Do", "with"): "The action's inputs",
    ("Do", "every"): "How long between two looks of `until`",
    ("Do", "within"): "How long `until` may take; then the step fails",
    ("Hold", "for"): "The time box: at its end everything is put back",
    ("Hold", "until"): "An observation that ends the hold early",
    ("Until", "do"): "The observation",
    ("Until", "with"): "Its inputs",
    ("Until", "that"): "What must be true of its `result`",
    ("Until", "every"): "How long between two looks",
    ("Release", "do"): "Always `release`",
    ("Approve", "approve"): "Whom to ask",
    ("Question", "role"): "Who may answer: people whose token has this role",
    ("Question", "quorum"): "How many of them must agree",
    ("Question", "within"): "How long they have; afterwards the answer is no",
    ("Level", "role"): "Who may answer too from then on",
    ("Level", "after"): "How long after the request; before `within` is over",
    ("Question", "reason"): "What they are told; a template",
    ("Question", "otherwise"): "What silence means; there is no other value",
    ("Parallel", "parallel"): "Branches: a step or a list of steps each. All end before a failure "
    "of one goes on",
    ("ForEach", "for_each"): "The list",
    ("ForEach", "as"): "The name of an item within `steps`",
    ("ForEach", "at_once"): "How many items side by side",
    ("ForEach", "steps"): "What is done for each item",
    ("Choice", "when"): "The condition",
    ("Choice", "then"): "Steps if it is true",
    ("Choice", "else"): "Steps if it is not",
    ("Wait", "wait"): "How long; it survives restarts",
    ("Set", "set"): "Values by name; later steps read them as `vars.<name>`",
    ("Run", "run"): "The playbook; it becomes part of this one when this one is compiled",
    ("Run", "with"): "Its inputs",
    ("Trigger", "when"): "The condition",
}

_EXPRESSIONS = """\
Where a key takes an expression it is written bare (`when: alert.severity >= 4`). Texts of `with`,
`set` and `reason` are templates: they hold expressions in `{{ }}`. A text that is one `{{ }}` and
nothing else keeps the value's type.

Expressions are a part of Jinja2: literals, names, `.` and `[]`, comparisons, `in`, `and`, `or`,
`not`, `+`, `-`, `~`, `a if b else c`, filters and tests. Everything else is refused: calls,
attributes of Python objects, loops. A missing name is an error, never an empty text."""


def render() -> str:
    """The page. Raises ValueError when a key is not explained, or a part has no heading."""
    schema = json_schema()
    models = {"Playbook": schema, **schema["$defs"]}
    undescribed = {n for n, m in models.items() if "properties" in m} - set(PARTS)
    if undescribed:
        raise ValueError(f"parts of a playbook without a heading: {sorted(undescribed)}")
    parts = [_part(title, name, models[name]) for name, title in PARTS.items()]
    return page(
        "Playbook files", "firebreak/playbook/schema.py", _INTRO, *parts, _language(), _limits()
    )


def _part(title: str, name: str, model: dict[str, Any]) -> str:
    required = model.get("required", [])
    rows = [
        (code(key), _shape(field), _default(key, field, required), _explained(name, key, field))
        for key, field in model["properties"].items()
    ]
    return section(title, table(("key", "value", "default", "what it is"), rows))


def _explained(name: str, key: str, field: dict[str, Any]) -> str:
    """What a key means. Raises ValueError when nobody says."""
    own = TEXTS.get((name, key)) or field.get("description")
    if not own:
        raise ValueError(f"{name}.{key} is not explained")
    return str(own)


def _default(key: str, field: dict[str, Any], required: list[str]) -> str:
    if key in required:
        return "required"
    default = field.get("default")
    return "" if default in (None, "", [], {}) else code(str(default).lower())


def _shape(field: dict[str, Any]) -> str:
    """A value's shape in a few words."""
    if "$ref" in field:
        return _NAMED[field["$ref"].rpartition("/")[2]]
    if "oneOf" in field:
        return " or ".join(_shape(one) for one in field["oneOf"])
    if "const" in field or "enum" in field:
        return codes(field.get("enum", [field.get("const")]))
    return _typed(field)


def _typed(field: dict[str, Any]) -> str:
    kind = field.get("type", "any value")
    if str(field.get("description", "")).startswith("A duration"):
        return "duration"
    if isinstance(kind, list):
        return "expression"
    if kind == "array":
        return f"list of {_shape(field['items'])}"
    bounds = [str(field[key]) for key in ("minimum", "maximum") if key in field]
    words = _WORDS.get(kind, kind)
    return f"{words} from {' to '.join(bounds)}" if bounds else str(words)


_WORDS = {"object": "values by name", "string": "text", "boolean": "true or false"}
_NAMED = {
    "Steps": "list of steps",
    "Branch": "branches",
    "JsonValue": "any value",
    "Input": "input",
    "Trigger": "triggers",
    "Question": "question",
    "Hold": "hold",
    "Until": "observation",
    "Level": "level",
}


def _language() -> str:
    names = [(code(name), _FACTS[name]) for name in FACTS]
    names += [(code(name), text) for name, text in _OWN.items()]
    return section(
        "Expressions",
        _EXPRESSIONS,
        table(("name", "what it is"), names),
        f"Filters: {codes(filters.FILTERS)}. Tests: {codes(grammar.TESTS)}.",
    )


_FACTS = {
    "alert": "the first alert; none when a person started the response",
    "alerts": "all alerts that the response began with",
    "device": "the device, as in the estate file",
    "incident": "`id`, `requester`, `reason`, `started_at`",
}
_OWN = {
    "inputs": "the playbook's inputs",
    "vars": "what `set` steps named",
    "steps.<id>": "`outcome`, `contained`, `result`, `error`, `detail` of an earlier action; the "
    "outcome of one that was not run is `skipped`",
    "result": "in `until` only: what the observation found",
}


def _limits() -> str:
    rows = [
        ("bytes of a file", reading.MAX_BYTES),
        ("steps, with those of the playbooks it runs", MAX_STEPS),
        ("playbooks within playbooks", MAX_NESTED),
        ("characters of an expression", grammar.MAX_EXPRESSION),
        ("nested brackets of an expression", grammar.MAX_BRACKETS),
        ("characters of a text that an expression makes", filters.MAX_TEXT),
        ("characters and items of one value", expressions.MAX_VALUE),
    ]
    shown = [(what, f"{limit:,}") for what, limit in rows]
    return section("Limits", table(("what", "at most"), shown))
