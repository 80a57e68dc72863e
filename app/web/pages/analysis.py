"""Look at one symbol: price and averages, performance, falls, indicators, its group, its events and its news."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from html import escape
from urllib.parse import quote

from nicegui import ui

from app.web import components as show
from app.web.layout import Visit
from app.web.pages.news import draw_articles
from core.data.coverage import SeriesCoverage
from core.data.news_monitor import NewsItem
from core.domain.as_of import AsOf
from core.domain.facts import Fact, ToolResult
from core.domain.market_records import Instrument
from core.errors import InvalidInput, NoData
from core.query.semantic.period import months_before
from core.reporting.document import cell_figure
from core.reporting.html import figure_html
from core.reporting.rendering import readable_name
from tools.context import Desk

Wanted = Mapping[str, Mapping[str, float]]
PERIODS: dict[str, int | None] = {"1y": 1, "3y": 3, "5y": 5, "all": None}
_USUAL_PERIOD = "1y"
_MOST_PEERS = 11
_FEWEST_PEERS = 4
# Series that begin or end this near to one another are taken as of the same days.
_NEAR = timedelta(days=10)
_MOST_LISTED = 24
_MOST_ARTICLES = 8
_MOST_EVENTS = 6
# What closes alone give; the others need the day's high and low, which some sources do not have.
_OF_CLOSES: Wanted = {"rsi": {}, "macd": {}, "bollinger": {}, "zscore": {}}
_OF_RANGES: Wanted = {"adx": {}, "atr": {}, "natr": {}, "stochastic": {}}
_AVERAGES: Wanted = {"sma": {"period": 200}, "ema": {"period": 50}}
_ABBREVIATED = frozenset({"us", "ai"})
_CHOSEN = ' aria-current="page"'
_EVENTS = {"earnings_dates": "Earnings", "dividends": "Dividends", "splits": "Splits"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Hold the instrument that is looked at and the stored days shown, both included."""

    instrument: Instrument
    period: str
    start: date
    end: date

    @property
    def symbol(self) -> str:
        """Return the symbol."""
        return self.instrument.symbol

    @property
    def window(self) -> dict[str, str]:
        """Return the period as arguments of a tool."""
        return {"start": self.start.isoformat(), "end": self.end.isoformat()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """Hold the symbols of a group whose prices cover the same days."""

    group: str
    symbols: tuple[str, ...]


def analysis(visit: Visit) -> None:
    """Draw the page of the symbol and period in the address, or what there is to choose from."""
    asked = visit.request.query_params.get("symbol", "").strip()[:80]
    period = visit.request.query_params.get("period", "")
    period = period if period in PERIODS else _USUAL_PERIOD
    desk = visit.services.desk
    show.heading("Analysis", "One symbol in full, as of the desk time; every number links to the run behind it.")
    show.html(search_html(asked, period))
    with ui.element("div").style("display: none"):
        show.load(desk.instruments.list, lambda found: show.html(suggestions_html(found)))
    if asked:
        show.load(lambda: read_subject(desk, asked, period), lambda subject: _draw_subject(visit, subject))
        return
    with show.card("What the desk has prices of"):
        show.load(lambda: read_groups(desk), _draw_groups)


def page_of(symbol: str, period: str = "") -> str:
    """Return the address of this page for a symbol."""
    return show.ANALYSIS + quote(symbol) + (f"&period={period}" if period else "")


def search_html(asked: str, period: str) -> str:
    """Return the box to name a symbol in; it keeps the period."""
    return (
        '<form class="qd-search" action="/analysis" method="get" role="search">'
        f'<input class="qd-input" type="search" name="symbol" list="qd-symbols" value="{escape(asked)}" maxlength="80"'
        ' placeholder="Symbol or name" aria-label="Symbol" autocomplete="off" required>'
        f'<input type="hidden" name="period" value="{escape(period)}">'
        '<button class="qd-button first" type="submit">Show</button></form>'
    )


def suggestions_html(instruments: Sequence[Instrument]) -> str:
    """Return what the box suggests: each symbol with its name and the other words for it."""
    options = "".join(
        f'<option value="{escape(entry.symbol)}">{escape(", ".join((entry.name, *entry.aliases)))}</option>'
        for entry in instruments
    )
    return f'<datalist id="qd-symbols">{options}</datalist>'


def read_subject(desk: Desk, asked: str, period: str) -> Subject:
    """Return the instrument of a name and the days of the period up to its newest session.

    Raises UnknownName with the closest names, NoData when no price of it is stored.
    """
    instrument = desk.instruments.find(asked)
    stored = [
        entry
        for entry in desk.coverage.series([instrument.instrument_id], as_of=AsOf(known=desk.clock.now()))
        if entry.stored
    ]
    if not stored:
        raise NoData(
            f"No price of {instrument.name} ({instrument.symbol}) is stored.",
            hint="The page Analysis without a symbol lists what is.",
        )
    first, last = min(entry.first for entry in stored), max(entry.last for entry in stored)
    years = PERIODS[period]
    start = first if years is None else max(first, months_before(last, 12 * years))
    return Subject(instrument=instrument, period=period, start=start, end=last)


def read_groups(desk: Desk) -> list[tuple[str, list[Instrument]]]:
    """Return the groups of the instruments with prices, the largest first, their members by symbol."""
    instruments = desk.instruments.list()
    series = desk.coverage.series([entry.instrument_id for entry in instruments], as_of=AsOf(known=desk.clock.now()))
    stored = {entry.instrument_id for entry in series if entry.stored}
    groups: dict[str, list[Instrument]] = {}
    for entry in instruments:
        if entry.instrument_id in stored:
            for group in entry.groups:
                groups.setdefault(group, []).append(entry)
    return sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))


