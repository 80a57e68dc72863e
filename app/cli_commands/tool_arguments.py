"""Turn a tool's argument model into command-line options and back."""

from __future__ import annotations

import argparse
import json
from typing import Any

from core.errors import InvalidInput
from tools.registry import Tool

LIST = "A,B,..."


def add_options(parser: argparse.ArgumentParser, tool: Tool) -> None:
    """Add one option per field: `window_days` is given as --window-days (or --window_days)."""
    group = parser.add_argument_group("arguments of the tool")
    schema = tool.schema()
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        flags = dict.fromkeys((f"--{name.replace('_', '-')}", f"--{name}"))
        hint = _hint(field)
        group.add_argument(
            *flags,
            dest=f"field_{name}",
            metavar=hint,
            # A switch needs no word: --compare is --compare true.
            nargs="+" if hint == LIST else "?" if field.get("type") == "boolean" else None,
            const="true" if field.get("type") == "boolean" else None,
            help=_help(name, field, required),
        )
    group.add_argument("--args", metavar="JSON", help="all arguments as one JSON object instead")
    if tool.seeded and "seed" not in schema.get("properties", {}):
        group.add_argument("--seed", type=int, help="seed of the random numbers, to repeat a run")


def read_options(arguments: argparse.Namespace, tool: Tool) -> dict[str, Any]:
    """Return the arguments that were given; raise InvalidInput for JSON that cannot be read."""
    given = parse_object(arguments.args) if arguments.args else {}
    properties = tool.schema().get("properties", {})
    definitions = tool.schema().get("$defs", {})
    for name, field in properties.items():
        words = getattr(arguments, f"field_{name}", None)
        if words is not None:
            kinds = _kinds(field, definitions)
            given[name] = _items(words, kinds) if isinstance(words, list) else _scalar(words, kinds)
    return given


def parse_object(text: str) -> dict[str, Any]:
    """Return the JSON object of a text; raise InvalidInput."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"--args is not JSON: {error}.", hint="""Write --args '{"symbols": ["AAPL"]}'.""") from error
    if not isinstance(value, dict):
        raise InvalidInput("--args must be a JSON object.", hint="""Write --args '{"symbols": ["AAPL"]}'.""")
    return value


def _items(words: list[str], kinds: set[str]) -> Any:
    if words[0].startswith("["):
        return _scalar(" ".join(words), {"array"})
    if any(word.startswith("{") for word in words):
        return [_scalar(word, kinds) for word in words]
    return [part for word in words for part in word.split(",") if part]


def _scalar(text: str, kinds: set[str]) -> Any:
    if kinds == {"string"} or (kinds == {"string", "null"} and text != "null"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _kinds(field: dict[str, Any], definitions: dict[str, Any]) -> set[str]:
    if "$ref" in field:
        return _kinds(definitions.get(field["$ref"].rsplit("/", 1)[-1], {}), definitions)
    options = field.get("anyOf") or field.get("oneOf") or field.get("allOf")
    if options:
        return {kind for option in options for kind in _kinds(option, definitions)}
    if "enum" in field or "const" in field:
        return {field.get("type", "string")}
    kind = field.get("type")
    return set(kind) if isinstance(kind, list) else {kind or "object"}


def _hint(field: dict[str, Any]) -> str:
    for option in (field, *field.get("anyOf", ())):
        if "enum" in option:
            return "|".join(str(choice) for choice in option["enum"])
        if option.get("type") in {"integer", "number"}:
            return "N"
        if option.get("type") == "boolean":
            return "true|false"
        if option.get("type") == "array":
            return LIST
    return "TEXT"


def _help(name: str, field: dict[str, Any], required: set[str]) -> str:
    text = str(field.get("description", "")).replace("%", "%%")
    if name in required:
        return f"{text} (required)".strip()
    default = field.get("default")
    return f"{text} (default: {default})".replace("%", "%%").strip() if default not in (None, "", [], {}) else text
