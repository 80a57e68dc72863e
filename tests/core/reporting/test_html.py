"""HTML of figures, tables and reports: traceable, escaped, complete."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from core.domain.facts import Column, Fact, Table, ToolResult
from core.errors import NoData
from core.reporting.document import Document, Rows, Section, cell_id, fact_figure
from core.reporting.html import document_html, fact_html, figure_html, records_html, report_style, table_html
from core.reporting.report import make_report

NOW = datetime(2022, 11, 29, 21, 0, tzinfo=UTC)
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '" onclick="alert(1)',
    "</td></tr></table><h1>owned</h1>",
    "</style><style>*{display:none}",
    "<iframe src=//example.com></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "&lt;b&gt; &amp; <b>",
    "<!-- -->",
    "<svg onload=alert(1)>",
]


class Elements(HTMLParser):
    """Collect the elements of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def tags(self) -> set[str]:
        return {tag for tag, _ in self.found}

    @property
    def attributes(self) -> set[str]:
        return {name for _, attributes in self.found for name in attributes}


def a_fact(value: Any, unit: Any = "money", name: str = "cash", number: str = "fct_1") -> Fact:
    currency = "USD" if unit == "money" else None
    return Fact(
        id=number, run="run_1", name=name, value=value, unit=unit, currency=currency, as_of=NOW, label="private"
    )


def a_table(*rows: tuple[Any, ...], title: str = "") -> Table:
    columns = (
        Column(name="symbol", unit="text"),
        Column(name="price", unit="money", currency="USD"),
        Column(name="day", unit="date"),
    )
    return Table(name="prices", title=title, columns=columns, rows=rows)


def test_a_figure_links_to_its_explanation():
    tag, attributes = Elements(fact_html(a_fact(-5.5))).found[0]
    assert tag == "a"
    assert attributes["href"] == "/runs/fct_1"
    assert attributes["data-fact"] == "fct_1"
    assert attributes["class"] == "n neg"
    assert attributes["target"] == "_top"
    assert "quantdesk why fct_1" in str(attributes["title"])
    assert Elements(fact_html(a_fact(-5.5))).text == "-$5.50"


@pytest.mark.parametrize(
    ("value", "kind"), [(0.0, "n"), (1.0, "n"), (-1.0, "n neg"), (None, "n"), (True, "n"), ("x", "n")]
)
def test_only_losses_are_red(value, kind):
    assert Elements(fact_html(a_fact(value))).found[0][1]["class"] == kind


def test_the_id_of_a_cell_is_quoted_in_its_address():
    figure = fact_figure(a_fact(1.0, number="run_1:t:0:a b/c?d"))
    assert 'href="/runs/run_1%3At%3A0%3Aa%20b/c%3Fd"' in figure_html(figure)
    assert "href" not in figure_html(figure, link=False)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_a_fact_is_only_text(text):
    page = Elements(fact_html(a_fact(text, unit="text", name=text)))
    assert page.tags == {"a"}
    assert page.attributes == {"class", "data-fact", "href", "target", "title"}
    assert page.text == text


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("draw", [lambda table: table_html("run_1", table), records_html])
def test_hostile_text_in_a_table_is_only_text(draw, text):
    columns = (Column(name=text, unit="text", title=text), Column(name="n", unit="number"))
    page = Elements(draw(Table(name="t", title=text, columns=columns, rows=((text, 1.0),))))
    assert page.tags <= {"table", "caption", "thead", "tr", "th", "tbody", "td", "span", "a"}
    assert page.attributes <= {"class", "scope", "data-label", "data-fact", "href", "target", "title"}
    assert page.text.count(text) == 3


def test_every_cell_carries_its_id_and_the_heading_for_narrow_screens():
    table = a_table(("AAPL", 140.76, "2022-11-29"), ("KO", 61.1, "2022-11-29"))
    page = Elements(table_html("run_1", table))
    cells = [attributes["data-label"] for tag, attributes in page.found if tag == "td"]
    assert cells == ["symbol", "price", "day"] * 2
    ids = [attributes["data-fact"] for _, attributes in page.found if "data-fact" in attributes]
    assert ids == [f"run_1:prices:{row}:{name}" for row in (0, 1) for name in ("symbol", "price", "day")]
    links = [attributes["href"] for tag, attributes in page.found if tag == "a"]
    assert links == ["/runs/run_1%3Aprices%3A0%3Aprice", "/runs/run_1%3Aprices%3A1%3Aprice"]


