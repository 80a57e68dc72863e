"""Answer questions on risk, ratios, indicators and pairs, with the figures of core.valuation, risk and indicators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.domain.facts import Chart, ChartSeries, Column, Unit, to_cell
from core.errors import InvalidInput, NoData, UnknownName
from core.query.semantic.answer import MOST_FACT_ROWS, Answer, Sources
from core.query.semantic.levels import chosen_aggregation, note_age, ranked
from core.query.semantic.period import DateRange, Period, resolve
from core.query.semantic.prices import Series, first_in, grain_ends, passes, read_series
from core.query.semantic.returns import period_closes

if TYPE_CHECKING:
    from core.domain.kernel import Float64Array
    from core.domain.market_path import DayArray

_STATISTIC = {
    "volatility": "volatility",
    "sharpe_ratio": "sharpe",
    "sortino_ratio": "sortino",
    "annualized_return": "cagr",
    "max_drawdown": "max_drawdown",
}
# Windows after which a smoothed indicator has forgotten its start to twelve digits: a weight of 1/N fades by e in one
# window, one of 2/(N+1) by e squared.
_WARMUP_WINDOWS = {"rsi": 28, "ema": 14}
_BENCHMARKS = ("SPY", "^GSPC")
# Weeks and months of a year, by which figures on their returns are annualised.
_A_YEAR = {"week": 52, "month": 12}


def answer_statistic(sources: Sources, answer: Answer) -> None:
    """Answer a question on volatility, Sharpe, Sortino, growth, drawdown, correlation or beta."""
    if answer.metric.name == "realized_volatility":
        answer_indicator(sources, answer)
        return
    if answer.metric.name == "correlation":
        _correlation(sources, answer)
        return
    if answer.metric.name == "beta":
        _beta(sources, answer)
        return
    from core.valuation.performance import performance

    window = _window(sources, answer)
    rows: list[tuple[str, str, float]] = []
    extra: dict[str, tuple[str, int, int]] = {}
    name = _STATISTIC[answer.metric.name]
    for series in read_series(sources, answer, window, purpose="return"):
        try:
            days, close = _sampled(answer, *period_closes(series, window))
            a_year = _A_YEAR.get(answer.query.frequency or "day", series.sessions_per_year)
            figures = performance(close[1:] / close[:-1] - 1.0, sessions_per_year=a_year)
        except NoData:
            if answer.query.symbols:
                raise
            continue
        value = float(getattr(figures, name))
        if passes(value, answer.query.filter):
            rows.append((series.symbol, str(days[-1]), value))
            extra[series.symbol] = (str(days[0]), figures.sessions, a_year)
            if name == "max_drawdown" and figures.max_drawdown < 0:
                answer.state(f"{series.symbol} drawdown peak", str(days[figures.drawdown_peak + 1]), "date")
                answer.state(f"{series.symbol} drawdown trough", str(days[figures.drawdown_trough + 1]), "date")
    ranked(answer, rows)
    title = answer.metric.title
    for symbol, day, value in rows[:MOST_FACT_ROWS]:
        answer.state(f"{symbol} {title}", to_cell(value), answer.metric.unit)
        answer.state(f"{symbol} from the close of", extra[symbol][0], "date")
        answer.state(f"{symbol} to the close of", day, "date")
    answer.table(
        [
            Column(name="symbol", unit="text"),
            Column(name="from the close of", unit="date"),
            Column(name="to the close of", unit="date"),
            Column(name=_counted(answer), unit="count"),
            Column(name=answer.metric.name, unit=answer.metric.unit, title=title),
        ],
        [(symbol, extra[symbol][0], day, extra[symbol][1], to_cell(value)) for symbol, day, value in rows],
    )
    answer.bar_chart([row[0] for row in rows], [row[2] for row in rows], unit=answer.metric.unit)
    if window.end is None or window.end >= sources.today:
        note_age(sources, answer, [day for _, day, _ in rows])
    if name != "max_drawdown":
        answer.note(_annualised({extra[symbol][2] for symbol, _, _ in rows}))


def _sampled(answer: Answer, days: DayArray, close: Float64Array) -> tuple[DayArray, Float64Array]:
    """Return the sessions (time,) and closes (time,) or (time, series) that the asked returns lie between."""
    frequency = answer.query.frequency
    if frequency in (None, "day"):
        return days, close
    ends = grain_ends(days, frequency)
    answer.note(f"On {frequency}ly returns, between the last closes of each {frequency}; the last one may be part.")
    return days[ends], close[ends]


def _counted(answer: Answer) -> str:
    return "sessions" if answer.query.frequency in (None, "day") else f"{answer.query.frequency}s"


def _annualised(per_year: set[int]) -> str:
    words = {252: "252 sessions", 365: "365 days (crypto)", 52: "52 weeks", 12: "12 months"}
    return f"Annualised by {' and '.join(words[count] for count in sorted(per_year))}." if per_year else ""


def _window(sources: Sources, answer: Answer) -> DateRange:
    period = answer.query.period
    if period.is_empty or period.name == "latest":
        period = answer.metric.default_period
    return resolve(period, sources.today)


def _common_returns(answer: Answer, found: list[Series], window: DateRange) -> tuple[DayArray, Float64Array]:
    """Return the sessions all series have and the returns between them, (time, series)."""
    days = found[0].days
    for series in found[1:]:
        days = np.intersect1d(days, series.days)
    closes = np.column_stack([series.close[np.isin(series.days, days)] for series in found])
    if window.start is not None:
        base = max(int(np.searchsorted(days, np.datetime64(window.start))) - 1, 0)
        days, closes = days[base:], closes[base:]
    elif window.sessions:
        days, closes = days[-window.sessions - 1 :], closes[-window.sessions - 1 :]
    days, closes = _sampled(answer, days, closes)
    if len(days) < 4:
        raise NoData(
            f"{', '.join(series.symbol for series in found)} share fewer than 3 returns.",
            hint="Choose a longer period.",
        )
    return days, closes[1:] / closes[:-1] - 1.0


def _correlation(sources: Sources, answer: Answer) -> None:
    from core.risk.correlation import correlation

    window = _window(sources, answer)
    found = read_series(sources, answer, window, purpose="return")
    if answer.query.limit is not None:
        found = sorted(found, key=lambda part: (-(part.instrument.total_assets_usd or 0.0), part.symbol))
        found = found[: answer.query.limit]
        answer.note(f"The {len(found)} largest by total assets with prices in the period.")
    if len(found) < 2:
        raise InvalidInput("A correlation needs at least two symbols with prices in the period.")
    days, returns = _common_returns(answer, found, window)
    matrix = correlation(returns)
    symbols = [series.symbol for series in found]
    pairs = [
        (symbols[i], symbols[j], float(matrix[i, j])) for i in range(len(symbols)) for j in range(i + 1, len(symbols))
    ]
    for first, second, value in pairs[:MOST_FACT_ROWS]:
        answer.state(f"correlation of {first} and {second}", to_cell(value), "number")
    answer.state("first session", str(days[0]), "date")
    answer.state("last session", str(days[-1]), "date")
    answer.state(_counted(answer), len(returns), "count")
    title = f"Correlation of {'daily' if _counted(answer) == 'sessions' else f'{answer.query.frequency}ly'} returns"
    answer.table(
        [Column(name="symbol", unit="text"), *(Column(name=symbol, unit="number") for symbol in symbols)],
        [(symbol, *(to_cell(value) for value in matrix[i])) for i, symbol in enumerate(symbols)],
        title=title,
    )
    heat = tuple(
        ChartSeries(name=symbol, x=tuple(symbols), y=tuple(float(value) for value in np.nan_to_num(matrix[i])))
        for i, symbol in enumerate(symbols)
    )
    if len(symbols) > 2:
        answer.charts.append(Chart(kind="heatmap", title=title, series=heat))


def _beta(sources: Sources, answer: Answer) -> None:
    from core.valuation.relative import relative_performance

    window = _window(sources, answer)
    against = _benchmark(sources, answer)
    asked = answer.query
    found = read_series(sources, answer, window, purpose="return")
    reference = Answer(query=asked.model_copy(update={"symbols": (against,), "group": None}), metric=answer.metric)
    (market,) = read_series(sources, reference, window, purpose="return")
    answer.sql.extend(sql for sql in reference.sql if sql not in answer.sql)
    answer.sources.extend(reference.sources)
    rows: list[tuple[str, str, float]] = []
    for series in found:
        days, returns = _common_returns(answer, [series, market], window)
        relative = relative_performance(returns[:, 0], returns[:, 1], sessions_per_year=series.sessions_per_year)
        if passes(relative.beta, asked.filter):
            rows.append((series.symbol, str(days[-1]), relative.beta))
            answer.state(f"{series.symbol} beta to {market.symbol}", relative.beta, "number")
            answer.state(f"{series.symbol} first session", str(days[0]), "date")
            answer.state(f"{series.symbol} last session", str(days[-1]), "date")
    ranked(answer, rows)
    answer.table(
        [Column(name="symbol", unit="text"), Column(name="to", unit="date"), Column(name="beta", unit="number")],
        rows,
        title=f"Beta to {market.symbol}",
    )


def _benchmark(sources: Sources, answer: Answer) -> str:
    if answer.query.benchmark:
        return sources.instruments.find(answer.query.benchmark).symbol
    for symbol in _BENCHMARKS:
        try:
            found = sources.instruments.find(symbol)
        except UnknownName:
            continue
        if sources.bars.last_session([found.instrument_id], as_of=sources.as_of) is not None:
            return found.symbol
    raise InvalidInput("Beta to what?", hint="Give a benchmark symbol.")


def answer_indicator(sources: Sources, answer: Answer) -> None:
    """Answer a question on RSI, moving averages, distance from an average or realised volatility."""
    window_sessions = answer.query.window or answer.metric.window or 20
    aggregation = chosen_aggregation(answer)
    period = answer.query.period if not answer.query.period.is_empty else Period(name="latest")
    latest = aggregation == "latest" or period.name == "latest"
    window = resolve(period, sources.today)
    purpose = "return" if answer.metric.name == "realized_volatility" else "price"
    lookback = window_sessions * _WARMUP_WINDOWS.get(answer.metric.name, 1) + 30
    found = read_series(sources, answer, window, purpose=purpose, lookback_sessions=lookback, latest=latest)  # type: ignore[arg-type]
    if latest and aggregation == "latest":
        _newest_values(sources, answer, found, window_sessions)
    else:
        _listed_values(answer, found, window, window_sessions)
    answer.note(f"Over {window_sessions} sessions.")
    if answer.metric.name == "realized_volatility":
        answer.note(_annualised({series.sessions_per_year for series in found}))


def _values(answer: Answer, found: list[Series], window: int) -> list[dict[str, Float64Array]]:
    from core.indicators.catalogue import compute_all

    name, closes = answer.metric.name, [{"close": series.close} for series in found]
    if name == "realized_volatility":
        years = sorted({series.sessions_per_year for series in found})
        each = compute_all([(name, {"window": window, "sessions_per_year": year}) for year in years], closes)
        return [outputs[years.index(series.sessions_per_year)] for outputs, series in zip(each, found, strict=True)]
    if name == "price_vs_sma":
        averages = [outputs["sma"] for (outputs,) in compute_all([("sma", {"period": window})], closes)]
        return [
            {name: series.close / average - 1.0, "close": series.close, "average": average}
            for series, average in zip(found, averages, strict=True)
        ]
    return [outputs for (outputs,) in compute_all([(name, {"period": window})], closes)]


def _newest_values(sources: Sources, answer: Answer, found: list[Series], window: int) -> None:
    rows: list[tuple[str, str, float]] = []
    details: dict[str, dict[str, Float64Array]] = {}
    for series, values in zip(found, _values(answer, found, window), strict=True):
        value = float(values[answer.metric.name][-1])
        if value != value and answer.query.symbols:
            raise NoData(
                f"{series.symbol} has too few sessions for {window}.", hint=f"It has {len(series.days)} up to here."
            )
        if passes(value, answer.query.filter):
            rows.append((series.symbol, str(series.days[-1]), value))
            details[series.symbol] = values
    ranked(answer, rows)
    by_symbol = {series.symbol: series for series in found}
    extra = ("close", "average") if answer.metric.name == "price_vs_sma" else ()
    for symbol, day, value in rows[:MOST_FACT_ROWS]:
        series = by_symbol[symbol]
        money = answer.metric.unit == "money"
        answer.state(
            f"{symbol} {answer.metric.title}",
            value,
            series.price_unit if money else answer.metric.unit,
            currency=series.currency if money else None,
        )
        for name in extra:
            title = f"{window}-session average" if name == "average" else name
            answer.state(
                f"{symbol} {title}", float(details[symbol][name][-1]), series.price_unit, currency=series.currency
            )
        answer.state(f"{symbol} session", day, "date")
    if answer.query.group or answer.query.filter:
        answer.state("symbols found", len(rows), "count")
    note_age(sources, answer, [day for _, day, _ in rows])
    columns = [Column(name=answer.metric.name, unit=answer.metric.unit, title=answer.metric.title)]
    columns += [Column(name=name, unit="money") for name in extra]
    answer.table(
        [Column(name="symbol", unit="text"), Column(name="session", unit="date"), *columns],
        [(symbol, day, value, *(float(details[symbol][name][-1]) for name in extra)) for symbol, day, value in rows],
    )
    answer.bar_chart([row[0] for row in rows], [row[2] for row in rows], unit=answer.metric.unit)


def _listed_values(answer: Answer, found: list[Series], window: DateRange, sessions: int) -> None:
    rows: list[tuple[str, str, float]] = []
    lines: list[ChartSeries] = []
    for series, computed in zip(found, _values(answer, found, sessions), strict=True):
        first = first_in(series, window)
        values = computed[answer.metric.name][first:]
        kept = [
            (str(day), float(value))
            for day, value in zip(series.days[first:], values, strict=True)
            if passes(value, answer.query.filter)
        ]
        if answer.query.limit is not None:
            kept = kept[-answer.query.limit :]
        lines.append(ChartSeries(name=series.symbol, x=tuple(d for d, _ in kept), y=tuple(v for _, v in kept)))
        rows.extend((series.symbol, day, value) for day, value in kept)
        if answer.query.filter is not None:
            answer.state(f"{series.symbol} sessions found", len(kept), "count")
        if kept:
            answer.state(f"{series.symbol} last {answer.metric.title}", kept[-1][1], answer.metric.unit)
            answer.state(f"{series.symbol} last session", kept[-1][0], "date")
    if answer.query.order == "desc":
        rows.sort(key=lambda row: row[1], reverse=True)
    answer.table(
        [
            Column(name="symbol", unit="text"),
            Column(name="session", unit="date"),
            Column(name=answer.metric.name, unit=answer.metric.unit, title=answer.metric.title),
        ],
        rows,
    )
    answer.line_chart(lines, unit=answer.metric.unit)


def answer_pair(sources: Sources, answer: Answer) -> None:
    """Answer a question on the spread or ratio of two closes."""
    if len(answer.query.symbols) != 2:
        raise InvalidInput(f"{answer.metric.title} needs exactly two symbols.")
    period = answer.query.period if not answer.query.period.is_empty else answer.metric.default_period
    window = resolve(period, sources.today)
    found = read_series(sources, answer, window, purpose="price", latest=period.name == "latest")
    if len(found) != 2:
        raise NoData("Both symbols need prices in the period.")
    order = [sources.instruments.find(name).symbol for name in answer.query.symbols]
    first, second = sorted(found, key=lambda series: order.index(series.symbol))
    days = np.intersect1d(first.days, second.days)
    left, right = first.close[np.isin(first.days, days)], second.close[np.isin(second.days, days)]
    values = left - right if answer.metric.name == "spread" else left / right
    if window.start is not None:
        inside = days >= np.datetime64(window.start)
        days, values = days[inside], values[inside]
    elif window.sessions:
        days, values = days[-window.sessions :], values[-window.sessions :]
    money = answer.metric.name == "spread" and first.currency is not None and first.currency == second.currency
    currency = first.currency if money else None
    state_series(answer, f"{first.symbol} and {second.symbol}", days, values, currency=currency)


def state_series(
    answer: Answer, name: str, days: DayArray, values: Float64Array, *, currency: str | None = None
) -> None:
    """State a dated series of numbers (money with a currency): newest, extremes, rows, filtered and cut as asked."""
    query = answer.query
    kept = [(str(day), float(value)) for day, value in zip(days, values, strict=True) if passes(value, query.filter)]
    if not kept:
        raise NoData(f"No common values of {name} in the period.")
    lowest, highest = min(kept, key=lambda point: point[1]), max(kept, key=lambda point: point[1])
    unit: Unit = "money" if currency else answer.metric.unit
    answer.state(f"{answer.metric.title} of {name}", kept[-1][1], unit, currency=currency)
    answer.state("date", kept[-1][0], "date")
    if query.aggregation == "average":
        answer.state(
            f"average {answer.metric.title.lower()}", float(np.mean([v for _, v in kept])), unit, currency=currency
        )
    for word, point in (("lowest", lowest), ("highest", highest)):
        answer.state(word, point[1], unit, currency=currency)
        answer.state(f"date of the {word}", point[0], "date")
    shown = kept[-query.limit :] if query.limit else kept
    rows = list(reversed(shown)) if query.order == "desc" else shown
    answer.table(
        [Column(name="date", unit="date"), Column(name=answer.metric.name, unit=unit, currency=currency)], rows
    )
    answer.line_chart(
        [ChartSeries(name=name, x=tuple(day for day, _ in shown), y=tuple(value for _, value in shown))], unit=unit
    )
