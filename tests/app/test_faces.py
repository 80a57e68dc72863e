"""Every tool is on every face, with the schema of its one declaration."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.cli import main
from app.cli_commands.tool_arguments import add_options, read_options
from app.reference import DOCS, pages
from core.settings import Settings
from tools.registry import load_tool, load_tools, tool_names

TOOLS = tool_names()


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    from app.server import create_api

    app = create_api(SimpleNamespace(settings=Settings(), open_assistant=lambda: None), SimpleNamespace())  # type: ignore[arg-type]
    return app.openapi()


def resolved(schema: Any, document: dict[str, Any]) -> Any:
    """Replace references by what they name; drop titles, which each generator words itself, and nulls."""
    if isinstance(schema, list):
        return [resolved(item, document) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return resolved({**target, **rest}, document)
    kept = {}
    for key, value in schema.items():
        if key == "properties":
            kept[key] = {name: resolved(field, document) for name, field in value.items()}
        elif key not in {"title", "$defs"} and value is not None:
            kept[key] = resolved(value, document)
    return kept


def declared(name: str) -> Any:
    schema = load_tool(name).schema()
    return resolved(schema, schema)


def test_the_issue_s_tools_are_there():
    wanted = "query_metric run_sql data_coverage price_chart indicators performance backtest simulate risk_report"
    assert set(f"{wanted} size_position propose_trade portfolio".split()) <= set(TOOLS)


@pytest.mark.parametrize("name", TOOLS)
def test_declaration(name):
    tool = load_tool(name)
    assert tool.name == name
    assert tool.effect in {"read", "compute", "propose"}
    assert tool.description.strip().endswith((".", ")"))
    assert tool.schema().get("additionalProperties") is False, "unknown arguments must be refused"


@pytest.mark.parametrize("name", TOOLS)
def test_rest(name, openapi):
    operation = openapi["paths"][f"/api/tools/{name}"]["post"]
    assert operation["operationId"] == name
    body = operation["requestBody"]
    assert body["required"] is True
    assert resolved(body["content"]["application/json"]["schema"], openapi) == declared(name)
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert {"facts", "tables", "run", "label", "as_of"} <= set(resolved(answer, openapi)["properties"])


def test_rest_offers_nothing_else(openapi):
    offered = {path.removeprefix("/api/tools/") for path in openapi["paths"] if path.startswith("/api/tools/")}
    assert offered == set(TOOLS)


def test_cli_lists_the_same_schemas(capsys):
    assert main(["tools", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {tool["name"]: tool["schema"] for tool in listed} == {tool.name: tool.schema() for tool in load_tools()}


@pytest.mark.parametrize("name", TOOLS)
def test_cli_verb(name, capsys):
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    for field in load_tool(name).schema().get("properties", {}):
        assert f"--{field.replace('_', '-')}" in shown


@pytest.mark.parametrize("name", TOOLS)
def test_cli_options_reach_every_field(name):
    import argparse

    tool = load_tool(name)
    parser = argparse.ArgumentParser()
    add_options(parser, tool)
    for field in tool.schema().get("properties", {}):
        given = read_options(parser.parse_args([f"--{field.replace('_', '-')}", "7"]), tool)
        assert list(given) == [field]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--symbols", "AAPL,MSFT"], {"symbols": ["AAPL", "MSFT"]}),
        (["--symbols", "AAPL", "MSFT"], {"symbols": ["AAPL", "MSFT"]}),
        (["--symbols", '["AAPL", "MSFT"]'], {"symbols": ["AAPL", "MSFT"]}),
        (["--symbols", "AAPL", "--start", "2008-01-01"], {"symbols": ["AAPL"], "start": "2008-01-01"}),
        (["--args", '{"symbols": ["AAPL"]}', "--benchmark", "SP500"], {"symbols": ["AAPL"], "benchmark": "SP500"}),
    ],
)
def test_cli_options_say_what_they_mean(words, expected):
    import argparse

    tool = load_tool("performance")
    parser = argparse.ArgumentParser()
    add_options(parser, tool)
    assert read_options(parser.parse_args(words), tool) == expected


def test_agents_see_the_same_schemas():
    from agents.steps import _tool_schemas

    seen = {one["name"]: one for one in _tool_schemas()}
    assert set(seen) == set(TOOLS)
    for name, given in seen.items():
        assert given["input_schema"] == load_tool(name).schema()
        assert given["description"] == load_tool(name).description


async def test_mcp_offers_the_same_schemas():
    from mcp.shared.memory import create_connected_server_and_client_session

    from app.mcp import build_server
    from core.domain.principal import Principal

    person = Principal(id="usr_1", name="owner", kind="person", scopes=frozenset({"read", "trade", "approve"}))
    server = build_server(SimpleNamespace(code_version="1"), person)  # type: ignore[arg-type]
    async with create_connected_server_and_client_session(server) as client:
        offered = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(offered) == set(TOOLS)
    for name, tool in offered.items():
        assert tool.inputSchema == load_tool(name).schema()
        assert tool.description == load_tool(name).description


def test_one_activity_runs_every_tool():
    from temporalio import activity

    from workflows.activities import ToolActivities

    names = [
        activity._Definition.must_from_callable(function).name
        for function in ToolActivities(SimpleNamespace()).all()  # type: ignore[arg-type]
    ]
    assert names == ["run_tool"]


@pytest.mark.parametrize("name", TOOLS)
def test_the_documentation_has_the_tool(name):
    page = (DOCS / "tools.md").read_text()
    section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
    for field in load_tool(name).schema().get("properties", {}):
        assert f"| `{field}` |" in section


@pytest.mark.parametrize("page", sorted(pages()))
def test_generated_pages_are_up_to_date(page):
    assert (DOCS / page).read_text() == pages()[page], f"docs/{page} is stale: run `quantdesk docs`"


def test_stale_pages_are_rewritten(tmp_path):
    from app.reference import write_pages

    assert {file.name for file in write_pages(tmp_path)} == set(pages())
    assert write_pages(tmp_path) == []
    (tmp_path / "tools.md").write_text("old")
    assert [file.name for file in write_pages(tmp_path)] == ["tools.md"]


def test_every_setting_is_documented():
    page = (DOCS / "settings.md").read_text()
    for field in Settings.model_fields.values():
        assert f"`{field.validation_alias}`" in page
        assert field.description


def test_no_face_can_hold_the_thing_that_sends_an_order():
    """The names that send are imported by no face: a static look beside the import contracts."""
    root = Path(sys.modules["app.cli"].__file__ or "").parent
    faces = [*root.glob("cli*/**/*.py"), root / "cli.py", root / "mcp.py", *root.glob("api/*.py")]
    faces += [*(root.parent / "chat_ui").glob("*.py"), *(root.parent / "agents").rglob("*.py")]
    for file in faces:
        text = file.read_text()
        assert "execution.gateway" not in text, file
        assert "ports.broker" not in text, file
        assert ".gateway" not in text, file
