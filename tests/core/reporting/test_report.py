"""Reports: equal bytes for equal results, every digit traceable, refusals become remarks, rules fire."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from core.domain.facts import ToolResult
from core.errors import InvalidInput, NoData
from core.reporting.rendering import render_cell, render_fact
from core.reporting.report import Report, make_report


class Page(HTMLParser):
    """Collect the text of facts by id, and all text that stands outside facts, rules, charts and chrome."""

    VOID = frozenset({"meta", "br", "hr", "img", "input", "link"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.facts: list[tuple[str, str]] = []
        self.loose: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self._stack: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.add(tag)
        for key in ("href", "src"):
            if named.get(key):
                self.links.append(str(named[key]))
        if "data-fact" in named:
            self.facts.append((str(named["data-fact"]), ""))
        if tag not in self.VOID:
            self._stack.append((tag, named))

    def handle_endtag(self, tag: str) -> None:
        while self._stack and self._stack.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if any("data-fact" in named for _, named in self._stack):
            number, text = self.facts[-1]
            self.facts[-1] = (number, text + data)
        elif not any(self._is_chrome(tag, named) for tag, named in self._stack):
            self.loose.append(data)

    @staticmethod
    def _is_chrome(tag: str, named: dict[str, str | None]) -> bool:
        return bool(
            tag in {"style", "svg", "title", "h2", "dt", "th", "caption"}
            or named.keys() & {"data-rule", "data-note"}
            or "chrome" in (named.get("class") or "")
        )


@pytest.fixture(scope="module")
def made(made_up_desk, clock, ids) -> dict[str, tuple[Report, Any]]:
    """Make both reports once; each with the desk that answered it."""
    desks = {kind: made_up_desk() for kind in ("sod", "eod")}
    return {kind: (make(kind, desk, clock, ids), desk) for kind, desk in desks.items()}


def make(kind: str, desk: Any, clock: Any, ids: Any) -> Report:
    return make_report(kind, desk, clock, ids)


def expected_texts(results: list[ToolResult]) -> dict[str, str]:
    texts = {fact.id: render_fact(fact) for result in results for fact in result.facts}
    for result in results:
        for table in result.tables:
            for row, cells in enumerate(table.rows):
                for cell, column in zip(cells, table.columns, strict=True):
                    texts[f"{result.run}:{table.name}:{row}:{column.name}"] = render_cell(cell, column)
    return texts


@pytest.mark.parametrize("kind", ["sod", "eod"])
def test_every_number_is_a_recorded_fact_and_says_what_the_fact_says(kind, made):
    report, desk = made[kind]
    page = Page(report.html)
    texts = expected_texts(desk.results)
    assert len(page.facts) > 40
    for number, text in page.facts:
        assert text == texts[number]


@pytest.mark.parametrize("kind", ["sod", "eod"])
def test_no_digits_outside_facts(kind, made):
    page = Page(made[kind][0].html)
    assert [text for text in page.loose if re.search(r"\d", text)] == []


@pytest.mark.parametrize("kind", ["sod", "eod"])
def test_equal_results_give_equal_bytes(kind, made, made_up_desk, clock, ids):
    first, second = made[kind][0], make(kind, made_up_desk(), clock, ids)
    assert first.html.encode() == second.html.encode()
    assert first.report_id != second.report_id


def test_the_digest_leaves_out_run_ids_and_nothing_else(made_up_desk, clock, ids):
    class WithoutPictures(made_up_desk):
        def __call__(self, tool: str, arguments: dict[str, Any], /, as_of: Any = None) -> ToolResult:
            return super().__call__(tool, arguments, as_of).model_copy(update={"charts": ()})

    class OneCentMore(WithoutPictures):
        def __call__(self, tool: str, arguments: dict[str, Any], /, as_of: Any = None) -> ToolResult:
            result = super().__call__(tool, arguments, as_of)
            if not result.facts or not isinstance(result.facts[0].value, float) or tool != "portfolio":
                return result
            fact = result.facts[0]
            changed = fact.model_copy(update={"value": fact.value + 0.01})
            return result.model_copy(update={"facts": (changed, *result.facts[1:])})

    first = make("sod", WithoutPictures(), clock, ids)
    renumbered = make("sod", WithoutPictures(lambda number: f"run_{number + 7000:032x}"), clock, ids)
    assert renumbered.html != first.html
    assert renumbered.digest == first.digest
    assert make("sod", OneCentMore(), clock, ids).digest != first.digest


@pytest.mark.parametrize("kind", ["sod", "eod"])
def test_the_page_stands_alone(kind, made):
    report = made[kind][0]
    page = Page(report.html)
    assert "script" not in page.tags and "iframe" not in page.tags
    assert all(link.startswith(("/runs/", "#")) for link in page.links)
    assert not re.search(r"url\((?!#)|@import|javascript:", report.html)
    assert report.digest in report.html


def test_vendor_text_cannot_become_markup(made):
    report = made["sod"][0]
    assert "<b>may</b>" not in report.html
    assert "&lt;b&gt;may&lt;/b&gt;" in report.html


@pytest.mark.parametrize("kind", ["sod", "eod"])
def test_a_desk_without_anything_still_gets_its_report(kind, clock, ids):
    def refusing(tool: str, arguments: dict[str, Any], /, as_of: Any = None) -> ToolResult:
        raise NoData(f"Nothing is stored for {tool}.")

    report = make(kind, refusing, clock, ids)
    assert "Not available: Nothing is stored for portfolio." in report.html
    assert report.facts == () and report.runs == ()
    assert Page(report.html).facts == []


@pytest.mark.parametrize(
    "sentence",
    [
        "AAPL is 30.12% of the book, above 25%.",
        "NASDAQ swings: realised volatility is 34.41%, above 30%.",
        "MSFT, which you hold, reports earnings on 2022-12-05.",
        "JPM looks overbought: RSI 71.30, above 70.",
        "AAPL carries 50.92% of the tail risk, far more than its share of what is invested; its weight is 30.12%.",
        "The positions move together: average correlation 0.74, above 0.70.",
        "A proposal waits for your decision: buy 25 GE for $1,250.00.",
        "The account stands -12.07% from its peak, deeper than -10%.",
    ],
)
def test_rules_fire_with_their_reason(sentence, made):
    text = re.sub(r"<[^>]+>", "", made["sod"][0].html)
    assert sentence in text


def test_the_watch_list_is_short_and_leads_to_the_sections(made):
    page = made["sod"][0].html
    watch = page.split('<section id="watch">')[1].split("</section>")[0]
    text = re.sub(r"<[^>]+>", "", watch)
    assert "A proposal waits for your decision: buy 25 GE for $1,250.00." in text
    assert "looks overbought" not in text, "signals ask for no action; they stand once, in their own section"
    led_to = set(re.findall(r'href="#([^"]+)"', watch))
    assert {"pending", "signals"} <= led_to
    assert all(f'<section id="{key}">' in page for key in led_to)


def test_the_end_of_day_says_what_was_done(made):
    html = made["eod"][0].html
    text = re.sub(r"<[^>]+>", "", html)
    assert "An order for TSLA is rejected: The order is above the largest notional." in text
    assert "JPM helped most with $41.60." in text
    assert "An old one." not in text
    assert "AAPL cost most with -$357.60." in text
    assert "Replay" in text and "2022-11-29 21:00 UTC" in text


def test_each_report_is_of_its_own_session(made):
    assert {kind: report.session.isoformat() for kind, (report, _) in made.items()} == {
        "sod": "2022-11-30",
        "eod": "2022-11-29",
    }
    assert made["sod"][0].title == "Start of day · 2022-11-30"


def test_the_end_of_day_compares_risk_and_limits(made):
    text = re.sub(r"<[^>]+>", "", made["eod"][0].html)
    assert "Value at risk rose from $772.95 to $1,104.22, by more than 25% of it." in text
    assert "Annualised volatility of the book stays at 21.34%." in text
    assert "Largest position stands at 30.12%, close to its limit of 35.00%." in text
    watch = made["eod"][0].html.split('<section id="watch">')[1].split("</section>")[0]
    assert "Value at risk rose" in watch and "Largest position stands" in watch


def test_charts_are_drawn_from_the_cells_of_the_tables(made):
    html = made["eod"][0].html
    assert html.count("<svg") >= 4
    assert "Net asset value" in html and "Drawdown" in html


def test_a_report_names_its_runs(made):
    report, desk = made["sod"]
    assert set(report.runs) == {result.run for result in desk.results}
    assert all(run in report.html for run in report.runs)
    assert {fact.run for fact in report.facts} <= set(report.runs)


def test_an_unknown_kind_is_refused(made_up_desk, clock, ids):
    with pytest.raises(InvalidInput, match="sod or eod"):
        make("weekly", made_up_desk(), clock, ids)
