"""docs/reference/api.md: every endpoint, who may call it, what it takes and gives."""

import dataclasses
from typing import Any, get_type_hints

from fastapi import FastAPI
from fastapi.routing import APIRoute

from docs.from_code.markdown import code, page, section, table
from firebreak.server import auth, roles
from firebreak.server.app import ROUTES, create_app
from firebreak.server.services import Services
from firebreak.settings import Settings

_INTRO = """\
The command line uses nothing else. `GET /openapi.json` of a running server has the full schema.
Requests carry `Authorization: Bearer <token>` (`firebreak token create`). An error answers with
`{"error", "message", "hint"}`: see [Errors](../errors.md)."""

_PEOPLE = "a person with one of them; automation never"

# Endpoints that decide by themselves who may call them; a test holds this against the code.
OPEN = {
    "post_alerts": "`source:<source>` or `admin` by token, or the source's signature",
    "get_health": "everybody",
    "get_metrics": "everybody on the loopback address; readers from elsewhere",
}


def render() -> str:
    """The page. Raises ValueError when an endpoint or a parameter is not explained."""
    schema = application().openapi()
    callers = {route.name: who(route) for route in routes()}
    rows = [
        (code(f"{method.upper()} {path}"), _does(said), callers[said["operationId"]])
        for path, methods in schema["paths"].items()
        for method, said in methods.items()
    ]
    return page(
        "API",
        "the server's OpenAPI document",
        _INTRO,
        table(("endpoint", "what it does", "who"), rows),
        section("Who is who", _roles()),
        section("Query parameters", _queries(schema)),
        section("Bodies", _bodies(schema)),
    )


def application() -> FastAPI:
    """The API over nothing: it can be described, and not called."""
    nothing: dict[str, Any] = dict.fromkeys(field.name for field in dataclasses.fields(Services))
    given = {"settings": Settings.model_construct(), "inbounds": ()}
    return create_app(Services(**nothing | given))


def routes() -> list[APIRoute]:
    """All endpoints, in the order of the code."""
    found = [route for module in ROUTES for route in module.router.routes]
    return [route for route in found if isinstance(route, APIRoute)]


def who(route: APIRoute) -> str:
    """Who may call an endpoint. Raises KeyError when nobody has said so."""
    hints = list(get_type_hints(route.endpoint, include_extras=True).values())
    for kind, name in _KINDS:
        if kind in hints:
            return name
    return OPEN[route.name]


_KINDS: list[tuple[Any, str]] = [
    (auth.Resumer, "resumers, in person"),
    (auth.Breaker, "breakers, in person"),
    (auth.Mender, "operators and breakers, in person"),
    (auth.Reviewer, "reviewers, in person"),
    (auth.Person, "operators, in person"),
    (auth.Answerer, "operators, in person, or who was named to answer it"),
    (auth.Operator, "operators"),
    (auth.Starter, "starters"),
    (auth.Auditor, "auditors"),
    (auth.Caller, "everybody with a valid token"),
    (auth.Reader, "readers"),
    (auth.RequestReader, "readers, or who was named to answer it"),
]


def _roles() -> str:
    rows = [
        ("readers", roles.READERS, "with one of these roles"),
        ("starters", roles.STARTERS, "with one of these roles"),
        ("auditors", roles.AUDITORS, "with one of these roles"),
        ("operators", roles.OPERATORS, "with one of these roles"),
        ("operators, in person", roles.OPERATORS, _PEOPLE),
        ("resumers, in person", roles.RESUMERS, _PEOPLE),
        ("breakers, in person", roles.BREAKERS, _PEOPLE),
        ("operators and breakers, in person", roles.MENDERS, _PEOPLE),
        ("reviewers, in person", roles.REVIEWERS, _PEOPLE),
    ]
    return table(
        ("", "roles", ""),
        [
            (name, ", ".join(code(r) for r in sorted(held - {roles.SERVICE})), note)
            for name, held, note in rows
        ],
    )


def _does(said: dict[str, Any]) -> str:
    text = str(said.get("description", "")).split("\n\n")[0].replace("\n", " ")
    if not text:
        raise ValueError(f"endpoint {said['operationId']} is not explained")
    return text


def _queries(schema: dict[str, Any]) -> str:
    rows = [
        (code(f"{method.upper()} {path}"), code(p["name"]), _shape(p["schema"]), _default(p))
        for path, methods in schema["paths"].items()
        for method, said in methods.items()
        for p in said.get("parameters", [])
        if p["in"] == "query"
    ]
    return table(("endpoint", "parameter", "type", "default"), rows)


def _default(parameter: dict[str, Any]) -> str:
    default = parameter["schema"].get("default")
    return "" if default is None else code(str(default).lower())


def _bodies(schema: dict[str, Any]) -> str:
    parts = []
    for path, methods in schema["paths"].items():
        for method, said in methods.items():
            content = said.get("requestBody", {}).get("content", {})
            ref = content.get("application/json", {}).get("schema", {}).get("$ref")
            if ref:
                model = schema["components"]["schemas"][ref.rpartition("/")[2]]
                title = code(f"{method.upper()} {path}")
                parts.append(section(title, _doc(model), _fields(model), level=3))
    return "\n\n".join(parts)


def _doc(model: dict[str, Any]) -> str:
    return str(model["description"]).replace("\n", " ")


def _fields(model: dict[str, Any]) -> str:
    required = model.get("required", [])
    rows = [
        (code(name), _shape(field), "required" if name in required else "")
        for name, field in model["properties"].items()
    ]
    return table(("field", "type", ""), rows)


def _shape(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2].lower()
    if "anyOf" in field:
        return ", ".join(_shape(one) for one in field["anyOf"] if one.get("type") != "null")
    if "enum" in field:
        return ", ".join(code(value) for value in field["enum"])
    limits = {"minimum": "from", "maximum": "to", "maxLength": "at most"}
    bounds = [f"{word} {field[key]:g}" for key, word in limits.items() if key in field]
    return " ".join([str(field.get("type", "any")), *bounds])
