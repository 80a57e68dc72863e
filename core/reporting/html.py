"""Write figures, tables and whole reports as HTML; every number carries the id of its fact."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from importlib.resources import files
from urllib.parse import quote

from core.domain.facts import Fact, Table, ToolResult
from core.reporting.chart_images import chart_svg
from core.reporting.document import (
    Document,
    Figure,
    Link,
    Part,
    Remark,
    Rule,
    Section,
    ShownTable,
    cell_figure,
    fact_figure,
)
from core.reporting.rendering import is_numeric, render_cell, title_of

_MARKS = {"note": "Note", "good": "Good", "watch": "Watch", "alarm": "Alarm"}


def figure_html(figure: Figure, *, link: bool = True) -> str:
    """Return a figure as an element with `data-fact`, linked to the page that explains it."""
    kind = "n neg" if figure.negative else "n"
    marks = f'class="{kind}" data-fact="{escape(figure.fact_id)}"'
    if not link:
        return f"<span {marks}>{escape(figure.text)}</span>"
    hint = escape(f"{figure.title} · quantdesk why {figure.fact_id}")
    return f'<a {marks} href="/runs/{quote(figure.fact_id)}" target="_top" title="{hint}">{escape(figure.text)}</a>'


def fact_html(fact: Fact) -> str:
    """Return a fact as an element with `data-fact`."""
    return figure_html(fact_figure(fact))


def table_html(
    run: str, table: Table, *, title: str | None = None, most_rows: int | None = None, symbol_page: str = ""
) -> str:
    """Return a table of a run, under its or another title; on a narrow screen each row becomes a card by the style.

    `symbol_page` is the address that the cells of a column `symbol` lead to; the symbol is added to it.
    """
    return shown_table_html(
        ShownTable(
            run=run,
            table=table,
            rows=tuple(range(len(table.rows)))[:most_rows],
            columns=tuple(range(len(table.columns))),
            title=table.title if title is None else title,
        ),
        symbol_page,
    )


def records_html(table: Table) -> str:
    """Return a table of the desk's own records, which no run computed: its cells are plain text."""
    return table_html("", table)


def shown_table_html(shown: ShownTable, symbol_page: str = "") -> str:
    """Return the chosen rows and columns of a table, its symbols as links where their page is given."""
    table = shown.table
    heads = "".join(
        f'<th scope="col" class="{_side(table, column)}">{escape(title_of(table.columns[column]))}</th>'
        for column in shown.columns
    )
    lines = "".join(_row_html(shown, row, symbol_page) for row in shown.rows)
    caption = f"<caption>{escape(shown.title)}</caption>" if shown.title else ""
    size = "facts narrow" if len(shown.columns) <= 3 else "facts"
    return f'<table class="{size}">{caption}<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>'


def report_style() -> str:
    """Return the style sheet of reports."""
    return _asset("report.css")


def document_html(document: Document, *, digest: str) -> str:
    """Return the report as one self-contained page without scripts or outside addresses; equal input, equal bytes."""
    body = "\n".join(_section_html(section) for section in document.sections)
    title = f"{document.title} · {document.session}"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{report_style()}</style>\n</head>\n<body>\n<main>\n"
        f"{_header_html(document)}\n{body}\n{_footer_html(document, digest)}\n</main>\n</body>\n</html>\n"
    )


def _header_html(document: Document) -> str:
    mode = "Replay" if document.mode == "replay" else "Live"
    explanation = (
        "The desk replays the past: nothing later than the desk time is known to it."
        if document.mode == "replay"
        else "The desk follows the clock."
    )
    watches = sum(
        1 for section in document.sections for remark in section.remarks if remark.level in {"watch", "alarm"}
    )
    summary = {0: "Nothing asks for attention."}.get(watches, "Points that ask for attention are marked.")
    return (
        f'<header><p class="eyebrow">quantdesk · {escape(document.title)} report</p>'
        f'<h1><time class="chrome">{document.session:%A %d %B %Y}</time></h1>'
        f'<p class="banner {document.mode}"><strong>{mode}</strong> · desk time '
        f'<time class="chrome">{document.desk_time:%Y-%m-%d %H:%M} UTC</time>. {explanation}</p>'
        f'<p class="lead">{_session_html(document)} {summary}</p></header>'
    )


