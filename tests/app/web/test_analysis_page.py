"""The analysis page: whom it finds, which days and neighbours it asks about, and how it looks on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from app.web.pages import analysis
from app.web.pages.analysis import (
    Subject,
    correlation_html,
    groups_html,
    page_of,
    periods_html,
    read_groups,
    read_peers,
    read_subject,
    search_html,
    suggestions_html,
)
from core.data.coverage import SeriesCoverage
from core.domain.facts import Chart, ChartSeries, Column, Table, ToolResult
from core.domain.market_records import Instrument
from core.errors import NoData, UnknownName
from core.indicators.catalogue import INDICATORS, compute
from core.reporting.html import table_html
from tools.registry import load_tool

NOW = datetime(2022, 11, 29, 21, 0, tzinfo=UTC)
CHROMIUM = Path("/usr/bin/chromium")
LAST = date(2022, 11, 29)


def instrument(number: int, symbol: str, *groups: str, **changes: Any) -> Instrument:
    told: dict[str, Any] = {"name": f"{symbol} Inc", "asset_class": "equity", "calendar": "XNYS", "source": "universe",
                            "known_at": NOW}  # fmt: skip
    return Instrument(instrument_id=number, symbol=symbol, groups=groups, **{**told, **changes})


def series(number: int, first: date = date(1990, 1, 2), last: date = LAST, stored: int = 100) -> SeriesCoverage:
    return SeriesCoverage(
        instrument_id=number, symbol=str(number), asset_class="equity", calendar="XNYS", source="samples",
        price_basis="raw", stored=stored, expected=100, first=first, last=last, behind=0,
    )  # fmt: skip


def desk(instruments: list[Instrument], stored: list[SeriesCoverage]) -> Any:
    """Know these instruments and series, all as of the desk time."""

    def find(name: str) -> Instrument:
        for entry in instruments:
            if name in (entry.symbol, *entry.aliases):
                return entry
        raise UnknownName("symbol", name)

    def read(ids: list[int], *, as_of: Any) -> list[SeriesCoverage]:
        assert as_of.known == NOW, "what is not known yet at the desk time is not stored yet"
        return [entry for entry in stored if entry.instrument_id in ids]

    return SimpleNamespace(
        clock=SimpleNamespace(now=lambda: NOW),
        instruments=SimpleNamespace(list=lambda: instruments, find=find),
        coverage=SimpleNamespace(series=read),
    )


def subject(*groups: str, period: str = "1y", start: date = date(2021, 11, 29), end: date = LAST) -> Subject:
    return Subject(instrument=instrument(1, "AAA", *groups), period=period, start=start, end=end)


@pytest.mark.parametrize(
    ("period", "start"),
    [("1y", date(2021, 11, 29)), ("3y", date(2019, 11, 29)), ("5y", date(2017, 11, 29)), ("all", date(1990, 1, 2))],
)
def test_a_period_is_counted_back_from_the_newest_session(period: str, start: date) -> None:
    found = read_subject(desk([instrument(1, "AAA", aliases=("triple",))], [series(1)]), "triple", period)
    assert (found.symbol, found.start, found.end) == ("AAA", start, LAST)
    assert found.window == {"start": start.isoformat(), "end": "2022-11-29"}


def test_a_series_that_ended_long_ago_is_shown_up_to_its_end() -> None:
    ended = series(1, date(2004, 8, 19), date(2013, 3, 1))
    found = read_subject(desk([instrument(1, "AAA")], [ended]), "AAA", "1y")
    assert (found.start, found.end) == (date(2012, 3, 1), date(2013, 3, 1))


def test_a_period_does_not_begin_before_the_first_session() -> None:
    young = series(1, date(2022, 2, 1))
    assert read_subject(desk([instrument(1, "AAA")], [young]), "AAA", "5y").start == date(2022, 2, 1)


def test_of_two_sources_both_count_for_what_is_stored() -> None:
    stored = [series(1, date(2000, 1, 3), date(2010, 1, 4)), series(1, date(2005, 1, 3), LAST)]
    found = read_subject(desk([instrument(1, "AAA")], stored), "AAA", "all")
    assert (found.start, found.end) == (date(2000, 1, 3), LAST)


def test_a_leap_day_has_a_year_before() -> None:
    found = read_subject(desk([instrument(1, "AAA")], [series(1, last=date(2020, 2, 29))]), "AAA", "1y")
    assert found.start == date(2019, 2, 28)


@pytest.mark.parametrize("stored", [[], [series(1, stored=0)]])
def test_without_prices_the_sentence_names_the_instrument(stored: list[SeriesCoverage]) -> None:
    with pytest.raises(NoData, match=r"No price of AAA Inc \(AAA\) is stored"):
        read_subject(desk([instrument(1, "AAA")], stored), "AAA", "1y")


def test_an_unknown_name_is_the_one_finders_refusal() -> None:
    with pytest.raises(UnknownName):
        read_subject(desk([], []), "nothing", "1y")


def test_groups_have_only_members_with_prices_and_the_largest_comes_first() -> None:
    known = [instrument(1, "AAA", "stock"), instrument(2, "BBB", "stock", "bank"), instrument(3, "CCC", "stock", "oil"),
             instrument(4, "DDD", "bank")]  # fmt: skip
    found = read_groups(desk(known, [series(1), series(2), series(4), series(3, stored=0)]))
    assert [(group, [entry.symbol for entry in members]) for group, members in found] == [
        ("bank", ["BBB", "DDD"]),
        ("stock", ["AAA", "BBB"]),
    ]


def test_neighbours_are_of_the_smallest_group_that_has_enough() -> None:
    known = [instrument(1, "AAA", "stock", "tech", "ai")]
    known += [instrument(number, f"T{number}", "stock", "tech") for number in range(2, 7)]
    known += [instrument(7, "AI7", "stock", "tech", "ai")]
    known += [instrument(number, f"S{number:02d}", "stock") for number in range(8, 30)]
    peers = read_peers(desk(known, [series(entry.instrument_id) for entry in known]), subject("stock", "tech", "ai"))
    assert peers is not None
    assert peers.group == "tech", "the one with ai has a single neighbour, all stocks are more than needed"
    assert peers.symbols == ("AI7", "T2", "T3", "T4", "T5", "T6")


def test_where_no_group_has_enough_neighbours_the_largest_is_taken() -> None:
    known = [instrument(1, "AAA", "ai", "tech"), instrument(2, "BBB", "tech"), instrument(3, "CCC", "tech", "ai")]
    peers = read_peers(desk(known, [series(number) for number in (1, 2, 3)]), subject("ai", "tech"))
    assert peers is not None
    assert (peers.group, peers.symbols) == ("tech", ("BBB", "CCC"))


def test_many_neighbours_are_cut_at_what_a_page_shows_the_largest_funds_first() -> None:
    known = [instrument(1, "AAA", "etf")]
    known += [instrument(2 + number, f"F{number:02d}", "etf", total_assets_usd=float(number)) for number in range(20)]
    peers = read_peers(desk(known, [series(entry.instrument_id) for entry in known]), subject("etf"))
    assert peers is not None
    assert peers.symbols == tuple(f"F{number:02d}" for number in range(19, 8, -1))


@pytest.mark.parametrize(
    ("first", "last", "is_there"),
    [
        (date(1990, 1, 2), LAST, True),
        (date(2021, 12, 6), LAST - timedelta(days=4), True),
        (date(2022, 6, 1), LAST, False),
        (date(1990, 1, 2), date(2022, 10, 1), False),
    ],
)
def test_a_neighbour_has_prices_over_the_whole_period(first: date, last: date, is_there: bool) -> None:
    known = [instrument(1, "AAA", "stock"), instrument(2, "BBB", "stock")]
    peers = read_peers(desk(known, [series(1), series(2, first, last)]), subject("stock"))
    assert (peers is not None) is is_there


def test_an_instrument_of_no_group_has_no_neighbours() -> None:
    assert (
        read_peers(desk([instrument(1, "AAA"), instrument(2, "BBB", "stock")], [series(1), series(2)]), subject())
        is None
    )


def correlations(*rows: tuple[Any, ...]) -> ToolResult:
    names = [str(row[0]) for row in rows]
    columns = (Column(name="symbol", unit="text"), *(Column(name=name, unit="number") for name in names))
    table = Table(name="correlation", columns=columns, rows=rows)
    return ToolResult(run="run_7", tool="correlation", label="public", as_of=NOW, facts=(), tables=(table,), charts=(),
                      sql=(), sources=(), notes=())  # fmt: skip


def test_every_correlation_is_the_fact_of_its_cell_and_the_highest_comes_first() -> None:
    page = correlation_html(
        "AAA", correlations(("^VIX", 1.0, -0.7, 0.1), ("AAA", -0.7, 1.0, 0.4), ("B&B", 0.1, 0.4, 1))
    )
    assert re.findall(r'data-fact="([^"]+)"', page) == ["run_7:correlation:1:B&amp;B", "run_7:correlation:1:^VIX"]
    assert re.findall(r">(-?\d\.\d+)<", page) == ["0.40", "-0.70"]
    assert [parse_qs(urlsplit(unescape(link)).query) for link in re.findall(r'href="(/analysis[^"]+)"', page)] == [
        {"symbol": ["B&B"]},
        {"symbol": ["^VIX"]},
    ]


@pytest.mark.parametrize(("period", "scale"), [("1y", "linear"), ("5y", "linear"), ("all", "log")])
def test_only_the_whole_history_is_drawn_on_a_logarithmic_scale(
    period: str, scale: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Chart] = []
    told: list[str] = []
    monkeypatch.setattr(analysis.show, "chart", lambda chart, **_: drawn.append(chart))
    monkeypatch.setattr(analysis.show, "note", told.append)
    monkeypatch.setattr(analysis.show, "tiles", lambda facts, **_: None)
    lines = (ChartSeries(name="close", x=("2022-11-28", "2022-11-29"), y=(1.0, 2.0)),)
    charts = (Chart(kind="line", title="AAA", series=lines), Chart(kind="line", title="rsi(14)", series=lines))
    result = correlations(("AAA", 1.0)).model_copy(update={"charts": charts, "notes": ("On raw prices.",)})
    analysis._draw_price(subject(period=period), result)
    assert [(chart.scale, chart.series) for chart in drawn] == [(scale, lines)]
    assert told == ["On raw prices.", *(["The scale is logarithmic."] if scale == "log" else [])]


@pytest.mark.parametrize(("calendar", "per_year"), [("XNYS", 252), ("24x5", 252), ("24x7", 365)])
def test_the_tools_take_what_the_page_asks(calendar: str, per_year: int) -> None:
    calls: list[tuple[str, dict[str, Any]]] = []

    def run(tool: str, arguments: dict[str, Any], _: Any) -> ToolResult:
        calls.append((tool, arguments))
        raise NoData("Nothing is stored.")

    coin = Subject(instrument=instrument(1, "AAA", calendar=calendar), period="1y", start=date(2022, 1, 3), end=LAST)
    visit: Any = SimpleNamespace(services=SimpleNamespace(run=run), principal=None)
    wanted = (analysis._AVERAGES, analysis._falls(coin.instrument), analysis._OF_CLOSES, analysis._OF_RANGES)
    for names in wanted:
        with pytest.raises(NoData):
            analysis._indicators(visit, coin, names)
    with pytest.raises(NoData):
        analysis._performance(visit, coin)
    assert analysis._events(visit, "AAA") == [], "what is not stored is left out"
    fields = {"open", "high", "low", "close", "volume"}
    prices = {name: np.linspace(90.0, 110.0, 300) for name in fields}
    for tool, arguments in calls:
        checked = load_tool(tool).arguments.model_validate(arguments)
        for name in getattr(checked, "names", ()):
            assert compute(name, prices, **arguments["parameters"][name])
    settings = [told["parameters"].get("realized_volatility") for tool, told in calls if tool == "indicators"]
    assert [told for told in settings if told] == [{"sessions_per_year": per_year}]
    closes_only = [name for name in analysis._OF_CLOSES if set(INDICATORS[name].fields) != {"close"}]
    assert closes_only == [], "these are shown for a source with closes only"


@pytest.mark.parametrize("symbol", ["AAPL", "^GSPC", "BRK.B", "A&B?c=d#e", "BTC-USD"])
@pytest.mark.parametrize("period", ["", "3y"])
def test_the_address_of_a_symbol_says_exactly_that_symbol(symbol: str, period: str) -> None:
    told = urlsplit(page_of(symbol, period))
    assert told.path == "/analysis" and not told.fragment
    assert parse_qs(told.query) == {"symbol": [symbol], **({"period": [period]} if period else {})}


def test_the_chosen_period_is_marked_and_the_others_are_links() -> None:
    page = periods_html(subject(period="3y"))
    assert re.findall(r">(\w+)</a>", page) == list(analysis.PERIODS) == ["1y", "3y", "5y", "all"]
    assert re.findall(r'aria-current="page">(\w+)<', page) == ["3y"]
    assert 'href="/analysis?symbol=AAA&amp;period=all"' in page


def test_what_a_person_typed_stays_text_in_the_box() -> None:
    page = search_html('"><script>alert(1)</script>', "1y")
    assert "<script" not in page
    assert unescape(re.findall(r'value="([^"]*)"', page)[0]) == '"><script>alert(1)</script>'


def test_the_box_suggests_symbols_by_name_and_by_other_words_as_text() -> None:
    page = suggestions_html([instrument(1, "GOOG", name="Alphabet </option><script>", aliases=("google",))])
    option = '<option value="GOOG">Alphabet &lt;/option&gt;&lt;script&gt;, google</option>'
    assert page == f'<datalist id="qd-symbols">{option}</datalist>'
    assert 'list="qd-symbols"' in search_html("", "1y")


def test_a_group_links_its_members_and_says_when_there_are_more() -> None:
    few = groups_html([("us_equity", [instrument(1, "^A", name="A <b>")])])
    assert "<h3>US equity</h3>" in few and "and more" not in few
    assert '<a href="/analysis?symbol=%5EA" title="A &lt;b&gt;">^A</a>' in few
    many = groups_html([("megacap", [instrument(number, f"S{number}") for number in range(40)])])
    assert "<h3>Megacap</h3>" in many and " and more" in many
    assert many.count("<a ") == 24


def test_symbols_of_a_table_lead_to_their_page_only_where_it_is_named() -> None:
    columns = (Column(name="symbol", unit="text"), Column(name="weight", unit="ratio"))
    table = Table(name="positions", columns=columns, rows=(("A&B", 0.3), (None, 0.1)))
    linked = table_html("run_1", table, symbol_page="/analysis?symbol=")
    assert re.findall(r'href="(/analysis[^"]*)"', linked) == ["/analysis?symbol=A%26B"]
    assert linked.count('href="/runs/') == 2, "the numbers keep their explanations"
    assert "/analysis" not in table_html("run_1", table)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed at /usr/bin/chromium")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture
def phone(browser: Any) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    yield page
    page.close()


def shown(phone: Any) -> Any:
    phone.wait_for_function("document.querySelector('.qd-page') && !document.querySelector('.qd-wait')")
    width = phone.evaluate("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)")
    assert width <= 390
    wider = "[...document.querySelectorAll('.qd-page *')].filter(e => e.getBoundingClientRect().right > 391).length"
    assert phone.evaluate(wider) == 0
    return phone


@pytest.mark.browser
def test_on_a_phone_a_name_is_chosen_and_everything_of_it_is_shown(phone: Any, stage: Any) -> None:
    phone.goto(stage.address + "/analysis")
    shown(phone)
    assert phone.locator(".qd-topics h3").all_inner_texts() == ["Stock", "Crypto", "Megacap", "US industrials"]
    assert phone.locator("#qd-symbols option").count() == 4
    asked = len(stage.results.calls)
    phone.locator("input[type=search]").fill("the fruit company")
    with phone.expect_navigation():
        phone.locator("input[type=search]").press("Enter")
    shown(phone)
    assert phone.locator(".qd-card h2").first.inner_text().split()[:2] == ["Apple", "AAPL"]
    calls = stage.results.calls[asked:]
    assert sorted({tool for tool, _ in calls}) == ["correlation", "indicators", "performance", "query_metric"]
    windows = {(told["start"], told["end"]) for _, told in calls if "start" in told}
    assert windows == {("2021-11-29", "2022-11-29")}
    assert [told["symbols"] for tool, told in calls if tool == "correlation"] == [["AAPL", "GE"]]
    assert phone.locator(".js-plotly-plot").count() == 3
    tiles = phone.locator("dl.tiles").first.locator("dt").all_inner_texts()
    assert [tile.lower() for tile in tiles] == ["last close", "last session", "sma(14)", "ema(14)"]
    assert "AAPL rises" in phone.locator(".qd-news").inner_text()
    assert "No article" not in phone.locator(".qd-page").inner_text()
    assert phone.locator(".qd-notice").count() == 0


@pytest.mark.browser
def test_every_number_leads_to_its_run_and_a_period_keeps_the_symbol(phone: Any, stage: Any) -> None:
    phone.goto(stage.address + "/analysis?symbol=aapl&period=nonsense")
    shown(phone)
    assert phone.locator(".qd-tabs [aria-current]").inner_text() == "1y"
    numbers = phone.locator(".qd-grid .n:not(td.left .n)")
    unlinked = [text for text in numbers.evaluate_all("all => all.filter(e => !e.dataset.fact).map(e => e.innerText)")]
    assert numbers.count() > 12 and unlinked == []
    chat = phone.locator(".qd-card h2 a[href^='/chat/']").get_attribute("href")
    assert parse_qs(urlsplit(chat).query) == {"prompt": ["How did AAPL do from 2021-11-29 to 2022-11-29?"]}
    with phone.expect_navigation():
        phone.locator(".qd-tabs a:has-text('3y')").click()
    shown(phone)
    assert phone.url.endswith("/analysis?symbol=AAPL&period=3y")
    assert phone.locator(".qd-tabs [aria-current]").inner_text() == "3y"
    with phone.expect_navigation():
        phone.locator("dl.tiles dt a:has-text('GE')").click()
    assert phone.url.endswith("/analysis?symbol=GE")


@pytest.mark.browser
def test_closes_only_no_article_and_a_name_with_marks_are_shown_quietly(phone: Any, stage: Any) -> None:
    phone.goto(stage.address + "/analysis?symbol=GE")
    shown(phone)
    text = phone.locator(".qd-page").inner_text()
    assert "Closes only" in text and "No article of GE is known" in text
    assert "<script>alert(1)</script>" in phone.locator(".qd-card h2").first.inner_text()
    assert phone.locator(".qd-notice").count() == 0


@pytest.mark.browser
@pytest.mark.parametrize(
    ("asked", "sentence"), [("nobody", "Unknown symbol"), ("TSLA", "No price of Tesla (TSLA) is stored.")]
)
def test_what_cannot_be_shown_is_a_sentence_below_the_box(asked: str, sentence: str, phone: Any, stage: Any) -> None:
    phone.goto(f"{stage.address}/analysis?symbol={asked}")
    shown(phone)
    assert sentence in phone.locator(".qd-notice").inner_text()
    assert phone.locator("input[type=search]").input_value() == asked
    assert phone.locator(".qd-card").count() == 0


@pytest.mark.browser
def test_a_position_on_the_desk_page_leads_to_its_analysis(phone: Any, stage: Any) -> None:
    phone.goto(stage.address + "/")
    phone.wait_for_function("document.querySelector('.qd-page') && !document.querySelector('.qd-wait')")
    with phone.expect_navigation():
        phone.locator("table.facts a:has-text('AAPL')").first.click()
    assert phone.url.endswith("/analysis?symbol=AAPL")


@pytest.mark.browser
def test_the_hint_of_no_news_is_written_without_marks(phone: Any, stage: Any) -> None:
    phone.goto(stage.address + "/news")
    shown(phone)
    phone.locator("input[type=search]").fill("ge")
    phone.locator("input[type=search]").press("Enter")
    phone.wait_for_selector(".qd-empty:has-text('No article of GE is known')")
    assert "quantdesk ingest fetches news" in phone.locator(".qd-empty").inner_text()
    assert "`" not in phone.locator(".qd-empty").inner_text()
