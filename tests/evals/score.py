"""Score a file of questions by category: the outcome, and what was asked of which tool.

    python tests/evals/score.py QUESTIONS.jsonl [--records ANSWERS.jsonl] [--as-of DATE] [--wrong]

ANSWERS.jsonl is what `quantdesk ask --file QUESTIONS.jsonl --json` printed; without it the questions are planned only
(no data: an unknown name cannot show itself, so `no_data` is not expected then). Two formats of questions are read:
ours (`tool`, `args`) and that of the shared development questions (`expected_tools`, `meaning`).
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

# docs/questions.md explains this mapping.
DATA_TOOLS = {"query_metric", "run_sql", "performance", "indicators", "price_chart", "portfolio"}
TOOLS = {
    "query_data": DATA_TOOLS,
    "make_chart": {"price_chart", "query_metric", "performance", "indicators"},
    "summarize_news": {"query_metric"},
    "run_scenario": {"stress"},
    "run_simulation": {"simulate"},
    "run_backtest": {"backtest"},
    "value_strategy": {"backtest"},
    "risk_report": {"risk_report"},
    "size_position": {"size_position", "propose_trade"},
    "propose_trade": {"propose_trade"},
    "data_coverage": {"data_coverage"},
}
# First words of a meaning's metric, and the metrics of the semantic layer (or tools) that say the same.
METRICS = (
    (r"closing price|close per day|average close", {"close", "tool:price_chart"}),
    (r"percent change", {"return", "price_change"}),
    (r"minimum low", {"low", "close"}),
    (r"maximum daily volume", {"volume"}),
    (r"weekly close-to-close", {"return"}),
    (r"20-day annualised", {"realized_volatility"}),
    (r"14-day rsi", {"rsi"}),
    (r"close versus 100", {"price_vs_sma"}),
    (r"pairwise correlation", {"correlation"}),
    (r"annualised sharpe", {"sharpe_ratio", "tool:performance"}),
    (r"federal funds|latest date with unemployment", {"macro_value"}),
    (r"core pce", {"macro_yoy"}),
    (r"10y minus", {"macro_spread"}),
    (r"real gdp growth", {"macro_growth"}),
    (r"earnings events", {"earnings_dates"}),
    (r"event date", {"economic_events"}),
    (r"dividend", {"dividends"}),
    (r"event list", {"geopolitical_events"}),
    (r"eps actual", {"earnings_surprise"}),
    (r"news items", {"news"}),
    (r"average sentiment", {"sentiment"}),
    (r"total p&l", {"pnl"}),
    (r"market value", {"positions"}),
    (r"cash", {"cash"}),
    (r"average cost", {"average_cost"}),
    (r"current drawdown", {"account_drawdown"}),
    (r"close versus average cost", {"average_cost"}),
    (r"fills", {"fills"}),
    (r"orders with", {"orders"}),
    (r"pending proposals", {"proposals"}),
)
SERIES = {
    "UNRATE": "unemployment",
    "FEDFUNDS": "fed_funds",
    "PCEPILFE": "core_pce",
    "DGS10": "ten_year",
    "DGS3MO": "three_month",
    "GDPC1": "real_gdp",
}


def wilson(hits: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, 1927)."""
    if total == 0:
        return 0.0, 1.0
    share = hits / total
    centre = share + z * z / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return (centre - half) / (1 + z * z / total), (centre + half) / (1 + z * z / total)


def same_outcome(expected: str, got: str, *, planned: bool) -> bool:
    """Say whether an outcome is one of those expected ("answer|refuse")."""
    wanted = set(expected.split("|"))
    if "safe_answer" in wanted:
        wanted.add("answer")
    if "clarify_or_default" in wanted:
        wanted |= {"clarify", "answer"}
    if planned and "no_data" in wanted:
        wanted.add("answer")
    return got in wanted


def contains(expected: Any, got: Any) -> bool:
    """Say whether the expected part is in what was got; "a|b" are alternatives, numbers agree to 1e-9."""
    if isinstance(expected, dict):
        return isinstance(got, dict) and all(
            contains(_in_plural(value) if key == "unit" else value, got.get(key)) for key, value in expected.items()
        )
    if isinstance(expected, list):
        return isinstance(got, list | tuple) and len(expected) == len(got) and all(map(contains, expected, got))
    if isinstance(expected, str):
        return got in expected.split("|")
    if isinstance(expected, int | float) and isinstance(got, int | float):
        return abs(expected - got) < 1e-9
    return bool(expected == got)


def _in_plural(unit: Any) -> Any:
    """Return the units of a period in both numbers, as the tools take both."""
    return "|".join(dict.fromkeys(f"{one.rstrip('s')}{end}" for one in str(unit).split("|") for end in ("", "s")))