def _session_html(document: Document) -> str:
    last = f'<time class="chrome">{document.last_session:%A %d %B %Y}</time>'
    if document.kind == "sod":
        return f"This report is for the session that closes next; the last one closed on {last}."
    closed_today = document.desk_time.date() == document.last_session
    return "" if closed_today else f"Of the last session that closed, {last}; the one after it has not closed yet."


def _section_html(section: Section) -> str:
    parts = [f'<section id="{escape(section.key)}"><h2>{escape(section.title)}</h2>']
    if section.tiles:
        tiles = "".join(
            f"<div><dt>{escape(name)}</dt><dd>{figure_html(figure)}</dd></div>" for name, figure in section.tiles
        )
        parts.append(f'<dl class="tiles">{tiles}</dl>')
    if section.remarks:
        parts.append(f'<ul class="remarks">{"".join(_remark_html(remark) for remark in section.remarks)}</ul>')
    tables = "".join(f'<div class="scroll">{shown_table_html(table)}</div>' for table in section.tables if table.rows)
    if tables:
        parts.append(f'<div class="tables">{tables}</div>')
    if section.charts:
        charts = "".join(f'<figure class="chart">{chart_svg(chart)}</figure>' for chart in section.charts)
        parts.append(f'<div class="charts">{charts}</div>')
    parts += [f'<p class="aside" data-note>{escape(note)}</p>' for note in dict.fromkeys(section.notes)]
    parts.append("</section>")
    return "\n".join(parts)


def _remark_html(remark: Remark) -> str:
    words = "".join(_part_html(part) for part in remark.parts)
    return f'<li class="{remark.level}"><b>{_MARKS[remark.level]}</b> <span>{words}</span></li>'


def _part_html(part: Part) -> str:
    if isinstance(part, Figure):
        return figure_html(part)
    if isinstance(part, Rule):
        return f'<span class="rule" data-rule="{escape(part.name)}">{escape(part.text)}</span>'
    if isinstance(part, Link):
        return f'<a href="#{quote(part.key)}">{escape(part.text)}</a>'
    return escape(part)


def _footer_html(document: Document, digest: str) -> str:
    sources = sorted({source for result in document.results for source in result.sources})
    listed = "".join(f"<li>{escape(source)}</li>" for source in sources)
    runs = "".join(_run_html(result) for result in document.results)
    return (
        '<footer class="chrome"><h2>Where the numbers come from</h2>'
        f"<p>As of <time>{document.desk_time:%Y-%m-%d %H:%M:%S} UTC</time> on the desk clock ({document.mode}). "
        "Each number links to the run that computed it; <code>quantdesk why</code> with its id explains it.</p>"
        f"<details><summary>Sources</summary><ul>{listed}</ul></details>"
        f"<details><summary>Runs</summary><ul>{runs}</ul></details>"
        f'<p class="digest">Digest of the content <code>{digest}</code></p></footer>'
    )


def _run_html(result: ToolResult) -> str:
    link = f'<a href="/runs/{quote(result.run)}" target="_top"><code>{escape(result.run)}</code></a>'
    return f"<li>{escape(result.tool)} {link}</li>"


def _row_html(shown: ShownTable, row: int, symbol_page: str) -> str:
    cells = []
    for column in shown.columns:
        described = shown.table.columns[column]
        cell = shown.table.rows[row][column]
        if shown.run:
            figure = cell_figure(shown.run, shown.table, row, column)
            content = figure_html(figure, link=is_numeric(described) and cell is not None)
        else:
            content = f'<span class="n">{escape(render_cell(cell, described))}</span>'
        if symbol_page and described.name == "symbol" and isinstance(cell, str):
            content = f'<a href="{escape(symbol_page + quote(cell))}">{content}</a>'
        label = escape(title_of(described))
        cells.append(f'<td class="{_side(shown.table, column)}" data-label="{label}">{content}</td>')
    return f"<tr>{''.join(cells)}</tr>"


def _side(table: Table, column: int) -> str:
    return "right" if is_numeric(table.columns[column]) else "left"


@lru_cache(maxsize=8)
def _asset(name: str) -> str:
    return files("core.reporting").joinpath(name).read_text(encoding="utf-8")
