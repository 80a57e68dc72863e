"""The panel's answers in words: every number a reference, every side told, nothing promised."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from agents.grounding import ground
from agents.planner.panel_answers import (
    next_steps,
    opinions_in_words,
    verdict_lines,
    write_recommend,
    write_track_record,
)
from agents.planner.plan import Call, Plan
from core.domain.facts import Column, Fact, Table, ToolResult, Unit

NOW = datetime(2024, 1, 2, 21, tzinfo=UTC)
CALL, PLAN = Call(name="recommend"), Plan(outcome="answer")


class Made:
    """Collect the facts of a made-up result."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def fact(self, name: str, value: Any, unit: Unit) -> str:
        made = Fact(
            id=f"fct_{len(self.facts)}", run="run_1", name=name, value=value, unit=unit, as_of=NOW, label="public"
        )
        self.facts.append(made)
        return made.id

    def result(self, tool: str = "recommend", tables: tuple[Table, ...] = (), **details: Any) -> ToolResult:
        return ToolResult(
            run="run_1", tool=tool, label="public", as_of=NOW, facts=tuple(self.facts), tables=tables, details=details
        )


def case(made: Made, symbol: str, verdict: str = "lean buy", *, edge: bool = False, cases: int = 40) -> dict[str, Any]:
    for name, value, unit in (
        ("as of the close of", "2024-01-02", "date"),
        ("panel score from -1 to 1", 0.31, "number"),
        ("distance between the analysts", 1.2, "number"),
        ("past verdicts of this kind", cases, "count"),
        ("base rate of gains", 0.55, "ratio"),
        ("base mean return over the horizon", 0.011, "ratio"),
    ):
        made.fact(f"{symbol} {name}", value, unit)  # type: ignore[arg-type]
    if cases:
        for name, value in (
            ("probability of a gain", 0.60),
            ("probability of a gain, lower bound", 0.45),
            ("probability of a gain, upper bound", 0.73),
            ("expected return over the horizon", 0.017),
            ("expected return standard error", 0.008),
        ):
            made.fact(f"{symbol} {name}", value, "ratio")
    gap = made.fact(f"{symbol} gap", 0.074, "ratio")
    score = made.fact(f"{symbol} trend score", 0.5, "number")
    return {
        "symbol": symbol,
        "session": "2024-01-02",
        "verdict": verdict,
        "edge": edge,
        "facts": [],
        "opinions": [
            {
                "analyst": "trend",
                "score": score,
                "facts": [gap],
                "for": ["the close stands above its average ({{fact:" + gap + "}})"],
                "against": ["it fell lately"],
                "lacking": "",
            },
            {"analyst": "macro", "score": None, "facts": [], "for": [], "against": [], "lacking": "it knows no series"},
        ],
        "next": f"sell all my {symbol}" if verdict.endswith("sell") else "",
    }


def spoken(text: str, result: ToolResult) -> str:
    """Return the text with its digits, after the gate has found every one of them to be a fact."""
    checked = ground(text, [result.model_copy(update={"tables": (), "notes": ()})])
    assert checked.accepted, (checked.free, checked.unknown)
    return checked.text


def test_one_case_tells_verdict_record_reasons_and_what_is_lacking() -> None:
    made = Made()
    made.fact("horizon in sessions", 21, "count")
    result = made.result(panel=[case(made, "AAA")])
    result = result.model_copy(update={"facts": tuple(made.facts)})
    said = spoken(write_recommend(CALL, result, PLAN), result)
    assert said.startswith("**AAA: lean buy**, score 0.31, as of the close of 2024-01-02.")
    assert "The analysts lie 1.20 apart." in said
    assert "40 so far, 60.00% with a gain (45.00% to 73.00%) after 21 sessions, mean return 1.70%" in said
    assert "base rate 55.00%, mean 1.10%. No edge to be seen in the past." in said
    assert "- trend (0.50) For: the close stands above its average (7.40%). Against: it fell lately." in said
    assert "- macro: no opinion, it knows no series." in said