def ours_fits(question: dict[str, Any], calls: list[dict[str, Any]]) -> bool:
    """Say whether one call is of the expected tool with the expected arguments."""
    if question["tool"] is None:
        return not calls
    options = question["args"] if isinstance(question["args"], list) else [question["args"]]
    return any(
        call["name"] in question["tool"].split("|")
        and all(
            contains(value, call["args"].get(key))
            for key, value in expected.items()
            if not (
                key in ("metric", "group", "period", "start", "end", "window", "aggregation", "grain", "state")
                and call["name"] not in _owner(key)
            )
        )
        for call in calls
        for expected in options
    )


def _owner(key: str) -> set[str]:
    # An argument that an alternative tool does not have is not asked of it.
    return {
        "start": {"performance", "price_chart", "backtest", "indicators"},
        "end": {"performance", "price_chart", "backtest", "indicators"},
    }.get(key, {"query_metric"})


def meaning_fits(question: dict[str, Any], calls: list[dict[str, Any]], today: date) -> str:
    """Return what differs from a shared question's meaning, or an empty text."""
    called = {call["name"] for call in calls}
    for tool in question["expected_tools"]:
        if not called & TOOLS[tool]:
            return f"tool {tool}"
    meaning = question["meaning"]
    if not question["expected_tools"]:
        return "calls" if calls else ""
    if meaning is None:
        return ""
    last = calls[-1]["args"]
    return (
        _symbols_differ(meaning["symbols"], calls)
        or _metric_differs(meaning["metric"], calls)
        or _period_differs(meaning["period"], calls, today)
        or _details_differ(meaning, last, calls)
    )


def _symbols_differ(expected: Any, calls: list[dict[str, Any]]) -> str:
    from agents.planner.universe import build_universe
    from core.data.universe import universe

    known = build_universe(universe()).symbols
    arguments = calls[-1]["args"]
    got = {
        *arguments.get("symbols", ()),
        *arguments.get("series", ()),
        *([arguments["symbol"]] if arguments.get("symbol") else ()),
    }
    if isinstance(expected, str):
        if expected.startswith("universe"):
            return (
                ""
                if arguments.get("group") or len(got) > 1 or "earnings" in str(arguments.get("metric"))
                else "universe"
            )
        return "" if not got else f"symbols {got} for {expected}"
    wanted = {SERIES.get(name, known.get(name.lower(), name)) for name in expected} - {"portfolio"}
    if "005930.KS" in wanted:
        return "" if any("samsung" in name.lower() for name in got) else f"symbols {got}"
    return "" if wanted == got else f"symbols {sorted(got)} instead of {sorted(wanted)}"


def _metric_differs(expected: str, calls: list[dict[str, Any]]) -> str:
    for pattern, allowed in METRICS:
        if re.match(pattern, expected.lower()):
            if any(
                call["args"].get("metric") in allowed
                or f"tool:{call['name']}" in allowed
                or call["name"] == "portfolio"
                for call in calls
            ):
                return ""
            return f"metric {[call['args'].get('metric', call['name']) for call in calls]} for {expected}"
    return ""


def _period_differs(expected: str, calls: list[dict[str, Any]], today: date) -> str:
    from core.query.semantic.period import Period, resolve

    arguments = calls[-1]["args"]
    wanted = _period_of(expected, today)
    if wanted is None:
        return ""
    if "period" in arguments:
        found = resolve(Period.model_validate(arguments["period"]), today)
        got = (found.start, found.end, found.sessions)
    elif "start" in arguments or "end" in arguments:
        got = (_day(arguments.get("start")), _day(arguments.get("end")), None)
    else:
        return "" if wanted == "default" or expected in ("all history", "latest") else f"period missing for {expected}"
    if wanted == "default":
        return ""
    start, sessions = wanted
    if sessions is not None:
        return "" if got[2] == sessions else f"period {got} for {expected}"
    return (
        ""
        if start is None or (got[0] is not None and abs((got[0] - start).days) <= 3)
        else f"period {got} for {expected}"
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _period_of(text: str, today: date) -> Any:
    """Return (first day, sessions) of a period; "default" where the tool's own choice fits, None if not compared."""
    if match := re.fullmatch(r"last (\d+) trading days", text):
        return None, int(match[1])
    if match := re.fullmatch(r"last (\d+) (day|week|month|year)s?", text):
        days = {"day": 1, "week": 7, "month": 30.4375, "year": 365.25}[match[2]] * int(match[1])
        return today - timedelta(days=round(days)), None
    if match := re.match(r"((?:19|20)\d\d)(?:-\d\d-\d\d)?(?:\.\.latest)?$", text):
        return date(int(match[1]), 1, 1), None
    named = {
        "year to date": date(today.year, 1, 1),
        "today": today,
        "tomorrow": today + timedelta(days=1),
        "current week": today - timedelta(days=today.weekday()),
    }
    if text in named:
        return named[text], None
    return "default" if text in ("latest", "all history", "most recent", "now", "since inception", "next") else None


def _details_differ(meaning: dict[str, Any], last: dict[str, Any], calls: list[dict[str, Any]]) -> str:
    """Compare limit, the direction of the order and every number of the filter."""
    if calls[-1]["name"] == "query_metric":
        limit = meaning["limit"]
        if limit is not None and limit > 1 and last.get("limit") not in (limit, None):
            return f"limit {last.get('limit')} instead of {limit}"
        if limit == 1 and meaning["order"] != "none" and last.get("limit") not in (1, None):
            return "limit"
        direction = re.search(r"\b(asc|desc)$", meaning["order"] or "")
        if direction and last.get("order") not in (None, direction[1]):
            return f"order {last.get('order')}"
        if (
            direction
            and last.get("order") is None
            and limit == 1
            and "latest" not in meaning["period"]
            and "next" not in meaning["period"]
        ):
            return "order missing"
    text = json.dumps(last)
    wanted = [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?:\.\d+)?", meaning["filter"])]
    got = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)}
    for number in wanted:
        forms = {number, number / 100, number / 10_000, number * 21}
        known = number == 14 or ("crisis" in last and number == 2008)
        if not known and not any(abs(form - one) < 1e-9 for form in forms for one in got):
            return f"number {number:g} of the filter"
    return ""