def test_numbers_stand_right_and_absent_ones_are_no_link():
    page = table_html("run_1", a_table(("AAPL", None, None)))
    assert '<th scope="col" class="right">price</th>' in page
    assert '<th scope="col" class="left">symbol</th>' in page
    assert "href" not in page
    assert Elements(page).text.endswith("n/an/a")


def test_a_table_is_cut_and_titled_on_request():
    table = a_table(*((f"S{number}", 1.0, None) for number in range(9)), title="All prices")
    page = table_html("run_1", table, most_rows=4, title="Some")
    assert page.count("<tr>") == 5
    assert "<caption>Some</caption>" in page
    assert "<caption>All prices</caption>" in table_html("run_1", table)
    assert "<caption>" not in table_html("run_1", table, title="")


def test_records_have_values_but_no_facts():
    page = records_html(a_table(("AAPL", 1234.5, "2022-11-29")))
    assert "$1,234.50" in page
    assert "data-fact" not in page and "href" not in page


def test_a_cell_id_names_run_table_row_and_column():
    table = a_table(("AAPL", 1.0, None))
    assert cell_id("run_9", table, 0, 1) == "run_9:prices:0:price"


# Rows of a recorded table


def rows_of_table(*rows: tuple[Any, ...]) -> Rows:
    table = a_table(*rows)
    return Rows(ToolResult(run="run_1", tool="t", label="public", as_of=NOW, tables=(table,)), table)


def test_rows_keep_their_place_when_chosen_and_sorted():
    rows = rows_of_table(("A", 1.0, None), ("B", None, None), ("C", 3.0, None))
    assert [row.index for row in rows.by("price")] == [2, 0]
    assert [row.index for row in rows.by("price", descending=False)] == [0, 2]
    chosen = rows.where([row for row in rows if row.text("symbol") == "C"])
    assert next(iter(chosen)).figure("price").fact_id == "run_1:prices:2:price"


def test_cells_are_read_by_the_first_name_there_is():
    row = next(iter(rows_of_table(("A", 2, "2022-11-29"))))
    assert row.value("close", "price") == 2
    assert row.number("price") == 2.0
    assert row.number("symbol") is None
    assert row.text("nothing") == ""
    with pytest.raises(KeyError, match="symbol"):
        row.figure("close")


def test_truth_values_are_no_numbers():
    assert next(iter(rows_of_table(("A", True, None)))).number("price") is None


def test_a_section_shows_the_columns_there_are_and_says_when_rows_are_left_out():
    section = Section(key="k", title="K")
    rows = rows_of_table(*((f"S{number}", float(number), None) for number in range(5)))
    section.show(rows, most=3, columns=("price", "volume"))
    assert section.tables[0].rows == (0, 1, 2)
    assert section.tables[0].columns == (1,)
    assert section.notes == ["More rows are in the run behind this table."]
    section.show(rows, columns=("volume",))
    assert section.tables[1].columns == (0, 1, 2)


# The whole page


def page_of(*sections: Section, kind: Any = "sod", mode: Any = "replay", **changes: Any) -> str:
    values = {
        "desk_time": NOW,
        "session": date(2022, 11, 30),
        "last_session": date(2022, 11, 29),
        "sections": sections,
        "results": (),
    }
    return document_html(Document(kind=kind, mode=mode, **{**values, **changes}), digest="d" * 64)


def text_of(page: str) -> str:
    return " ".join(Elements(re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)).text.split())


def test_the_start_of_day_names_the_session_to_come_and_the_last():
    text = text_of(page_of())
    assert "Wednesday 30 November 2022" in text
    assert "This report is for the session that closes next; the last one closed on Tuesday 29 November 2022." in text


