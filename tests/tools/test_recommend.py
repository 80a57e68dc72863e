"""The panel on the sample data: verdicts, reasons and records against closes read straight from the database."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import psycopg
import pytest

from agents.grounding import ground
from agents.planner.answers import write_answer
from agents.planner.plan import Call, Plan
from core.advice.opinion import ANALYSTS
from core.domain.as_of import AsOf
from core.domain.facts import ToolResult
from core.domain.principal import Principal
from core.errors import InvalidInput, NoData
from core.reporting.rendering import render_fact
from tools.context import Desk
from tools.runner import run_tool

THEN = datetime(2018, 7, 2, 12, tzinfo=UTC)
Ask = Callable[..., ToolResult]


@pytest.fixture
def person(request: pytest.FixtureRequest) -> Principal:
    """Give a person of the test's own: verdicts are kept by person, and the database is shared."""
    name = re.sub(r"\W+", "_", request.node.name)
    return Principal(id=f"usr_{name}", name=name, kind="person", scopes=frozenset({"read", "trade"}))


@pytest.fixture
def judge(desk: Desk, person: Principal, sample_dsn: str) -> Ask:
    with psycopg.connect(sample_dsn) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("DELETE FROM strategies.panel_verdicts WHERE requested_by = %s", (person.id,))

    def run(tool: str = "recommend", /, known: datetime | None = None, **arguments: Any) -> ToolResult:
        as_of = AsOf(known=known) if known else None
        return run_tool(desk, tool, arguments, principal=person, face="test", as_of=as_of)

    return run


@pytest.fixture(scope="session")
def closes(sample_dsn: str) -> Callable[[str], tuple[np.ndarray, np.ndarray]]:
    """Give the return closes of a symbol as stored, sessions and values."""

    def read(symbol: str) -> tuple[np.ndarray, np.ndarray]:
        with psycopg.connect(sample_dsn) as connection:
            rows = connection.execute(
                "SELECT session, close FROM market_data.v_return_prices WHERE symbol = %s ORDER BY session", (symbol,)
            ).fetchall()
        return np.array([row[0] for row in rows], dtype="datetime64[D]"), np.array([row[1] for row in rows])

    return read


def values(result: ToolResult, symbol: str) -> dict[str, Any]:
    return {
        fact.name.removeprefix(f"{symbol} "): fact.value for fact in result.facts if fact.name.startswith(f"{symbol} ")
    }


def table(result: ToolResult, name: str) -> list[dict[str, Any]]:
    found = next(part for part in result.tables if part.name == name)
    return [dict(zip([column.name for column in found.columns], row, strict=True)) for row in found.rows]


def test_a_verdict_stands_on_figures_that_the_stored_closes_give(judge: Ask, closes: Any) -> None:
    result = judge(symbols=["AAPL"], known=THEN)
    days, close = closes("AAPL")
    close = close[days <= np.datetime64("2018-06-29")]
    told = values(result, "AAPL")
    assert told["as of the close of"] == "2018-06-29", "nothing later than the call may be seen"
    assert told["close against its average of 200 sessions"] == pytest.approx(close[-1] / close[-200:].mean() - 1)
    assert told["return from 252 to 21 sessions ago"] == pytest.approx(close[-22] / close[-253] - 1)
    assert told["fall from the highest close of a year"] == pytest.approx(1 - close[-1] / close[-252:].max())
    (row,) = table(result, "verdicts")
    scores = [row[analyst] for analyst in ANALYSTS if row[analyst] is not None]
    assert row["score"] == pytest.approx(np.mean(scores), abs=0.011)
    assert -1 <= min(scores) <= max(scores) <= 1
    assert result.label == "public" and {fact.label for fact in result.facts} == {"public"}
    assert result.proposal_id is None


def test_the_base_rate_is_that_of_all_decisions_a_horizon_apart(judge: Ask, closes: Any) -> None:
    told = values(judge(symbols=["KO"], known=THEN, horizon_sessions=63), "KO")
    days, close = closes("KO")
    # The panel reads twenty years; the risk analyst needs 315 sessions of them before it says anything.
    read = (days <= np.datetime64("2018-06-29")) & (days >= np.datetime64("1998-07-02"))
    close = close[read]
    at = np.arange(len(close) - 64, -1, -63)
    at = at[at >= 63 + 252 - 1]
    returns = close[at + 63] / close[at] - 1
    assert told["all past decisions"] == len(returns)
    assert told["base rate of gains"] == pytest.approx((returns > 0).mean())
    assert told["base mean return over the horizon"] == pytest.approx(returns.mean())
    assert 0 < told["past verdicts of this kind"] < len(returns)
    assert told["probability of a gain, lower bound"] < told["probability of a gain"]


