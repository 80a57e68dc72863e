"""Answer questions on events, news and coverage: lists and counts compiled to SQL on the as-of views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from math import prod

from core.domain.facts import Cell, ChartSeries, Column, Unit
from core.domain.market_records import Instrument
from core.errors import NoData
from core.ports.query import QueryResult
from core.query.catalog import find_topic
from core.query.semantic.answer import MOST_FACT_ROWS, Answer, Sources
from core.query.semantic.macro import grain_start
from core.query.semantic.period import DateRange, Period, resolve
from core.query.semantic.prices import find_members
from core.query.semantic.statement import Statement

DEFAULT_ROWS = 200
COUNTED_ROWS = 20_000
"""Rows read to count them, or to add them up by period; more than that are said to be more."""
NEWS_ROWS = 25
_SEVERITIES = ("low", "medium", "high")
_UNITS: dict[str, Unit] = {
    "date": "date",
    "event_date": "date",
    "event_at": "date",
    "ex_date": "date",
    "published_at": "date",
    "first session": "date",
    "last session": "date",
    "amount": "money",
    "eps_actual": "money",
    "eps_estimate": "money",
    "eps_surprise": "money",
    "ratio": "number",
    "actual": "number",
    "forecast": "number",
    "previous": "number",
    "risk_index": "number",
    "sentiment_score": "number",
    "average sentiment": "number",
    "articles": "count",
    "scored": "count",
    "stored": "count",
    "expected": "count",
}


def answer_event(sources: Sources, answer: Answer) -> None:
    """Answer a question on earnings, dividends, splits, economic or geopolitical events."""
    {
        "earnings_dates": _earnings_dates,
        "earnings_surprise": _earnings_surprise,
        "dividends": _dividends,
        "splits": _splits,
        "economic_events": _economic,
        "geopolitical_events": _geopolitical,
    }[answer.metric.name](sources, answer)


def _window(sources: Sources, answer: Answer) -> DateRange:
    period = answer.query.period if not answer.query.period.is_empty else answer.metric.default_period
    if period.name == "latest":
        period = Period(name="all")
    return resolve(period, sources.today, whole=True)


def _dated(statement: Statement, column: str, window: DateRange) -> Statement:
    return statement.between(column, window.start, window.end)


def _of_members(sources: Sources, answer: Answer, statement: Statement) -> list[Instrument]:
    if not (answer.query.symbols or answer.query.group):
        return []
    members, _ = find_members(sources, answer)
    statement.where("instrument_id = ANY(?)", [part.instrument_id for part in members])
    return members


def _run(sources: Sources, answer: Answer, statement: Statement, *, rows: int = DEFAULT_ROWS) -> QueryResult:
    result = statement.limit(rows + 1).run(sources.query, sources.as_of, label="public", max_rows=rows)
    answer.sql.append(result.sql)
    return result


def _nothing(sources: Sources, statement: Statement, missing: str) -> NoData:
    """Say that there are no rows of the days asked about, and which days next to them have such rows."""
    hint = "`quantdesk coverage` shows what is stored."
    around = statement.around()
    found = around.run(sources.query, sources.as_of, label="public", max_rows=1).rows if around else ()
    before, after = found[0] if found else (None, None)
    nearest = [f"the newest before is of {before}"] if before else []
    nearest += [f"the next after is of {after}"] if after else []
    said = missing.rstrip(".")
    return NoData(f"{said}; {', '.join(nearest)}." if nearest else f"{said}.", hint=hint)


def _listed(
    sources: Sources,
    answer: Answer,
    statement: Statement,
    result: QueryResult,
    columns: Sequence[str],
    *,
    noun: str,
    missing: str,
) -> None:
    """Add the rows as a table; raise NoData when there are none."""
    if not result.rows:
        raise _nothing(sources, statement, missing)
    if answer.query.aggregation == "count":
        answer.state(f"number of {noun}", len(result.rows), "count")
    elif answer.query.limit != 1:
        answer.state(f"{noun} listed", len(result.rows), "count")
    if result.truncated:
        answer.note(f"Only the first {len(result.rows)} are listed.")
    answer.table(
        [Column(name=name, unit=_UNITS.get(name, "text")) for name in columns], result.rows, truncated=result.truncated
    )


def _rows(answer: Answer) -> int:
    """Return how many rows to read: a count of a list that was cut would be wrong."""
    counted = answer.query.aggregation == "count" or answer.query.grain is not None
    return COUNTED_ROWS if counted else DEFAULT_ROWS


def _by_period(answer: Answer, result: QueryResult, day: str, value: str | None, *, title: str) -> None:
    """Add the sum of a column, or the number of rows, by the grain that is asked for; no grain adds nothing."""
    if answer.query.grain is None or not result.rows:
        return
    at = result.columns.index(day)
    symbol = result.columns.index("symbol") if "symbol" in result.columns else None
    totals: dict[tuple[str, str], float] = {}
    for row in result.rows:
        key = (
            str(row[symbol]) if symbol is not None else title,
            grain_start(date.fromisoformat(str(row[at])[:10]), answer.query.grain).isoformat(),
        )
        totals[key] = totals.get(key, 0.0) + (1.0 if value is None else float(row[result.columns.index(value)] or 0.0))
    unit: Unit = "count" if value is None else "money"
    cells: list[tuple[Cell, ...]] = [(name, start, total) for (name, start), total in sorted(totals.items())]
    for name, start, total in cells[:MOST_FACT_ROWS]:
        answer.state(f"{name} {title} {start}" if symbol is not None else f"{title} {start}", total, unit)
    named = Column(name="symbol" if symbol is not None else "what", unit="text")
    answer.table(
        [named, Column(name="period", unit="date"), Column(name=title, unit=unit)],
        cells,
        title=f"{title.capitalize()} by {answer.query.grain}",
        name=f"{answer.metric.name}_by_{answer.query.grain}",
        truncated=result.truncated,
    )
    _draw_by_symbol(answer, cells, unit)


def _descending(answer: Answer) -> str:
    order = answer.query.order or ("desc" if answer.metric.descending else "asc")
    return order.upper()


def _earnings_dates(sources: Sources, answer: Answer) -> None:
    columns = ("symbol", "event_date", "eps_estimate", "eps_actual")
    statement = Statement("events.v_security", *columns, distinct_on=("event_date", "symbol")).where(
        "event = 'earnings'"
    )
    window = _window(sources, answer)
    _dated(statement, "event_date", window)
    members = _of_members(sources, answer, statement)
    direction = _descending(answer)
    statement.order(f"event_date {direction}", "symbol", "eps_actual NULLS LAST", "source")
    result = _run(sources, answer, statement, rows=answer.query.limit or _rows(answer))
    _listed(
        sources,
        answer,
        statement,
        result,
        columns,
        noun="earnings dates",
        missing=f"No earnings date {_between(window)} is known{_of(members)}.",
    )
    for row in result.rows[:MOST_FACT_ROWS]:
        answer.state(f"{row[0]} earnings date", row[1], "date", source="events.v_security")


def _earnings_surprise(sources: Sources, answer: Answer) -> None:
    columns = ("symbol", "event_date", "eps_actual", "eps_estimate", "eps_surprise")
    statement = Statement("events.v_security", *columns, distinct_on=("event_date", "symbol")).where(
        "event = 'earnings' AND NOT eps_actual IS NULL AND NOT eps_estimate IS NULL"
    )
    window = _window(sources, answer)
    _dated(statement, "event_date", window)
    if answer.query.filter is not None:
        statement.where(f"eps_surprise {_operator(answer.query.filter.operator)} ?", answer.query.filter.value)
    members = _of_members(sources, answer, statement)
    statement.order(f"event_date {_descending(answer)}", "symbol", "source")
    extreme = answer.query.aggregation in ("minimum", "maximum")
    result = _run(sources, answer, statement, rows=COUNTED_ROWS if extreme else answer.query.limit or _rows(answer))
    if extreme:
        ranked = sorted(
            result.rows, key=lambda row: float(row[4] or 0.0), reverse=answer.query.aggregation == "maximum"
        )
        result = replace(result, rows=tuple(ranked[: answer.query.limit or 1]))
    _listed(
        sources,
        answer,
        statement,
        result,
        columns,
        noun="reports",
        missing=f"No reported earnings with an estimate are known{_of(members)}.",
    )
    for row in result.rows[:MOST_FACT_ROWS]:
        answer.state(f"{row[0]} EPS surprise {row[1]}", row[4], "money", currency="USD", source="events.v_security")


def _operator(operator: str) -> str:
    return "<>" if operator == "!=" else operator


def _dividends(sources: Sources, answer: Answer) -> None:
    columns = ("symbol", "ex_date", "amount", "currency")
    statement = Statement(
        "market_data.v_corporate_actions", *columns, "amount_basis", distinct_on=("ex_date", "symbol")
    ).where("action = 'dividend'")
    window = _window(sources, answer)
    if window.end is None:
        window = DateRange(start=window.start, end=sources.today)
    _dated(statement, "ex_date", window)
    members = _of_members(sources, answer, statement)
    statement.order(f"ex_date {_descending(answer)}", "symbol", "source")
    result = _run(sources, answer, statement, rows=answer.query.limit or COUNTED_ROWS)
    result = _per_share_of_today(sources, answer, result)
    _by_period(answer, result, "ex_date", "amount", title="dividends per share")
    _listed(
        sources,
        answer,
        statement,
        result,
        columns,
        noun="dividends",
        missing=f"No dividend {_between(window)} is known{_of(members)}.",
    )
    totals: dict[str, float] = {}
    for row in result.rows:
        totals[str(row[0])] = totals.get(str(row[0]), 0.0) + float(row[2] or 0.0)
    largest_first = sorted(totals.items(), key=lambda part: -part[1])
    for symbol, total in largest_first[:MOST_FACT_ROWS]:
        answer.state(f"{symbol} dividends, total per share", total, "money", currency="USD")
    if len(totals) == 1:
        newest = max(result.rows, key=lambda row: str(row[1]))
        answer.state(f"{newest[0]} last dividend", newest[2], "money", currency="USD")
        answer.state(f"{newest[0]} last ex-date", newest[1], "date")
    answer.note("Amounts are per share of today: later splits are taken out.")


def _per_share_of_today(sources: Sources, answer: Answer, dividends: QueryResult) -> QueryResult:
    """Divide what was paid per share of then by the splits since, so that amounts of different years add up."""
    basis = dividends.columns.index("amount_basis")
    as_paid = {str(row[0]) for row in dividends.rows if row[basis] in (None, "raw")}
    splits: list[tuple[str, str, float]] = []
    if as_paid:
        statement = Statement(
            "market_data.v_corporate_actions", "symbol", "ex_date", "ratio", distinct_on=("ex_date", "symbol")
        ).where("action = 'split' AND NOT ratio IS NULL")
        statement.where("symbol = ANY(?)", sorted(as_paid)).where("ex_date <= ?", sources.today)
        found = _run(sources, answer, statement.order("ex_date", "symbol", "source"), rows=COUNTED_ROWS)
        splits = [(str(row[0]), str(row[1]), float(row[2] or 1.0)) for row in found.rows]
    rows: list[tuple[Cell, ...]] = []
    for row in dividends.rows:
        symbol, day, amount, currency = row[:basis]
        later = [ratio for name, on, ratio in splits if name == symbol and on > str(day)]
        if row[basis] in (None, "raw") and amount is not None and later:
            amount = float(amount) / prod(later)
        rows.append((symbol, day, amount, currency))
    return replace(dividends, columns=dividends.columns[:basis], types=dividends.types[:basis], rows=tuple(rows))


def _splits(sources: Sources, answer: Answer) -> None:
    columns = ("symbol", "ex_date", "ratio")
    statement = Statement("market_data.v_corporate_actions", *columns, distinct_on=("ex_date", "symbol")).where(
        "action = 'split'"
    )
    window = _window(sources, answer)
    _dated(statement, "ex_date", window)
    members = _of_members(sources, answer, statement)
    statement.order(f"ex_date {_descending(answer)}", "symbol", "source")
    result = _run(sources, answer, statement, rows=answer.query.limit or DEFAULT_ROWS)
    _listed(
        sources,
        answer,
        statement,
        result,
        columns,
        noun="splits",
        missing=f"No split {_between(window)} is known{_of(members)}.",
    )
    for row in result.rows[:MOST_FACT_ROWS]:
        answer.state(f"{row[0]} split {row[1]}", row[2], "number")


def _economic(sources: Sources, answer: Answer) -> None:
    query = answer.query
    columns = ("name", "event_date", "event_at", "country", "importance", "actual", "forecast", "previous")
    window = _window(sources, answer)
    statement = Statement("events.v_economic", *columns)
    _dated(statement, "event_date", window)
    upcoming = window.start == sources.today and window.end is None
    if upcoming:
        statement.where("(event_at IS NULL OR event_at > ?)", sources.as_of.known)
    country = query.country
    if query.topic:
        topic = find_topic(query.topic)
        patterns = topic.patterns if topic else (query.topic,)
        statement.where("name ILIKE ANY(?)", [f"%{_escaped(pattern)}%" for pattern in patterns])
        country = country or "US"
    if country:
        statement.where("country = ANY(?)", [country.upper(), {"US": "USD", "USD": "US"}.get(country.upper(), country)])
        if not query.country:
            answer.note("Releases of the United States.")
    if query.severity:
        statement.where("importance = ANY(?)", list(_SEVERITIES[_SEVERITIES.index(query.severity) :]))
    statement.order(f"event_date {_descending(answer)}", f"event_at {_descending(answer)}", "name")
    rows = query.limit or (_rows(answer) if not upcoming or not query.topic else 10)
    result = _run(sources, answer, statement, rows=rows)
    _by_period(answer, result, "event_date", None, title="releases")
    about = f" for {query.topic}" if query.topic else ""
    when = (
        f"No release{about} is scheduled after {sources.today}"
        if upcoming
        else f"No release{about} {_between(window)} is stored"
    )
    _listed(sources, answer, statement, result, columns, noun="releases", missing=f"{when} as far as the desk knew.")
    for row in result.rows[: 1 if upcoming else 3]:
        answer.state(f"{row[0]} date", row[1], "date", source="events.v_economic")
        for place, word in ((5, "actual"), (6, "forecast"), (7, "previous")):
            if row[place] is not None:
                answer.state(f"{row[0]} {word} {row[1]}", row[place], "number")


def _escaped(pattern: str) -> str:
    return pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _geopolitical(sources: Sources, answer: Answer) -> None:
    query = answer.query
    columns = ("event_date", "name", "severity", "category", "locations", "risk_index")
    window = _window(sources, answer)
    statement = Statement("events.v_geopolitical", *columns)
    _dated(statement, "event_date", window)
    if query.severity:
        statement.where("severity = ANY(?)", list(_SEVERITIES[_SEVERITIES.index(query.severity) :]))
    if query.topic:
        words = f"%{_escaped(query.topic)}%"
        statement.where("(name ILIKE ? OR description ILIKE ?)", words, words)
    statement.order(f"event_date {_descending(answer)}", "name")
    result = _run(sources, answer, statement, rows=query.limit or _rows(answer))
    _by_period(answer, result, "event_date", None, title="events")
    severe = f" of severity {query.severity} or higher" if query.severity and query.severity != "high" else ""
    severe = " of high severity" if query.severity == "high" else severe
    _listed(
        sources,
        answer,
        statement,
        result,
        columns,
        noun="events",
        missing=f"No geopolitical event{severe} {_between(window)} is stored.",
    )
    newest = result.rows[0] if _descending(answer) == "DESC" else result.rows[-1]
    answer.state("newest event", newest[1], "text", source="events.v_geopolitical")
    answer.state("date of the newest event", newest[0], "date")


def _between(window: DateRange) -> str:
    if window.start and window.end:
        return f"on {window.start}" if window.start == window.end else f"from {window.start} to {window.end}"
    if window.start:
        return f"from {window.start} on"
    return f"up to {window.end}" if window.end else "at all"


def _of(members: Sequence[Instrument]) -> str:
    if not members:
        return ""
    return f" for {', '.join(part.symbol for part in members[:5])}" + (" and others" if len(members) > 5 else "")


def answer_news(sources: Sources, answer: Answer) -> None:
    """Answer a question on news: articles, their number, their average sentiment."""
    if answer.metric.name == "news":
        _articles(sources, answer)
    else:
        _by_symbol(sources, answer)


def _published(sources: Sources, answer: Answer, statement: Statement) -> DateRange:
    window = _window(sources, answer)
    _dated(statement, "published_date", window)
    return window


def _articles(sources: Sources, answer: Answer) -> None:
    query = answer.query
    named = bool(query.symbols or query.group)
    columns = ("published_date", "published_at", "headline", "publisher", "url")
    extra = ("symbol", "sentiment", "sentiment_score", "summary") if named else ("summary",)
    statement = Statement("news.v_symbol_articles" if named else "news.v_articles", *columns, *extra)
    window = _published(sources, answer, statement)
    members = _of_members(sources, answer, statement)
    if query.topic:
        words = f"%{_escaped(query.topic)}%"
        statement.where("(headline ILIKE ? OR summary ILIKE ?)", words, words)
    direction = _descending(answer)
    statement.order(f"published_date {direction}", f"published_at {direction} NULLS LAST", "headline")
    counting = query.aggregation == "count"
    result = _run(sources, answer, statement, rows=5_000 if counting else query.limit or NEWS_ROWS)
    _listed(
        sources,
        answer,
        statement,
        result,
        (*columns, *extra),
        noun="articles",
        missing=f"No article {_between(window)} is stored{_of(members)}.",
    )
    answer.state("newest article", max(str(row[0]) for row in result.rows), "date")
    answer.state("oldest article", min(str(row[0]) for row in result.rows), "date")
    answer.sources.extend(sorted({str(row[3]) for row in result.rows if row[3]})[:20])
    answer.note("Headlines are quoted from their publishers; the desk does not follow instructions in them.")


def _by_symbol(sources: Sources, answer: Answer) -> None:
    query = answer.query
    sentiment = answer.metric.name == "sentiment"
    value = "avg(sentiment_score)" if sentiment else "count(*)"
    name = "average sentiment" if sentiment else "articles"
    grain = f"CAST(date_trunc('{query.grain}', published_date) AS date)" if query.grain else None
    columns = ["symbol", *([f"{grain} AS period"] if grain else []), f'{value} AS "{name}"', "count(*) AS scored"]
    statement = Statement("news.v_symbol_articles", *columns)
    window = _published(sources, answer, statement)
    members = _of_members(sources, answer, statement)
    if sentiment:
        statement.where("NOT sentiment_score IS NULL")
    direction = (query.order or "desc").upper()
    statement.group("symbol", *([grain] if grain else []))
    statement.order(*(["period", "symbol"] if grain else [f'"{name}" {direction}', "symbol"]))
    result = _run(sources, answer, statement, rows=query.limit or 500)
    rows = [row for row in result.rows if row[len(columns) - 2] is not None]
    if not rows:
        missing = f"No {'scored ' if sentiment else ''}article {_between(window)} is stored{_of(members)}."
        raise _nothing(sources, statement, missing)
    unit: Unit = "number" if sentiment else "count"
    shown: list[Column] = [Column(name="symbol", unit="text")]
    shown += [Column(name="period", unit="date")] if grain else []
    shown += [Column(name=name, unit=unit)] + ([Column(name="articles", unit="count")] if sentiment else [])
    width = len(shown)
    cells: list[tuple[Cell, ...]] = [row[:width] for row in rows]
    for row in cells[:MOST_FACT_ROWS]:
        about = f"{row[0]} {row[1]}" if grain else f"{row[0]}"
        answer.state(f"{about} {name}", row[2 if grain else 1], unit)
    if sentiment and not grain and len(cells) > 1:
        weights = [float(row[2] or 0) for row in cells]
        total = sum(float(row[1] or 0.0) * weight for row, weight in zip(cells, weights, strict=True))
        answer.state("average sentiment over all articles", total / sum(weights), "number")
    answer.table(shown, cells)
    if grain:
        _draw_by_symbol(answer, cells, unit)
    else:
        answer.bar_chart([str(row[0]) for row in cells], [_number(row[1]) for row in cells], unit=unit)


def _number(value: Cell) -> float | None:
    return None if value is None or isinstance(value, str) else float(value)


def _draw_by_symbol(answer: Answer, cells: Sequence[tuple[Cell, ...]], unit: Unit) -> None:
    lines = []
    for symbol in dict.fromkeys(str(row[0]) for row in cells):
        part = [row for row in cells if row[0] == symbol]
        lines.append(
            ChartSeries(name=symbol, x=tuple(str(row[1]) for row in part), y=tuple(_number(row[2]) for row in part))
        )
    answer.line_chart(lines[:MOST_FACT_ROWS], unit=unit)


def answer_coverage(sources: Sources, answer: Answer) -> None:
    """Answer a question on what prices are stored."""
    columns = (
        "symbol",
        "source",
        "price_basis",
        "sum(stored) AS stored",
        "sum(expected) AS expected",
        'min(first_session) AS "first session"',
        'max(last_session) AS "last session"',
    )
    statement = Statement("ops.v_coverage", *columns)
    _of_members(sources, answer, statement)
    statement.group("symbol", "source", "price_basis").order("symbol", "source", "price_basis")
    result = _run(sources, answer, statement, rows=answer.query.limit or 2_000)
    names = ("symbol", "source", "price_basis", "stored", "expected", "first session", "last session")
    _listed(sources, answer, statement, result, names, noun="series", missing="No prices are stored.")
    answer.state("symbols", len({row[0] for row in result.rows}), "count")
    answer.state("sessions stored", sum(int(row[3] or 0) for row in result.rows), "count")
    answer.state("first session", min(str(row[5]) for row in result.rows), "date")
    answer.state("last session", max(str(row[6]) for row in result.rows), "date")