def read_peers(desk: Desk, subject: Subject) -> Peers | None:
    """Return the smallest group of the symbol with enough members that have prices on the same days.

    The largest one where none has enough, None where the symbol has no such neighbour at all. Of a group with many,
    the funds with the most assets come first, then the order of symbols.
    """
    every = desk.instruments.list()
    mine = set(subject.instrument.groups)
    near = {entry.instrument_id: entry for entry in every if mine & set(entry.groups)}
    near.pop(subject.instrument.instrument_id, None)
    series = desk.coverage.series(list(near), as_of=AsOf(known=desk.clock.now())) if near else []
    whole = {entry.instrument_id for entry in series if _covers(entry, subject)}
    groups = {group: [near[key] for key in whole if group in near[key].groups] for group in subject.instrument.groups}
    enough = {group: members for group, members in groups.items() if len(members) >= _FEWEST_PEERS}
    if not any(groups.values()):
        return None
    choice = min if enough else max
    group, members = choice((enough or groups).items(), key=lambda item: (len(item[1]), item[0]))
    members.sort(key=lambda entry: (-(entry.total_assets_usd or 0.0), entry.symbol))
    return Peers(group=group, symbols=tuple(entry.symbol for entry in members[:_MOST_PEERS]))


def _covers(series: SeriesCoverage, subject: Subject) -> bool:
    return series.first <= subject.start + _NEAR and series.last >= subject.end - _NEAR


def _draw_groups(groups: Sequence[tuple[str, Sequence[Instrument]]]) -> None:
    if groups:
        show.html(groups_html(groups))
    else:
        show.empty(
            "query_stats", "No prices are stored yet", "Load the sample data, or import files on the command line."
        )


def groups_html(groups: Sequence[tuple[str, Sequence[Instrument]]]) -> str:
    """Return a box per group with a link per symbol."""
    boxes = []
    for group, members in groups:
        links = " ".join(
            f'<a href="{escape(page_of(entry.symbol))}" title="{escape(entry.name)}">{escape(entry.symbol)}</a>'
            for entry in members[:_MOST_LISTED]
        )
        more = " and more" if len(members) > _MOST_LISTED else ""
        boxes.append(f'<div><h3>{escape(_group_title(group))}</h3><p class="qd-links">{links}{more}</p></div>')
    return f'<div class="qd-topics">{"".join(boxes)}</div>'


def _group_title(group: str) -> str:
    words = [word.upper() if word in _ABBREVIATED else word for word in readable_name(group).split()]
    return " ".join((words[0][:1].upper() + words[0][1:], *words[1:]))


def _draw_subject(visit: Visit, subject: Subject) -> None:
    symbol = subject.symbol
    question = f"How did {symbol} do from {subject.start} to {subject.end}?"
    ask = partial(_indicators, visit, subject)
    with ui.element("div").classes("qd-grid"):
        chat = ("Ask about it in the chat", f"/chat/?prompt={quote(question)}")
        with show.card(subject.instrument.name, aside=symbol, link=chat):
            show.html(periods_html(subject))
            show.load(partial(ask, _AVERAGES), partial(_draw_price, subject))
        with show.card("Performance", aside=f"{subject.start} to {subject.end}"):
            show.load(partial(_performance, visit, subject), partial(_draw_performance, symbol))
        with show.card("Drawdown and volatility"):
            show.load(partial(ask, _falls(subject.instrument)), _draw_falls)
        with show.card("Indicators of closes", span=6, aside="at the last session"):
            show.load(partial(ask, _OF_CLOSES), _draw_indicators)
        with show.card("Indicators of the day's range", span=6, aside="at the last session"):
            show.load(partial(_of_ranges, visit, subject), _draw_indicators)
        with show.card("Moves with", aside="correlation of daily returns over the period"):
            show.load(partial(_correlation, visit, subject), partial(_draw_correlation, subject))
        with show.card("Events", span=6, aside="newest first"):
            show.load(partial(_events, visit, symbol), partial(_draw_events, symbol))
        with show.card("News", span=6, link=("All news", "/news")):
            show.load(partial(_news, visit, symbol), partial(draw_articles, symbol))


def periods_html(subject: Subject) -> str:
    """Return the periods to choose from as links, the chosen one marked."""
    links = "".join(
        f'<a class="qd-button tab" href="{escape(page_of(subject.symbol, period))}"'
        f"{_CHOSEN if period == subject.period else ''}>{period}</a>"
        for period in PERIODS
    )
    return f'<nav class="qd-tabs" aria-label="Period">{links}</nav>'