def test_what_is_known_later_changes_no_verdict_of_then(judge: Ask, desk: Desk) -> None:
    early = judge(symbols=["JPM", "MSFT"], known=THEN)
    late = judge(symbols=["JPM", "MSFT"], known=datetime(2018, 7, 2, 19, 59, tzinfo=UTC))
    after = judge(symbols=["JPM", "MSFT"], known=datetime(2018, 7, 2, 21, tzinfo=UTC))
    # The close of July 2 is known at 20:00 UTC.
    assert [fact.value for fact in early.facts] == [fact.value for fact in late.facts]
    assert values(after, "JPM")["as of the close of"] == "2018-07-02"


def test_every_analyst_gives_a_score_with_reasons_or_says_what_it_lacks(judge: Ask) -> None:
    rows = table(judge(symbols=["AAPL"], known=THEN), "reasons")
    assert {row["analyst"] for row in rows} == set(ANALYSTS)
    assert {row["side"] for row in rows} <= {"for", "against", "no opinion"}
    # The samples hold no earnings and no news.
    assert [row["side"] for row in rows if row["analyst"] == "events"] == ["no opinion"]
    # In 2018 the samples have a daily price of oil.
    assert any("market" in row["reason"] or "WTI" in row["reason"] for row in rows if row["analyst"] == "macro")


def test_the_answer_in_words_holds_no_number_that_is_no_fact(judge: Ask) -> None:
    for arguments in ({"symbols": ["AAPL"]}, {"symbols": ["AAPL", "XOM"]}, {"group": "megacap"}):
        result = judge(known=THEN, **arguments)
        call = Call(name="recommend", args=arguments)
        text = write_answer(Plan(outcome="answer"), [(call, result)], [])
        # Without the tables and remarks every digit must come from a fact.
        bare = result.model_copy(update={"tables": (), "notes": (), "sources": ()})
        checked = ground(text, [bare])
        assert checked.accepted, (checked.free, checked.unknown)
        for row in table(result, "verdicts")[:1]:
            assert f"**{row['symbol']}: {row['verdict']}**" in checked.text
        assert "in the past" in checked.text


def test_the_words_tell_the_record_and_offer_the_sentence_that_proposes(judge: Ask) -> None:
    result = judge(symbols=["AAPL"], known=THEN)
    text = ground(write_answer(Plan(outcome="answer"), [(Call(name="recommend"), result)], []), [result]).text
    (row,) = table(result, "verdicts")
    assert row["verdict"] == "lean buy"
    weight = result.fact("AAPL weight that adds a volatility of 2 % to the account")
    # 2 % over the stock's volatility, at most a tenth.
    usual = result.fact("AAPL annualised volatility of 63 sessions").value
    assert isinstance(usual, float) and weight.value == pytest.approx(min(0.1, 0.02 / usual), abs=0.0006)
    assert f"“buy AAPL to {render_fact(weight)} of my portfolio”" in text
    assert f"base rate {render_fact(result.fact('AAPL base rate of gains'))}" in text
    assert "No edge to be seen in the past." in text


def test_without_a_name_the_megacaps_are_judged_strongest_first_and_the_rest_is_said(judge: Ask) -> None:
    result = judge()
    scores = [row["score"] for row in table(result, "verdicts")]
    assert len(scores) == 15 and scores == sorted(scores, reverse=True)
    assert result.fact("instruments judged").value == 15
    assert len({row["symbol"] for row in table(result, "reasons")}) == 6
    assert "NFLX has no prices." in result.notes
    (chart,) = result.charts
    assert chart.kind == "heatmap" and chart.series[0].x == ANALYSTS


