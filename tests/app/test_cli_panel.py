"""The panel on the command line: judged, replayed bit for bit, explained, scored as the desk's days pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest


@pytest.fixture
def run(own_sample_dsn: str, tmp_path: Path, command_line: Any) -> Any:
    return command_line(own_sample_dsn, tmp_path)


def rows(result: dict[str, Any], name: str) -> list[dict[str, Any]]:
    table = next(part for part in result["tables"] if part["name"] == name)
    return [dict(zip([column["name"] for column in table["columns"]], row, strict=True)) for row in table["rows"]]


def test_a_verdict_is_asked_replayed_explained_and_scored(run: Any, own_sample_dsn: str) -> None:
    result = run("recommend", "--symbols", "AAPL,XOM", "--horizon-sessions", "5")
    assert [row["symbol"] for row in rows(result, "verdicts")] == ["XOM", "AAPL"]
    assert result["label"] == "public" and not result.get("proposal_id")
    assert run("replay", result["run"])["same"] is True
    fact = next(fact for fact in result["facts"] if fact["name"] == "AAPL annualised volatility of 63 sessions")
    assert run("why", fact["id"])["tool"] == "recommend"
    # The replay keeps nothing twice.
    record = run("track-record")
    assert len(rows(record, "verdicts")) == 2 and record["label"] == "private"
    assert {row["realised return"] for row in rows(record, "verdicts")} == {None}
    run("clock", "advance", "5")
    scored = rows(run("track-record"), "verdicts")
    with psycopg.connect(own_sample_dsn) as connection:
        connection.execute("SET LOCAL quantdesk.as_of = '2022-12-31Z'")
        for row in scored:
            found = connection.execute(
                "SELECT session, close FROM market_data.v_return_prices WHERE symbol = %s AND session >= %s"
                " ORDER BY session LIMIT 6",
                (row["symbol"], row["session"]),
            ).fetchall()
            assert str(found[-1][0]) == row["scored"]
            assert row["realised return"] == pytest.approx(found[-1][1] / found[0][1] - 1)
    # Asked of the day before, the horizon had not ended.
    before = run("track-record", "--as-of", "2022-12-05")
    assert {row["realised return"] for row in rows(before, "verdicts")} == {None}


def test_the_question_in_words_gives_the_same_verdict(run: Any) -> None:
    asked = run("ask", "should I buy AAPL?")
    direct = run("recommend", "--symbols", "AAPL")
    (row,) = rows(direct, "verdicts")
    assert f"AAPL: {row['verdict']}" in asked["text"] and asked["outcome"] == "answer"
    assert [call["name"] for call in asked["tool_calls"]] == ["recommend"]
    again = run("ask", "how good were your recommendations?")
    assert [call["name"] for call in again["tool_calls"]] == ["track_record"]
    assert "1 verdicts given" in again["text"]


def test_what_has_no_prices_is_said_in_a_sentence(run: Any) -> None:
    failed = run("recommend", "--symbols", "NVDA", code=1)
    assert "NVDA has no prices" in json.dumps(failed)