def _falls(instrument: Instrument) -> Wanted:
    per_year = 365 if instrument.calendar == "24x7" else 252
    return {"drawdown": {}, "realized_volatility": {"sessions_per_year": per_year}}


def _indicators(visit: Visit, subject: Subject, wanted: Wanted) -> ToolResult:
    arguments = {"symbol": subject.symbol, "names": list(wanted), "parameters": dict(wanted), **subject.window}
    return visit.services.run("indicators", arguments, visit.principal)


def _of_ranges(visit: Visit, subject: Subject) -> ToolResult | None:
    try:
        return _indicators(visit, subject, _OF_RANGES)
    except InvalidInput:  # the source has closes only
        return None


def _performance(visit: Visit, subject: Subject) -> ToolResult:
    return visit.services.run("performance", {"symbols": [subject.symbol], **subject.window}, visit.principal)


def _correlation(visit: Visit, subject: Subject) -> tuple[Peers, ToolResult] | None:
    peers = read_peers(visit.services.desk, subject)
    if peers is None:
        return None
    arguments = {"symbols": [subject.symbol, *peers.symbols], **subject.window}
    return peers, visit.services.run("correlation", arguments, visit.principal)


def _events(visit: Visit, symbol: str) -> list[tuple[str, ToolResult]]:
    found = []
    for metric, title in _EVENTS.items():
        arguments = {"metric": metric, "symbols": [symbol], "period": {"name": "all"}, "order": "desc"}
        with suppress(NoData):
            result = visit.services.run("query_metric", {**arguments, "limit": _MOST_EVENTS}, visit.principal)
            found.append((title, result))
    return found


def _news(visit: Visit, symbol: str) -> Sequence[NewsItem]:
    as_of = AsOf(known=visit.services.desk.clock.now())
    return visit.services.news.newest(as_of=as_of, symbol=symbol, limit=_MOST_ARTICLES)


def _of(symbol: str, facts: Sequence[Fact]) -> list[Fact]:
    """Return the facts named without the symbol, which the page has in its heading."""
    return [fact.model_copy(update={"name": readable_name(fact.name.removeprefix(f"{symbol} "))}) for fact in facts]


def _draw_price(subject: Subject, result: ToolResult) -> None:
    facts = _of(subject.symbol, result.facts)
    show.tiles(sorted(facts, key=lambda fact: not fact.name.startswith("last ")), large=True)
    # Over decades equal changes look equal only on a logarithmic scale.
    scale = "log" if subject.period == "all" else "linear"
    for chart in result.charts[:1]:
        show.chart(chart.model_copy(update={"title": "", "scale": scale}), height=340)
    for remark in (*result.notes, *(("The scale is logarithmic.",) if scale == "log" else ())):
        show.note(remark)


def _draw_performance(symbol: str, result: ToolResult) -> None:
    show.tiles(_of(symbol, result.facts))
    for remark in result.notes:
        show.note(remark)


def _draw_falls(result: ToolResult) -> None:
    titles = {"drawdown": "Fall from the highest close so far", "realized": "Volatility, annualised, last 21 sessions"}
    with ui.element("div").classes("qd-grid"):
        for chart in result.charts:
            title = next((words for start, words in titles.items() if chart.title.startswith(start)), None)
            if title is not None:
                with ui.element("div").classes("span-6").style("min-width: 0"):
                    show.chart(chart.model_copy(update={"title": title, "unit": "ratio"}), height=240)


def _draw_indicators(result: ToolResult | None) -> None:
    if result is None:
        show.empty("candlestick_chart", "Closes only", "These need the day's high and low, which this source lacks.")
        return
    for table in result.tables:
        show.table(result, table, title="")


def _draw_correlation(subject: Subject, found: tuple[Peers, ToolResult] | None) -> None:
    if found is None:
        show.empty("hub", "No neighbour with prices on the same days", "Choose a shorter period, or store its group.")
        return
    peers, result = found
    show.html(correlation_html(subject.symbol, result))
    show.note(f"Of its group {_group_title(peers.group)}, those with prices on the same days.")
    for remark in result.notes[:1]:
        show.note(remark)


def correlation_html(symbol: str, result: ToolResult) -> str:
    """Return a tile per other symbol with its correlation to this one, the highest first."""
    table = result.tables[0]
    row = next(index for index, cells in enumerate(table.rows) if cells[0] == symbol)
    others = [place for place, column in enumerate(table.columns) if place and column.name != symbol]
    others.sort(key=lambda place: -float(table.rows[row][place] or 0.0))
    boxes = "".join(
        f'<div><dt><a href="{escape(page_of(table.columns[place].name))}">{escape(table.columns[place].name)}</a></dt>'
        f"<dd>{figure_html(cell_figure(result.run, table, row, place))}</dd></div>"
        for place in others
    )
    return f'<dl class="tiles">{boxes}</dl>'


def _draw_events(symbol: str, found: Sequence[tuple[str, ToolResult]]) -> None:
    if not found:
        show.empty("event", f"No event of {symbol} is known", "Earnings dates, dividends and splits appear here.")
    for title, result in found:
        for table in result.tables:
            show.table(result, table, title=title)
