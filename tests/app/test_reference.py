"""The generated pages: every tool, setting and record, with cells that cannot break a table."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import reference
from app.bootstrap import vendor_terms
from app.reference import _cell, _first, _type, pages, records_page, settings_page, tools_page
from core.domain.records import record_kinds
from core.settings import Settings, vendor_variables
from tools.registry import load_tools


def rows(page: str) -> list[list[str]]:
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in page.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("name", sorted(pages()))
def test_every_table_has_as_many_cells_in_each_row(name):
    width = 0
    for line in pages()[name].splitlines():
        if not line.startswith("|"):
            width = 0
            continue
        cells = len(re.split(r"(?<!\\)\|", line)) - 2
        width = width or cells
        assert cells == width, line


def test_every_argument_of_every_tool_is_described():
    page = tools_page()
    for tool in load_tools():
        section = page.split(f"\n## {tool.name}\n")[1].split("\n## ")[0]
        described = {row[0].strip(" `"): row for row in rows(section)}
        for field in tool.schema().get("properties", {}):
            assert described[field][3].strip(), f"{tool.name}.{field} has no meaning"
        for field in tool.schema().get("required", ()):
            assert described[field][2].strip() == "required"


def test_no_secret_has_a_default_on_the_page():
    for row in rows(settings_page())[2:]:
        if re.search("KEY|TOKEN|URL|PASSWORD", row[0]):
            assert row[1].strip() == "`None`", row[0]


def test_the_settings_page_names_each_variable_once():
    named = [row[0].strip(" `") for row in rows(settings_page()) if row[0].startswith(" `")]
    expected = {str(field.validation_alias) for field in Settings.model_fields.values()}
    for terms in vendor_terms():
        expected |= {*terms.keys, *vendor_variables(terms)}
    assert sorted(named) == sorted(expected)
    assert "/home/" not in settings_page()
    assert "/root/" not in settings_page()


def test_the_records_page_has_every_kind_with_its_table_and_label():
    found = {row[0].strip(" `"): row for row in rows(records_page())[2:]}
    assert set(found) == {kind.kind for kind in record_kinds()}
    for kind in record_kinds():
        row = found[kind.kind]
        assert row[1].strip(" `") == kind.table
        assert row[3].strip() == kind.label
        assert all(f"`{part}`" in row[2] for part in kind.key)


@given(st.text())
def test_a_cell_never_ends_its_row(text):
    shown = _cell(text)
    assert "\n" not in shown
    assert not re.search(r"(?<!\\)\|", shown)
    assert shown == shown.strip()


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        ({"type": "integer"}, "integer"),
        ({"type": "string", "format": "date"}, "date"),
        ({"type": "string"}, "string"),
        ({"enum": ["a", "b"], "type": "string"}, "`a`, `b`"),
        ({"const": "x"}, "`x`"),
        ({"$ref": "#/$defs/Leg"}, "Leg"),
        ({"type": "array", "items": {"type": "number"}}, "list of number"),
        ({"type": "array"}, "array"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
        ({"anyOf": [{"type": "string"}, {"type": "string"}]}, "string"),
        ({}, "any"),
    ],
)
def test_types_are_words(field, shown):
    assert _type(field) == shown


@pytest.mark.parametrize(
    ("text", "first"), [("One.\nTwo.", "One."), ("", ""), ("  \n", ""), ("\n One | two.\n", r"One \| two.")]
)
def test_the_first_line_stands_for_a_text(text, first):
    assert _first(text) == first


def test_the_program_says_what_it_wrote(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(reference, "write_pages", lambda: [tmp_path / "tools.md"])
    assert reference.main() == 0
    assert capsys.readouterr().out == f"wrote {tmp_path / 'tools.md'}\n"
    monkeypatch.setattr(reference, "write_pages", list)
    assert reference.main() == 0
    assert capsys.readouterr().out == "Every page is up to date.\n"
