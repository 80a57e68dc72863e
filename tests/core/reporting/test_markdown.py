"""Tables as Markdown, read back by another library's parser: cells stay text whatever a vendor or a person wrote."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from core.domain.facts import Column, Table
from core.reporting.rendering import table_markdown

PARSER = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
HOSTILE = [
    "a|b",
    "a\\|b",
    "\\",
    "||||",
    "`code`",
    "``` fence",
    "``a`b``",
    "<b>bold</b>",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- hidden -->",
    "<https://example.com>",
    "![image](https://example.com/pixel.png)",
    "[link](https://example.com)",
    "[link][1]",
    "[1]: https://example.com",
    "[link](javascript:alert(1))",
    "**bold** and *italic*",
    "# heading",
    "- item",
    "> quote",
    "1. one",
    "---",
    "| :--- |",
    "two\nlines",
    "two\r\nlines | and a pipe",
    "tab\tbed",
    "  spaces  ",
    "\\[escaped\\]",
    "Ünïcödé 日本語 🚀",
    "a\u2028b",
    "",
]


def read(text: str) -> tuple[list[list[str]], set[str]]:
    """Return the cells of the only table and the kinds of everything found inside them."""
    tokens = PARSER.parse(text)
    assert [token.type for token in tokens].count("table_open") == 1
    rows: list[list[str]] = []
    kinds: set[str] = set()
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows:
            parts = token.children or []
            kinds |= {part.type for part in parts}
            rows[-1].append("".join(part.content for part in parts))
        elif token.type in {"html_block", "fence", "code_block", "heading_open"}:
            kinds.add(token.type)
    return rows, kinds


def table(*cells: Any, title: str = "") -> Table:
    columns = (Column(name="headline", unit="text", title=title), Column(name="value", unit="number"))
    return Table(name="t", columns=columns, rows=tuple((cell, 1.5) for cell in cells))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_in_its_cell(text):
    rows, kinds = read(table_markdown(table(text)))
    assert len(rows) == 2
    assert [len(row) for row in rows] == [2, 2]
    assert rows[1][1] == "1.50"
    assert kinds <= {"text", "text_special"}, kinds
    assert rows[1][0] == " ".join(text.split())


@pytest.mark.parametrize("text", [text for text in HOSTILE if text])
def test_a_hostile_heading_stays_a_heading(text):
    rows, kinds = read(table_markdown(table("x", title=text)))
    assert rows[0] == [" ".join(text.split()), "value"]
    assert kinds <= {"text", "text_special"}


def test_all_at_once_keep_their_rows():
    rows, kinds = read(table_markdown(table(*HOSTILE), max_rows=100))
    assert len(rows) == len(HOSTILE) + 1
    assert kinds <= {"text", "text_special"}


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet=st.sampled_from("|\\`*_[]()<>!#~-\n ab1:&;\"'"), max_size=24))
def test_no_text_leaves_its_cell(text):
    rows, kinds = read(table_markdown(table(text)))
    assert [len(row) for row in rows] == [2, 2]
    assert rows[1][1] == "1.50"
    assert not kinds & {"html_inline", "html_block", "image", "link_open", "code_inline", "fence"}


def test_numbers_stand_to_the_right_and_text_to_the_left():
    assert table_markdown(table("x")).splitlines()[1] == "| :--- | ---: |"


def test_nothing_but_a_heading_when_there_are_no_rows():
    assert table_markdown(table()).splitlines() == ["| headline | value |", "| :--- | ---: |"]