def test_an_edge_is_said_only_where_there_is_one() -> None:
    made = Made()
    made.fact("horizon in sessions", 21, "count")
    cases = [case(made, "AAA", "buy", edge=True), case(made, "BBB")]
    result = made.result(panel=cases)
    first, second = (spoken(line, result) for line in verdict_lines(result))
    assert first.endswith("The past shows an edge.") and second.endswith("No edge to be seen in the past.")


def test_a_verdict_without_a_past_says_so() -> None:
    made = Made()
    result = made.result(panel=[case(made, "AAA", cases=0)])
    (line,) = verdict_lines(result.model_copy(update={"facts": tuple(made.facts)}))
    assert line.endswith("The past has no such verdict of its price analysts.")


def test_many_cases_are_listed_with_what_luck_would_show() -> None:
    made = Made()
    for name, value, unit in (
        ("horizon in sessions", 21, "count"),
        ("instruments judged", 30, "count"),
        ("instruments asked about", 503, "count"),
        ("edges that luck alone would show", 0.5, "number"),
    ):
        made.fact(name, value, unit)  # type: ignore[arg-type]
    cases = [case(made, f"{letter}{letter}") for letter in "ABCDEF"]
    words = ("buy", "lean buy", "hold", "hold", "hold", "lean sell")
    verdicts = Table(
        name="verdicts",
        columns=(Column(name="symbol", unit="text"), Column(name="verdict", unit="text")),
        rows=tuple((one["symbol"], word) for one, word in zip(cases, words, strict=True)),
    )
    result = made.result(panel=cases, tables=(verdicts,))
    said = spoken(write_recommend(CALL, result, PLAN), result).splitlines()
    assert said[-2] == "It leans to buy: AA, BB; to sell: FF."
    assert said[0] == "The panel judged 30 of 503 instruments; the highest and the lowest scores:"
    assert [line[:6] for line in said[1:7]] == [f"- **{letter}{letter}" for letter in "ABCDEF"]
    assert said[-1] == "Luck alone would show 0.50 edges."


def test_what_one_analyst_says_is_named_where_there_are_several_cases() -> None:
    made = Made()
    cases = [case(made, "AAA"), case(made, "BBB")]
    assert [line.split(",")[0] for line in opinions_in_words(cases, "macro")] == ["AAA", "BBB"]
    assert opinions_in_words(cases[:1], "macro") == ["macro: no opinion, it knows no series."]
    assert opinions_in_words(cases, "risk") == []


def test_only_what_leans_offers_a_step() -> None:
    made = Made()
    assert next_steps([case(made, "AAA", "hold")]) == []
    (step,) = next_steps([case(made, "AAA", "sell"), case(made, "BBB", "hold"), case(made, "CCC", "lean sell")])
    assert step.startswith("Nothing is proposed yet") and "“sell all my AAA”, or “sell all my CCC”" in step
    assert "BBB" not in step


def test_a_track_record_tells_each_author_and_what_was_left_out() -> None:
    made = Made()
    for name, value in (
        ("verdicts given", 9),
        ("verdicts open", 2),
        ("verdicts scored", 7),
        ("contaminated verdicts left out", 1),
        ("verdicts left out because they share sessions with another", 3),
        ("trend verdicts counted", 3),
    ):
        made.fact(name, value, "count")
    for name, value in (
        ("trend share of hits", 2 / 3),
        ("trend share of hits, lower bound", 0.21),
        ("trend share of hits, upper bound", 0.94),
        ("trend mean return in its direction", 0.012),
    ):
        made.fact(name, value, "ratio")
    standings = Table(name="standings", columns=(Column(name="author", unit="text"),), rows=(("trend",),))
    result = made.result("track_record", tables=(standings,))
    said = spoken(write_track_record(Call(name="track_record"), result, PLAN), result).splitlines()
    assert said[0] == "9 verdicts given; 2 are open, 7 scored at their horizon."
    assert said[1].startswith("- trend: 66.67% hits of 3 verdicts (21.00% to 94.00%)")
    assert said[-1].startswith("Left out: 1 that a model gave on a day before its training ended, and 3 that share")
