"""List the metrics: what each is about, how it is printed, which words people use for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.domain.facts import Label, Unit
from core.query.semantic.metric_query import Aggregation
from core.query.semantic.period import Period
from core.query.vocabulary import words

_LATEST = Period(name="latest")

Subject = Literal["instrument", "macro", "event", "news", "book", "coverage"]
Kind = Literal["level", "return", "statistic", "indicator", "pair", "macro", "event", "news", "book", "coverage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """Describe one metric: what it is about, how it is printed, what it does when little is said.

    `subject` says which dimension it needs: symbols or group, macro series, or none. `window` is the default
    number of sessions of a rolling window (None: it takes none); `least` the fewest symbols or series it needs.
    """

    name: str
    title: str
    unit: Unit
    label: Label
    description: str
    subject: Subject
    kind: Kind
    synonyms: tuple[str, ...]
    aggregations: tuple[Aggregation, ...] = ("latest",)
    default_period: Period = _LATEST
    window: int | None = None
    least: int = 1
    descending: bool = True


# Statistics of returns that may be measured on weekly or monthly ones.
SAMPLED = frozenset({"volatility", "sharpe_ratio", "sortino_ratio", "max_drawdown", "correlation", "beta"})
_LEVELS: tuple[Aggregation, ...] = ("latest", "list", "average", "median", "minimum", "maximum")
_YEAR = Period(last=1, unit="years")
_ALL = Period(name="all")


def _level(name: str, title: str, synonyms: tuple[str, ...], *, unit: Unit = "money", extra: str = "") -> Metric:
    return Metric(
        name=name,
        title=title,
        unit=unit,
        label="public",
        subject="instrument",
        kind="level",
        synonyms=synonyms,
        aggregations=(*_LEVELS, "sum") if name == "volume" else _LEVELS,
        description=f"{title} per session from the instrument's canonical price series.{extra}",
    )


def _statistic(
    name: str,
    title: str,
    unit: Unit,
    synonyms: tuple[str, ...],
    description: str,
    *,
    least: int = 1,
    window: int | None = None,
) -> Metric:
    return Metric(
        name=name,
        title=title,
        unit=unit,
        label="public",
        subject="instrument",
        kind="statistic",
        synonyms=synonyms,
        aggregations=("latest", "list") if window else ("total",),
        default_period=Period(name="latest") if window else _YEAR,
        window=window,
        least=least,
        description=description,
    )


def _indicator(name: str, title: str, unit: Unit, window: int, synonyms: tuple[str, ...], description: str) -> Metric:
    return Metric(
        name=name,
        title=title,
        unit=unit,
        label="public",
        subject="instrument",
        kind="indicator",
        synonyms=synonyms,
        aggregations=("latest", "list"),
        window=window,
        description=description,
        descending=False,
    )


def _macro(
    name: str,
    title: str,
    unit: Unit,
    synonyms: tuple[str, ...],
    description: str,
    *,
    period: Period = _ALL,
    least: int = 1,
) -> Metric:
    single = name in ("macro_value", "macro_yoy")
    return Metric(
        name=name,
        title=title,
        unit=unit,
        label="public",
        subject="macro",
        kind="macro",
        synonyms=synonyms,
        aggregations=_LEVELS if single else ("list", "latest", "average", "minimum", "maximum"),
        default_period=Period(name="latest") if single else period,
        least=least,
        description=description,
    )


def _listing(
    name: str,
    title: str,
    subject: Subject,
    kind: Kind,
    synonyms: tuple[str, ...],
    description: str,
    *,
    label: Label = "public",
    unit: Unit = "date",
    period: Period = _ALL,
    aggregations: tuple[Aggregation, ...] = ("list", "count"),
    descending: bool = True,
) -> Metric:
    return Metric(
        name=name,
        title=title,
        unit=unit,
        label=label,
        subject=subject,
        kind=kind,
        synonyms=synonyms,
        aggregations=aggregations,
        default_period=period,
        least=0,
        description=description,
        descending=descending,
    )


def _book(
    name: str,
    title: str,
    unit: Unit,
    synonyms: tuple[str, ...],
    description: str,
    *,
    period: Period = Period(name="latest"),
) -> Metric:
    listing = name in ("fills", "orders", "proposals")
    return _listing(
        name,
        title,
        "book",
        "book",
        synonyms,
        description,
        label="private",
        unit=unit,
        period=period,
        aggregations=("list", "count") if listing else ("latest", "list"),
    )


_INSTRUMENT_METRICS = (
    _level(
        "close",
        "Close",
        words("price, closing price, last price, last close, close, closes, quote, trading at, worth, level"),
    ),
    _level("open", "Open", words("open, opening price, opened")),
    _level("high", "High", words("high, highest price, top price, peak price, intraday high")),
    _level("low", "Low", words("low, lowest price, bottom price, intraday low")),
    _level("volume", "Volume", words("volume, shares traded, turnover, trading volume"), unit="shares"),
    Metric(
        name="return",
        title="Return",
        unit="ratio",
        label="public",
        subject="instrument",
        kind="return",
        synonyms=words(
            "return, returns, performance, gain, gained, loss, lost, how did it do, total return, "
            "up, down, rose, fell, best performer, worst performer, winners, losers, movers"
        ),
        aggregations=("total", "list", "average", "median", "minimum", "maximum", "count"),
        default_period=Period(name="this_year"),
        description="Total return over the period where a total-return series exists, "
        "otherwise the price return; with a "
        "grain, one close-to-close return per day, week, month, quarter or year.",
    ),
    Metric(
        name="price_change",
        title="Price change",
        unit="ratio",
        label="public",
        subject="instrument",
        kind="return",
        synonyms=words("price change, price return, percent change, change in price, change, move"),
        aggregations=("total", "list", "average", "median", "minimum", "maximum", "count"),
        default_period=Period(last=1, unit="sessions"),
        description="Change of the close as a ratio, dividends left out, over the period or per grain.",
    ),
    _statistic(
        "volatility",
        "Annualised volatility",
        "ratio",
        words("volatility, vol, annualised volatility, standard deviation, riskiness"),
        "Standard deviation of daily returns over the period, annualised by 252 sessions (crypto 365 days).",
    ),
    _statistic(
        "realized_volatility",
        "Realised volatility",
        "ratio",
        words(
            "realised volatility, realized volatility, rolling volatility, historical volatility, "
            "realised vol, realized vol"
        ),
        "Standard deviation of the last N daily log returns, annualised by 252 sessions (crypto 365 days).",
        window=20,
    ),
    _statistic(
        "sharpe_ratio",
        "Sharpe ratio",
        "number",
        words("sharpe, sharpe ratio, risk adjusted return, risk-adjusted return"),
        "Mean over standard deviation of daily returns, annualised, risk-free rate zero (Sharpe, 1994).",
    ),
    _statistic(
        "sortino_ratio",
        "Sortino ratio",
        "number",
        words("sortino, sortino ratio"),
        "Mean over downside deviation of daily returns, annualised (Sortino and Price, 1994).",
    ),
    _statistic(
        "annualized_return",
        "Annualised return",
        "ratio",
        words("cagr, annualised return, annualized return, compound annual growth, return per year"),
        "Compound return per year over the period.",
    ),
    _statistic(
        "max_drawdown",
        "Maximum drawdown",
        "ratio",
        words("max drawdown, maximum drawdown, drawdown, worst drawdown, biggest fall, peak to trough"),
        "Deepest fall of the cumulative return from its previous peak within the period, zero or negative.",
    ),
    _statistic(
        "correlation",
        "Correlation",
        "number",
        words("correlation, correlation matrix, correlated, corr, move together"),
        "Pearson correlation of daily returns on common sessions, pair by pair.",
        least=2,
    ),
    _statistic(
        "beta",
        "Beta",
        "number",
        words("beta, market sensitivity"),
        "Slope of daily returns on those of the benchmark (default SPY, else the S&P 500 index) on common sessions.",
    ),
    _indicator(
        "rsi",
        "RSI",
        "number",
        14,
        words("rsi, relative strength index, oversold, overbought"),
        "Relative strength index of closes, 0 to 100 (Wilder, 1978).",
    ),
    _indicator(
        "sma",
        "Simple moving average",
        "money",
        50,
        words("sma, moving average, simple moving average, ma, day average"),
        "Mean of the last N closes.",
    ),
    _indicator(
        "ema",
        "Exponential moving average",
        "money",
        20,
        words("ema, exponential moving average"),
        "Exponential mean of closes with weight 2/(N+1).",
    ),
    _indicator(
        "price_vs_sma",
        "Close versus its moving average",
        "ratio",
        100,
        words(
            "above its moving average, below its moving average, price versus moving average, "
            "above the moving average, distance from moving average"
        ),
        "Close over its N-session simple moving average minus one: positive is above.",
    ),
    Metric(
        name="spread",
        title="Spread",
        unit="number",
        label="public",
        subject="instrument",
        kind="pair",
        least=2,
        synonyms=words("spread, difference between, minus"),
        aggregations=("list", "latest", "average", "minimum", "maximum"),
        default_period=_YEAR,
        description="Close of the first instrument minus that of the second, by common session.",
    ),
    Metric(
        name="price_ratio",
        title="Price ratio",
        unit="number",
        label="public",
        subject="instrument",
        kind="pair",
        least=2,
        synonyms=words("ratio, relative price, divided by, price ratio"),
        aggregations=("list", "latest", "average", "minimum", "maximum"),
        default_period=_YEAR,
        description="Close of the first instrument over that of the second, by common session.",
    ),
)
_MACRO_METRICS = (
    _macro(
        "macro_value",
        "Value",
        "number",
        ("value", "level", "rate", "reading", "latest", "current", "print", "last time", "when did"),
        "Newest known vintage of a macro series; with a filter, the periods that satisfy it (newest first).",
    ),
    _macro(
        "macro_change",
        "Change",
        "number",
        words("change, move, rise, fall, difference"),
        "Difference of each observation to the one before (with a grain: of period averages), in the series' unit.",
        period=_YEAR,
    ),
    _macro(
        "macro_yoy",
        "Year-over-year change",
        "ratio",
        words("yoy, year over year, year-over-year, annual change, 12 month change, annual rate, inflation"),
        "Each observation over the one a year before, minus one.",
    ),
    _macro(
        "macro_growth",
        "Growth",
        "ratio",
        words("growth, growth rate, growth by year, annual growth"),
        "Average of each period (default calendar year) over that of the period before, minus one.",
    ),
    _macro(
        "macro_spread",
        "Spread",
        "number",
        words("spread, minus, difference between, curve, slope"),
        "First series minus the second, by date; the finer of two frequencies is averaged to the coarser.",
        least=2,
    ),
)
_EVENT_METRICS = (
    _listing(
        "earnings_dates",
        "Earnings dates",
        "event",
        "event",
        words("earnings, earnings date, earnings dates, reports, report earnings, reporting, who reports, results"),
        "Scheduled and past earnings dates by symbol.",
        period=Period(name="upcoming"),
        descending=False,
    ),
    _listing(
        "earnings_surprise",
        "Earnings surprise",
        "event",
        "event",
        words("earnings surprise, eps surprise, beat, miss, eps, beat estimates, earnings per share"),
        "Earnings per share: actual, estimate and the difference, newest first; minimum or maximum: the smallest or "
        "largest surprises, as many as the limit says.",
        unit="money",
        aggregations=("list", "count", "minimum", "maximum"),
    ),
    _listing(
        "dividends",
        "Dividends",
        "event",
        "event",
        words("dividend, dividends, payout, distribution, distributions"),
        "Dividends by ex-date with amount per share.",
        unit="money",
        descending=False,
    ),
    _listing(
        "splits",
        "Splits",
        "event",
        "event",
        words("split, splits, stock split"),
        "Share splits by ex-date with ratio new/old.",
        unit="number",
    ),
    _listing(
        "economic_events",
        "Economic events",
        "event",
        "event",
        words(
            "economic calendar, release, release date, next release, economic events, calendar, announcement, date of"
        ),
        "Scheduled economic releases and speeches with actual, forecast and previous value.",
        period=Period(name="upcoming"),
        descending=False,
    ),
    _listing(
        "geopolitical_events",
        "Geopolitical events",
        "event",
        "event",
        words("geopolitical, geopolitics, geopolitical event, war, conflict, tension, world events"),
        "Geopolitical events with severity (low, medium, high) and risk index.",
    ),
    _listing(
        "news",
        "News",
        "news",
        "news",
        words("news, headlines, articles, stories, digest, what do the articles say"),
        "News articles with publisher and sentiment, newest first.",
        unit="text",
        aggregations=("list", "count"),
    ),
    _listing(
        "news_count",
        "Number of articles",
        "news",
        "news",
        words("news count, number of articles, how many articles, most news, news volume, coverage in the news"),
        "Number of articles by symbol (and by grain).",
        unit="count",
        period=Period(last=30, unit="days"),
        aggregations=("list",),
    ),
    _listing(
        "sentiment",
        "Average sentiment",
        "news",
        "news",
        words("sentiment, news sentiment, average sentiment, tone, mood"),
        "Mean article sentiment from -1 to 1 by symbol (and by grain).",
        unit="number",
        period=Period(last=30, unit="days"),
        aggregations=("average",),
    ),
)
_BOOK_METRICS = (
    _book(
        "positions",
        "Positions",
        "money",
        words("positions, position, holdings, portfolio, book, what do i own, what do we hold, market value, exposure"),
        "Open positions with quantity, average cost, price, market value, weight and unrealised P&L.",
    ),
    _book(
        "weight",
        "Weight",
        "ratio",
        words("weight, share of portfolio, share of nav, allocation, concentration"),
        "Market value of a position over net asset value.",
    ),
    _book(
        "average_cost",
        "Average cost",
        "money",
        words("average cost, cost basis, cost, entry price, my cost, paid"),
        "Average cost per share of a position, with the last close beside it.",
    ),
    _book(
        "cash",
        "Cash",
        "money",
        words("cash, cash balance, buying power, share of cash"),
        "Cash balance and its share of net asset value.",
    ),
    _book(
        "nav",
        "Net asset value",
        "money",
        words("nav, net asset value, account value, equity, portfolio value, total value"),
        "Cash plus market value of all positions; with a period, the stored daily values.",
    ),
    _book(
        "pnl",
        "Profit and loss",
        "money",
        words("pnl, p&l, profit, profit and loss, loss, made, lost, how much did i make"),
        "Profit and loss of the period: today's from two closes and the fills; total = realised + unrealised. With an"
        " order, the symbols ranked by what they made.",
        period=Period(name="today"),
    ),
    _book(
        "account_drawdown",
        "Account drawdown",
        "ratio",
        words("account drawdown, drawdown of my account, drawdown from the top, portfolio drawdown"),
        "Fall of net asset value from its peak.",
    ),
    _book(
        "fills",
        "Fills",
        "shares",
        words("fills, executions, trades, filled, executed"),
        "Executions with price and fee, newest first.",
        period=_ALL,
    ),
    _book(
        "orders",
        "Orders",
        "shares",
        words("orders, order, rejected orders, open orders, working orders"),
        "Orders with state and reason, newest first.",
        period=_ALL,
    ),
    _book(
        "proposals",
        "Proposals",
        "days",
        words("proposals, proposal, pending proposals, waiting for approval, waiting for a decision, to approve"),
        "Trade proposals with state and time to expiry.",
        period=_ALL,
    ),
)
_COVERAGE_METRICS = (
    _listing(
        "coverage",
        "Data coverage",
        "coverage",
        "coverage",
        words("coverage, what data, data range, how much data, history available, rows stored"),
        "Stored and expected sessions by symbol and source with first and last session.",
        unit="count",
        aggregations=("list",),
    ),
)

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (*_INSTRUMENT_METRICS, *_MACRO_METRICS, *_EVENT_METRICS, *_BOOK_METRICS, *_COVERAGE_METRICS)
}