@pytest.mark.parametrize(
    ("desk_time", "said"),
    [(NOW, False), (datetime(2022, 11, 30, 15, 0, tzinfo=UTC), True), (datetime(2022, 11, 30, 3, 0, tzinfo=UTC), True)],
)
def test_the_end_of_day_says_when_it_is_of_an_earlier_day(desk_time, said):
    text = text_of(page_of(kind="eod", session=date(2022, 11, 29), desk_time=desk_time))
    assert "Tuesday 29 November 2022" in text
    assert ("the one after it has not closed yet" in text) is said


@pytest.mark.parametrize(("mode", "words"), [("replay", "The desk replays the past"), ("live", "follows the clock")])
def test_the_clock_is_named_on_every_report(mode, words):
    page = page_of(mode=mode)
    assert words in text_of(page)
    assert f'class="banner {mode}"' in page


def test_attention_is_announced_only_when_something_asks_for_it():
    quiet, loud = Section(key="a", title="A"), Section(key="b", title="B")
    quiet.say("note", "nothing")
    loud.say("alarm", "look")
    assert "Nothing asks for attention." in text_of(page_of(quiet))
    assert "Points that ask for attention are marked." in text_of(page_of(quiet, loud))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_anywhere_in_a_report_are_inert(text):
    section = Section(key=text, title=text, notes=[text])
    section.say("watch", text, fact_figure(a_fact(text, unit="text", name=text)))
    section.tiles.append((text, fact_figure(a_fact(text, unit="text"))))
    section.show(rows_of_table((text, 1.0, None)), title=text)
    result = ToolResult(run="run_1", tool=text, label="public", as_of=NOW, sources=(text,))
    clean, dirty = Elements(page_of(Section(key="a", title="A"))), Elements(page_of(section, results=(result,)))
    assert dirty.tags - clean.tags <= {"dl", "div", "dt", "dd", "a", "ul", "li", "b", "span", "table", "caption",
                                       "thead", "tr", "th", "tbody", "td", "summary", "p", "code"}  # fmt: skip
    assert not {name for name in dirty.attributes if name.startswith("on")}
    links = [str(attributes["href"]) for _, attributes in dirty.found if "href" in attributes]
    assert all(link.startswith("/runs/") for link in links)


def test_notes_are_said_once():
    page = page_of(Section(key="a", title="A", notes=["Prices are late.", "Prices are late."]))
    assert page.count("Prices are late.") == 1


def test_the_style_follows_the_theme_of_the_page_around_it_and_the_system():
    style = report_style()
    assert ':root:not([data-theme="light"])' in style
    light, dark = (re.search(rf'data-theme="{name}"\] {{(.*?)}}', style, re.DOTALL) for name in ("light", "dark"))
    assert light is not None and dark is not None
    names = set(re.findall(r"--[\w-]+:", style.partition("}")[0]))
    assert set(re.findall(r"--[\w-]+:", dark.group(1))) == names


# Hostile news and reasons through the whole report


@pytest.mark.parametrize("text", HOSTILE)
def test_a_headline_or_reason_cannot_act_in_a_report(text, clock, ids):
    def run(tool: str, arguments: dict[str, Any], /, as_of: Any = None) -> ToolResult:
        text_columns = {"news": ("symbol", "headline", "published_date"), "proposals": ("what", "state", "reason")}
        if arguments.get("metric") == "news":
            table = Table(
                name="result",
                columns=tuple(Column(name=name, unit="text") for name in text_columns["news"]),
                rows=((text, text, "2022-11-28"),),
            )
        elif arguments.get("sections") == ["proposals"]:
            columns = (
                *(Column(name=name, unit="text") for name in text_columns["proposals"]),
                Column(name="notional", unit="money"),
            )
            table = Table(name="proposals", columns=columns, rows=((text, "pending", text, 1.0),))
        elif tool == "portfolio" and "sections" not in arguments:
            columns = (Column(name="symbol", unit="text"), Column(name="weight", unit="ratio"))
            table = Table(name="positions", columns=columns, rows=((text, 0.9),))
        else:
            raise NoData(text)
        return ToolResult(run="run_1", tool=tool, label="private", as_of=NOW, tables=(table,), notes=(text,))

    page = Elements(make_report("sod", run, clock, ids).html)
    assert "script" not in page.tags and "img" not in page.tags and "iframe" not in page.tags
    assert not {name for name in page.attributes if name.startswith("on")}
    assert page.text.count(text) >= 5