def test_a_group_larger_than_the_panel_says_how_many_of_how_many(
    judge: Ask, sample_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.recommend.MOST_SYMBOLS", 3)
    with psycopg.connect(sample_dsn) as connection:
        row = connection.execute(
            "SELECT count(*) FROM market_data.v_instruments WHERE 'megacap' = ANY (groups)"
        ).fetchone()
    assert row is not None and row[0] > 3
    result = judge(known=THEN)
    assert result.fact("instruments asked about").value == row[0]
    assert f"Only 3 of the {row[0]} names of the group were looked at" in result.notes[0]
    assert not any("were looked at" in note for note in judge(symbols=["AAPL"], known=THEN).notes)


def test_one_name_is_drawn_as_bars(judge: Ask) -> None:
    (chart,) = judge(symbols=["AAPL"]).charts
    assert (chart.kind, chart.series[0].x) == ("bar", ANALYSTS)
    assert all(value is None or -1 <= value <= 1 for value in chart.series[0].y)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"symbols": ["NVDA"]}, NoData, "no prices"),
        ({"group": "nonsense"}, NoData, "No instrument is in the group"),
        ({"symbols": ["AAPL"], "target": "portfolio"}, InvalidInput, "at once"),
        ({"symbols": ["AAPL"], "horizon_sessions": 1}, InvalidInput, "horizon_sessions"),
    ],
)
def test_what_cannot_be_judged_is_said(judge: Ask, arguments: dict[str, Any], error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        judge(**arguments)


def test_the_holdings_are_private_and_their_shares_of_risk_add_up(judge: Ask, desk: Desk) -> None:
    result = judge(target="portfolio")
    assert result.label == "private" and {fact.label for fact in result.facts} == {"private"}
    held = desk.books.holdings(desk.books.account(None).account_id, AsOf(known=result.as_of))
    symbols = {line.symbol for line in held.positions if line.quantity}
    rows = table(result, "verdicts")
    assert {row["symbol"] for row in rows} <= symbols and rows
    shares = {fact.name: fact.value for fact in result.facts if fact.name.endswith("share of the account's risk")}
    weights = {fact.name: fact.value for fact in result.facts if fact.name.endswith("weight in the account")}
    assert len(shares) == len(weights) == min(len(rows), 6)
    if len(rows) == len(symbols) <= 6:
        assert sum(shares.values()) == pytest.approx(1.0)  # type: ignore[arg-type]
    for line in held.positions:
        if f"{line.symbol} weight in the account" in weights:
            assert weights[f"{line.symbol} weight in the account"] == pytest.approx(float(line.weight), rel=0.02)


def test_a_verdict_is_kept_once_dated_and_scored_at_its_horizon(
    judge: Ask, desk: Desk, person: Principal, closes: Any
) -> None:
    judge(symbols=["AAPL"], known=THEN)
    judge(symbols=["AAPL"], known=THEN)
    (kept,) = desk.verdicts.of(person.id)
    assert (kept.symbol, kept.session, kept.horizon_sessions) == ("AAPL", date(2018, 6, 29), 21)
    assert (kept.decided_at, kept.model, kept.contaminated) == (THEN, "", False)
    assert kept.score == pytest.approx(np.mean(list(kept.scores.values())))
    assert person.id in desk.verdicts.owners()
    days, close = closes("AAPL")
    first = int(np.flatnonzero(days == np.datetime64("2018-06-29"))[0])
    # A session before the horizon nothing is scored, at its close it is.
    early = judge("track_record", known=datetime(2018, 7, 30, 21, tzinfo=UTC))
    assert days[first + 21] == np.datetime64("2018-07-31")
    assert early.fact("verdicts open").value == 1
    late = judge("track_record", known=datetime(2018, 7, 31, 21, tzinfo=UTC))
    assert (late.fact("verdicts open").value, late.fact("verdicts scored").value) == (0, 1)
    (scored,) = desk.verdicts.of(person.id)
    assert scored.realised_return == pytest.approx(close[first + 21] / close[first] - 1)
    assert scored.scored_session == date(2018, 7, 31)
    assert person.id not in desk.verdicts.owners()


def test_the_record_of_many_verdicts_is_counted_from_the_closes(judge: Ask, closes: Any) -> None:
    symbols = ["AAPL", "XOM", "JPM", "KO", "MSFT", "BAC"]
    for month in range(1, 7):
        judge(symbols=symbols, known=datetime(2017, month, 15, 12, tzinfo=UTC))
    result = judge("track_record", known=datetime(2018, 1, 2, 12, tzinfo=UTC))
    assert result.label == "private"
    rows = table(result, "verdicts")
    assert len(rows) == 36 and all(row["realised return"] is not None for row in rows)
    hits = counted = 0
    until: dict[str, str] = {}
    for row in sorted(rows, key=lambda one: one["session"]):
        days, close = closes(row["symbol"])
        first = int(np.flatnonzero(days == np.datetime64(row["session"]))[0])
        assert row["realised return"] == pytest.approx(close[first + 21] / close[first] - 1)
        if row["session"] >= until.get(row["symbol"], ""):
            until[row["symbol"]] = row["scored"]
            side = 1 if row["verdict"].endswith("buy") else -1 if row["verdict"].endswith("sell") else 0
            counted += side != 0
            hits += side * row["realised return"] > 0
    standings = {row["author"]: row for row in table(result, "standings")}
    assert (standings["panel"]["counted"], standings["panel"]["hits"]) == (counted, hits)
    assert set(standings) - {"panel"} <= set(ANALYSTS)
    lower = [row["lower bound"] for row in table(result, "standings")]
    assert lower == sorted(lower, reverse=True)
    text = write_answer(Plan(outcome="answer"), [(Call(name="track_record"), result)], [])
    checked = ground(text, [result.model_copy(update={"tables": (), "notes": ()})])
    assert checked.accepted and "36 verdicts given" in checked.text
    one = judge("track_record", symbol="Apple", known=datetime(2018, 1, 2, 12, tzinfo=UTC))
    assert {row["symbol"] for row in table(one, "verdicts")} == {"AAPL"}
