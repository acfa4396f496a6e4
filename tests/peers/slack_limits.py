"""Block Kit's limits, from https://docs.slack.dev/reference/block-kit; the emulator has none."""

import json
from typing import Any

_TEXT = {"section": 3000, "header": 150}


def misfit(method: str, args: dict[str, Any]) -> str:
    """What Slack would refuse; "" when it fits."""
    if method.startswith("views."):
        view = _json(args.get("view"))
        problem = _long(view.get("title"), 24) or _long(view.get("submit"), 24)
        if problem or len(view.get("private_metadata", "")) > 3000:
            return problem or "private_metadata"
        return _blocks(view.get("blocks", []), most=100)
    if method.startswith("chat."):
        if len(args.get("text", "")) > 40_000:
            return "text"
        return _blocks(_json(args.get("blocks", [])), most=50)
    return ""


def _blocks(blocks: list[dict[str, Any]], most: int) -> str:
    if len(blocks) > most:
        return f"{len(blocks)} blocks"
    return next((problem for block in blocks if (problem := _block(block))), "")


def _block(block: dict[str, Any]) -> str:
    match block["type"]:
        case "section" | "header" as kind:
            problem = _long(block.get("text"), _TEXT[kind]) or _empty(block.get("text"))
        case "context":
            problem = _context(block["elements"])
        case "actions":
            problem = _each(block["elements"])
        case "input":
            problem = _long(block["label"], 2000)
        case "rich_text":
            problem = _rich(list(_texts(block)))
        case kind:
            problem = f"unknown block {kind}"
    return problem


def _rich(texts: list[str]) -> str:
    if not texts or not all(texts):
        return "an empty text in rich_text"
    return "rich_text" if sum(map(len, texts)) > 12_000 else ""


def _context(elements: list[dict[str, Any]]) -> str:
    if len(elements) > 10:
        return "elements"
    return next((problem for one in elements if (problem := _empty(one))), "")


def _each(elements: list[dict[str, Any]]) -> str:
    if len(elements) > 25:
        return "elements"
    for one in elements:
        confirm = one.get("confirm", {})
        problem = (
            _long(one["text"], 75)
            or _long(confirm.get("title"), 100)
            or _long(confirm.get("text"), 300)
            or _long(confirm.get("confirm"), 30)
            or _long(confirm.get("deny"), 30)
        )
        if problem or len(one["value"]) > 2000 or len(one["action_id"]) > 255:
            return problem or "value"
    return ""


def _texts(part: Any) -> list[str]:
    if isinstance(part, list):
        return [text for one in part for text in _texts(one)]
    if not isinstance(part, dict):
        return []
    if part.get("type") == "text":
        return [part["text"]]
    return _texts(part.get("elements", []))


def _long(text: dict[str, Any] | None, most: int) -> str:
    return f"longer than {most}" if text and len(text["text"]) > most else ""


def _empty(text: dict[str, Any] | None) -> str:
    return "" if text and text["text"] else "empty text"


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
