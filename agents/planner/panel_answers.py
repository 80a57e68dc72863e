"""Write what the panel of analysts said, in sentences whose numbers are references to facts."""

from __future__ import annotations

from typing import Any

from agents.planner.plan import Call, Plan
from core.domain.facts import ToolResult

_MOST_TOLD = 3


def write_recommend(call: Call, result: ToolResult, plan: Plan) -> str:
    """Return the verdicts with reasons for and against, what such verdicts were worth, and how to propose a trade."""
    cases: list[dict[str, Any]] = result.details.get("panel", [])
    told = verdict_lines(result)
    if len(cases) <= _MOST_TOLD:
        told = [
            "\n".join([line, *(f"- {_opinion(one)}" for one in case["opinions"])])
            for line, case in zip(told, cases, strict=True)
        ]
        return "\n\n".join([*told, *next_steps(cases)])
    head = _said(
        result,
        "The panel judged <instruments judged> of <instruments asked about> instruments; the highest and the lowest "
        "scores:",
    )
    luck = _said(result, "Luck alone would show <edges that luck alone would show> edges.")
    return "\n".join([head, *(f"- {line}" for line in told), _leanings(result), luck])


def _leanings(result: ToolResult) -> str:
    """Say by name which of all that were judged the panel leans to buy and to sell."""
    words = {str(row[0]): str(row[1]) for table in result.tables if table.name == "verdicts" for row in table.rows}
    said = [
        f"to {side}: {', '.join(symbol for symbol, word in words.items() if word.endswith(side)) or 'nothing'}"
        for side in ("buy", "sell")
    ]
    return f"It leans {'; '.join(said)}."


def verdict_lines(result: ToolResult) -> list[str]:
    """Return a paragraph for each case: the verdict, its score, the disagreement and what such verdicts were worth."""
    return [_verdict(result, case) for case in result.details.get("panel", [])]


def opinions_in_words(cases: list[dict[str, Any]], analyst: str) -> list[str]:
    """Return what one analyst says of each case, named where there are several."""
    return [
        f"{case['symbol']}, {_opinion(one)}" if len(cases) > 1 else _opinion(one)
        for case in cases
        for one in case["opinions"]
        if one["analyst"] == analyst
    ]


def next_steps(cases: list[dict[str, Any]]) -> list[str]:
    """Return how to propose what the verdicts lean to; empty where they lean to nothing."""
    steps = [f"“{case['next']}”" for case in cases if case["next"]]
    return [f"Nothing is proposed yet; to propose it, say {', or '.join(steps)}."] if steps else []


def write_track_record(call: Call, result: ToolResult, plan: Plan) -> str:
    """Return how good the verdicts were, the best author first."""
    lines = [
        _said(
            result,
            "<verdicts given> verdicts given; <verdicts open> are open, <verdicts scored> scored at their horizon.",
        )
    ]
    lines += [
        _said(
            result,
            f"- {row[0]}: <{row[0]} share of hits> hits of <{row[0]} verdicts counted> verdicts ("
            f"<{row[0]} share of hits, lower bound> to <{row[0]} share of hits, upper bound>), mean return in its "
            f"direction <{row[0]} mean return in its direction>.",
        )
        for row in result.tables[0].rows
    ]
    lines.append(
        _said(
            result,
            "Left out: <contaminated verdicts left out> that a model gave on a day before its training ended, and "
            "<verdicts left out because they share sessions with another> that share sessions with an earlier one.",
        )
    )
    return "\n".join(lines)


def _said(result: ToolResult, template: str) -> str:
    from agents.planner.answers import clause

    return clause(result, template)


def _verdict(result: ToolResult, case: dict[str, Any]) -> str:
    """Return one line: the verdict, its score, and what such verdicts were followed by."""
    symbol = case["symbol"]
    said = f"**{symbol}: {case['verdict']}**" + _said(
        result, f", score <{symbol} panel score from -1 to 1>, as of the close of <{symbol} as of the close of>"
    )
    apart = _said(result, f" The analysts lie <{symbol} distance between the analysts> apart.")
    return f"{said}.{apart} {_past(result, case)}"


def _past(result: ToolResult, case: dict[str, Any]) -> str:
    symbol = case["symbol"]
    past = _said(
        result,
        f"Such verdicts of the price analysts: <{symbol} past verdicts of this kind> so far, <{symbol} probability "
        f"of a gain> with a gain (<{symbol} probability of a gain, lower bound> to <{symbol} probability of a gain, "
        f"upper bound>) after <horizon in sessions> sessions, mean return <{symbol} expected return over the horizon>",
    )
    if not past:
        return "The past has no such verdict of its price analysts."
    past += _said(result, f" (standard error <{symbol} expected return standard error>)")
    base = _said(
        result, f"; base rate <{symbol} base rate of gains>, mean <{symbol} base mean return over the horizon>."
    )
    edge = "The past shows an edge." if case["edge"] else "No edge to be seen in the past."
    return f"{past}{base} {edge}"


def _opinion(one: dict[str, Any]) -> str:
    if one["score"] is None:
        return f"{one['analyst']}: no opinion, {one['lacking']}."
    parts = [f"{one['analyst']} ({{{{fact:{one['score']}}}}})"]
    parts += [f"{side}: {'; '.join(one[side])}" for side in ("for", "against") if one[side]]
    return f"{parts[0]} {'. '.join(part[0].upper() + part[1:] for part in parts[1:])}."
