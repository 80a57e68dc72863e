"""Bring the analysts of the panel what they look at, and join what they say of each instrument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from core.errors import NoData, UnknownName
from tools._crisis import MARKETS
from tools.context import ToolContext

if TYPE_CHECKING:
    from core.advice.events import Tone
    from core.advice.macro import Series
    from core.advice.opinion import Opinion
    from core.advice.verdict import Direction, PastRecord, Word
    from core.domain.event_calendar import EventCalendar
    from core.domain.market_records import Instrument
    from core.domain.panel import Panel

HISTORY = timedelta(days=round(20 * 365.25))
MACRO_HISTORY = timedelta(days=4 * 366)
NEWS_HISTORY = timedelta(days=30 + 365)
STALE = timedelta(days=10)
MOST_PEERS = 12
LEAST_PEERS = 3
MOST_ARTICLES = 20_000
MARKET = "the market"
# Groups by size, style or index: peers of last resort.
BROAD = frozenset({"stock", "etf", "crypto", "index", "us_equity", "megacap", "large_cap", "largest_etf", "dow_30"})
MACRO_SERIES = ("DGS10", "T10Y2Y", "VIXCLS", "WTI_SPOT_DAILY", "DEXUSEU")
DAYS_PER_SESSION = 365.25 / 252.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Hold a position's weight in the account's value and its share of the account's risk, both ratios."""

    weight: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Hold what the panel says of one instrument at its newest session; `volatility` is annual, None unmeasured."""

    instrument: Instrument
    session: date
    opinions: tuple[Opinion, ...]
    score: float
    disagreement: float
    direction: Direction
    word: Word
    record: PastRecord
    volatility: float | None
    held: Held | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Convened:
    """Hold what the panel says of each instrument, whom it could not judge and why, and what it read."""

    judged: tuple[Judged, ...]
    left_out: tuple[str, ...]
    sources: tuple[str, ...]
    sql: tuple[str, ...]


def convene(
    context: ToolContext, instruments: Sequence[Instrument], *, horizon: int, held: Mapping[str, Held]
) -> Convened:
    """Judge instruments as of the call; raise NoData when none of them can be judged."""
    peers, market = _peers(context, instruments)
    panel, left_out = _prices(context, instruments, peers, market)
    column = {part.instrument_id: index for index, part in enumerate(panel.series)}
    there = [part for part in instruments if part.instrument_id in column]
    macro = [*_market_series(panel, column, market), *_macro(context)]
    ids = [part.instrument_id for part in there]
    earnings = context.desk.events.calendar(("EARNINGS",), ids, as_of=context.as_of)
    articles, news_sql = _articles(context, ids)
    judged: list[Judged] = []
    for place, part in enumerate(there):
        own = part.instrument_id != (market.instrument_id if market else None)
        found = _judge(
            part,
            panel,
            column,
            peers.get(part.instrument_id),
            macro if own else [series for series in macro if series.name != MARKET],
            earnings.of("EARNINGS", place),
            articles.get(part.instrument_id, []),
            horizon=horizon,
            held=held.get(part.symbol),
        )
        if isinstance(found, str):
            left_out.append(found)
        else:
            judged.append(found)
    if not judged:
        raise NoData(
            f"The panel cannot judge {', '.join(part.symbol for part in instruments[:5])}: {' '.join(left_out[:3])}",
            hint="`quantdesk coverage` shows what is stored.",
        )
    told = tuple(f"{part.symbol}: {part.source} ({part.price_basis})" for part in panel.series if part.symbol in
                 {one.instrument.symbol for one in judged})  # fmt: skip
    return Convened(judged=tuple(judged), left_out=tuple(left_out), sources=told, sql=(panel.sql, news_sql))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Peers:
    name: str
    ids: tuple[int, ...]


def _peers(context: ToolContext, instruments: Sequence[Instrument]) -> tuple[dict[int, _Peers], Instrument | None]:
    """Return for each instrument the smallest of its groups with three other priced members, and the market.

    A sector comes before a group by size or index; without either the market is the peer.
    """
    listed = context.desk.instruments.list(on=context.as_of.known.date())
    known = {part.instrument_id for part in listed}
    stored = {
        series.instrument_id
        for series in context.desk.coverage.series(sorted(known), as_of=context.as_of)
        if series.last >= (context.as_of.known - STALE).date()
    }
    members: dict[tuple[str, str], list[int]] = {}
    for part in listed:
        for group in part.groups:
            if part.instrument_id in stored:
                members.setdefault((group, part.calendar), []).append(part.instrument_id)
    groups = {part.instrument_id: part.groups for part in listed}
    market = _market(context, stored)
    found: dict[int, _Peers] = {}
    for part in instruments:
        options = []
        for group in groups.get(part.instrument_id, part.groups):
            others = [number for number in members.get((group, part.calendar), ()) if number != part.instrument_id]
            if len(others) >= LEAST_PEERS:
                options.append((group in BROAD, len(others), group, others))
        if options:
            _, _, group, others = min(options)
            found[part.instrument_id] = _Peers(
                name="its peers" if group in BROAD else f"its {group.replace('_', ' ')} peers",
                ids=tuple(others[:MOST_PEERS]),
            )
        elif market is not None and market.instrument_id != part.instrument_id and part.calendar == market.calendar:
            found[part.instrument_id] = _Peers(name=f"the market ({market.symbol})", ids=(market.instrument_id,))
    return found, market


def _market(context: ToolContext, stored: set[int]) -> Instrument | None:
    for name in MARKETS:
        try:
            found = context.desk.instruments.find(name)
        except UnknownName:
            continue
        if found.instrument_id in stored:
            return found
    return None


def _prices(
    context: ToolContext,
    instruments: Sequence[Instrument],
    peers: Mapping[int, _Peers],
    market: Instrument | None,
) -> tuple[Panel, list[str]]:
    """Return the closes of what can be judged with those of their peers, and a sentence on each that has none."""
    newest = {part.instrument_id: date.min for part in instruments}
    for series in context.desk.coverage.series(sorted(newest), as_of=context.as_of):
        newest[series.instrument_id] = max(newest[series.instrument_id], series.last)
    recent = (context.as_of.known - STALE).date()
    left_out = [
        f"The newest price of {part.symbol} is of {newest[part.instrument_id]}."
        if newest[part.instrument_id] > date.min
        else f"{part.symbol} has no prices."
        for part in instruments
        if newest[part.instrument_id] < recent
    ]
    asked = [number for number, last in newest.items() if last >= recent]
    if not asked:
        raise NoData(" ".join(left_out[:5]), hint="`quantdesk coverage` shows what is stored.")
    others = [beside for number in asked if number in peers for beside in peers[number].ids]
    others += [market.instrument_id] if market else []
    panel = context.desk.bars.panel(
        list(dict.fromkeys([*asked, *others])),
        purpose="return",
        as_of=context.as_of,
        start=(context.as_of.known - HISTORY).date(),
    )
    return panel, left_out


def _judge(
    instrument: Instrument,
    panel: Panel,
    column: Mapping[int, int],
    peers: _Peers | None,
    macro: Sequence[Series],
    earnings: EventCalendar,
    articles: Sequence[tuple[date, float]],
    *,
    horizon: int,
    held: Held | None,
) -> Judged | str:
    """Return what the panel says of one instrument, or a sentence on why it says nothing."""
    import numpy as np

    from core.advice.events import judge_events
    from core.advice.macro import judge_macro, measure_sensitivity
    from core.advice.opinion import no_opinion
    from core.advice.relative_value import basket_level, judge_gap, measure_gap
    from core.advice.risk import judge_risk, measure_risk
    from core.advice.trend import judge_trend, measure_trend
    from core.advice.verdict import combined, direction_of, disagreement, past_record, price_scores, word_of

    own = panel.close[:, column[instrument.instrument_id]]
    rows = np.isfinite(own)
    days, close = panel.sessions[rows], np.asarray(own[rows], dtype=np.float64)
    session: date = days[-1].astype("datetime64[D]").item()
    per_year = 365 if instrument.calendar == "24x7" else 252
    trend, risk = measure_trend(close, sessions_per_year=per_year), measure_risk(close, sessions_per_year=per_year)
    votes = [trend.votes, risk.votes]
    relative = no_opinion("relative value", "it has no peers with prices")
    if peers is not None:
        beside = np.asarray(
            panel.close[np.ix_(rows, np.array([column[number] for number in peers.ids]))], dtype=np.float64
        )
        gap = measure_gap(close, basket_level(beside))
        votes.append(gap.votes)
        relative = judge_gap(gap, peers=peers.name)
    opinions = (
        judge_trend(trend),
        relative,
        judge_macro([measure_sensitivity(days, close, series) for series in macro]),
        judge_events(
            earnings, _tone(articles, session), day=session, horizon_days=round(horizon * DAYS_PER_SESSION)
        ),
        judge_risk(risk, close, weight=held.weight if held else None, share=held.share if held else None),
    )  # fmt: skip
    score, apart = combined(opinions), disagreement(opinions)
    if score is None or apart is None:
        return f"Too little is known of {instrument.symbol}: {len(close)} closes."
    direction = direction_of(score)
    record = past_record(price_scores(votes), close, direction, horizon=horizon)
    volatility = float(risk.volatility[-1])
    return Judged(
        instrument=instrument,
        session=session,
        opinions=opinions,
        score=score,
        disagreement=apart,
        direction=direction,
        word=word_of(direction, record),
        record=record,
        volatility=volatility if np.isfinite(volatility) and volatility > 0.0 else None,
        held=held,
    )


def _market_series(panel: Panel, column: Mapping[int, int], market: Instrument | None) -> list[Series]:
    import numpy as np

    from core.advice.macro import Series

    if market is None:
        return []
    close = panel.close[:, column[market.instrument_id]]
    there = np.isfinite(close)
    values = np.asarray(close[there], dtype=np.float64)
    return [Series(name=MARKET, is_rate=False, periods=panel.sessions[there], values=values)]


def _macro(context: ToolContext) -> list[Series]:
    """Return the series that the macro analyst asks, each at the vintages known at the call."""
    import numpy as np

    from core.advice.macro import Series

    found = []
    for name in MACRO_SERIES:
        try:
            series = context.desk.macro.find(name)
            told = context.desk.macro.observations(
                series.series_id, as_of=context.as_of, start=(context.as_of.known - MACRO_HISTORY).date()
            )
        except (UnknownName, NoData):
            continue
        known = [(part.period, part.value) for part in told if part.value is not None]
        found.append(
            Series(
                name=series.series_id,
                is_rate="percent" in series.unit.lower(),
                periods=np.array([period for period, _ in known], dtype="datetime64[D]"),
                values=np.array([value for _, value in known], dtype=np.float64),
            )
        )
    return found


def _articles(context: ToolContext, ids: Sequence[int]) -> tuple[dict[int, list[tuple[date, float]]], str]:
    """Return the day and sentiment of each scored article of a year by instrument, and the statement read."""
    from core.query.semantic.statement import Statement

    statement = (
        Statement("news.v_symbol_articles", "instrument_id", "published_date", "sentiment_score")
        .where("instrument_id = ANY(?)", list(ids))
        .where("published_date >= ?", (context.as_of.known - NEWS_HISTORY).date())
        .where("NOT sentiment_score IS NULL")
        .order("published_date DESC", "article_id")
        .limit(MOST_ARTICLES)
    )
    result = statement.run(context.desk.query, context.as_of, label="public", max_rows=MOST_ARTICLES)
    found: dict[int, list[tuple[date, float]]] = {}
    for number, day, score in result.rows:
        published = day if isinstance(day, date) else date.fromisoformat(str(day)[:10])
        found.setdefault(int(str(number)), []).append((published, float(str(score))))
    return found, result.sql


def _tone(articles: Sequence[tuple[date, float]], session: date) -> Tone:
    import numpy as np

    from core.advice.events import RECENT_DAYS, Tone

    since = session - timedelta(days=RECENT_DAYS)
    return Tone(
        recent=np.array([score for day, score in articles if since < day <= session], dtype=np.float64),
        before=np.array([score for day, score in articles if day <= since], dtype=np.float64),
    )


def held_shares(context: ToolContext, account: str | None) -> dict[str, Held]:
    """Return the weight and the share of risk of each holding of an account; raise NoData for an empty one.

    The share is that of the account's gaussian expected shortfall, by the covariance of the last year's returns.
    Raises the call's label to private.
    """
    import numpy as np

    from core.risk.gate import expected_shortfall
    from tools._book import Target, read_book
    from tools._prices import common_returns

    book = read_book(context, Target(target="portfolio", account=account))
    values = book.value_vector()
    _, returns = common_returns(book.prices.panel)
    total, parts = expected_shortfall(values, np.atleast_2d(np.cov(returns[-252:], rowvar=False)))
    return {
        symbol: Held(weight=float(value / book.total), share=float(part / total) if total else 0.0)
        for symbol, value, part in zip(book.prices.panel.symbols, values, parts, strict=True)
    }