def plan_records(questions: list[dict[str, Any]], today: date) -> dict[str, dict[str, Any]]:
    """Plan every question without a desk and return records like those of `ask --file`."""
    from agents.planner.planner import plan_conversation
    from agents.planner.universe import build_universe
    from agents.router import classify
    from core.testing.dated_universe import instruments_on

    names = build_universe(instruments_on(today))
    out = {}
    for question in questions:
        plan = plan_conversation(question["turns"], names, today)
        labels = [
            classify(text, plan_conversation(question["turns"][: n + 1], names, today), names)
            for n, text in enumerate(question["turns"])
        ]
        calls = []
        for n in range(len(question["turns"])):
            calls += [
                call.model_dump(mode="json")
                for call in plan_conversation(question["turns"][: n + 1], names, today).calls
            ]
        out[question["id"]] = {
            "outcome": plan.outcome,
            "tool_calls": calls if plan.calls or plan.outcome != "refuse" else [],
            "answer": plan.say,
            "last": [call.model_dump(mode="json") for call in plan.calls],
            "label": "private" if "private" in labels else "public",
        }
    return out


def judge(question: dict[str, Any], record: dict[str, Any], today: date, *, planned: bool) -> str:
    """Return what is wrong with a record, or an empty text."""
    if not same_outcome(question["outcome"], record["outcome"], planned=planned):
        return f"outcome {record['outcome']} instead of {question['outcome']}: {record.get('answer', '')[:90]}"
    calls = record["tool_calls"]
    if "meaning" in question:
        problem = meaning_fits(question, calls, today) if question["outcome"] not in ("clarify_or_default",) else ""
        if not problem and question.get("data_class") and record["label"] != question["data_class"]:
            problem = f"label {record['label']}"
        return problem
    last = record.get("last", calls)
    if question["tool"] is None:
        return "" if not last or question["outcome"] == "answer" else f"calls {last}"
    if record["outcome"] in ("refuse", "clarify", "decline") and record["outcome"] in question["outcome"].split("|"):
        return ""
    return "" if ours_fits(question, last) else f"calls {last}"


def report(
    questions: list[dict[str, Any]], records: dict[str, dict[str, Any]], today: date, *, planned: bool
) -> list[tuple[str, str]]:
    """Print the table by category and return the wrong ones with their reasons."""
    by_category: dict[str, list[bool]] = defaultdict(list)
    wrong = []
    for question in questions:
        record = records.get(question["id"])
        problem = judge(question, record, today, planned=planned) if record else "no record"
        by_category[question["category"]].append(not problem)
        if problem:
            wrong.append((f"{question['id']} {' || '.join(question['turns'])}", problem))
    print(f"{'category':<12} {'right':>5} {'of':>4}   95 % interval")  # noqa: T201
    for name, results in [
        *sorted(by_category.items()),
        ("all", [hit for hits in by_category.values() for hit in hits]),
    ]:
        low, high = wilson(sum(results), len(results))
        print(f"{name:<12} {sum(results):>5} {len(results):>4}   {low:.1%} to {high:.1%}")  # noqa: T201
    return wrong


def main() -> None:
    """Read the arguments and print the score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--records", type=Path)
    parser.add_argument("--as-of", type=date.fromisoformat, default=date(2026, 6, 24))
    parser.add_argument("--wrong", action="store_true")
    arguments = parser.parse_args()
    questions = [
        json.loads(line) for line in arguments.questions.read_text(encoding="utf-8").splitlines() if line.strip()
    ]
    if arguments.records:
        lines = arguments.records.read_text(encoding="utf-8").splitlines()
        records = {record["id"]: record for record in map(json.loads, filter(str.strip, lines))}
    else:
        records = plan_records(questions, arguments.as_of)
    wrong = report(questions, records, arguments.as_of, planned=arguments.records is None)
    if arguments.wrong:
        for question, problem in wrong:
            print(f"\n{question}\n    {problem}")  # noqa: T201


if __name__ == "__main__":
    main()
