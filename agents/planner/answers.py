"""Write the offline planner's answers: templates over facts, so that every number is one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from agents.planner.panel_answers import write_recommend, write_track_record
from agents.planner.plan import Call, Plan
from core.domain.facts import Table, ToolResult
from core.reporting.rendering import readable_name

Written = tuple[Call, ToolResult]
_SLOT = re.compile(r"<([^<>]+)>")
_MOST_FACTS = 8
_MOST_LINES = 10
_MOST_OF_A_SECTION = 4


def write_answer(plan: Plan, written: Sequence[Written], errors: Sequence[str]) -> str:
    """Return the text of an answer with references instead of digits: results, then errors, then remarks."""
    paragraphs = [_WRITERS.get(call.name, _any_result)(call, result, plan) for call, result in written]
    paragraphs += dict.fromkeys(errors)
    # A question back that first shows what it is about: how much is held.
    paragraphs.append(plan.say if plan.outcome == "clarify" else "")
    paragraphs.append(_remarks(plan))
    return "\n\n".join(part for part in paragraphs if part)


def clause(result: ToolResult, template: str) -> str:
    """Return a template with each `<fact name>` as a reference; empty when a fact is missing or has no value."""
    complete = True

    def put(match: re.Match[str]) -> str:
        nonlocal complete
        found = next((fact for fact in result.facts if fact.name == match[1]), None)
        if found is None or found.value is None:
            complete = False
            return ""
        return "{{fact:" + found.id + "}}"

    text = _SLOT.sub(put, template)
    return text if complete else ""


def _joined(result: ToolResult, *templates: str) -> str:
    text = " ".join(said for template in templates if (said := clause(result, template))).rstrip(",;: ")
    # The clause that would have ended the sentence may be missing.
    return text if not text or text.endswith(".") else f"{text}."


def _performance(call: Call, result: ToolResult, plan: Plan) -> str:
    symbols = [fact.name.removesuffix(" total return") for fact in result.facts if fact.name.endswith(" total return")]
    titles = {
        "volatility": "annualised volatility",
        "sharpe": "Sharpe ratio",
        "drawdown": "maximum drawdown",
        "sortino": "Sortino ratio",
        "calmar": "Calmar ratio",
        "cagr": "annual growth (CAGR)",
    }
    wants = plan.frame.wants if plan.frame else ()
    wanted = [title for want, title in titles.items() if want in wants]
    lines = []
    for symbol in symbols[:8]:
        when = clause(
            result, f"from the close of <{symbol} measured from the close of> to that of <{symbol} last session>"
        )
        if wanted and "return" not in wants:
            values = [clause(result, f"{_lower(title)} <{symbol} {title}>") for title in wanted]
            lines.append(f"{symbol} {when}: {', '.join(filter(None, values))}.")
            continue
        lines.append(
            f"{symbol} returned "
            + clause(result, f"<{symbol} total return>")
            + f" {when}, "
            + _joined(
                result,
                f"with an annualised volatility of <{symbol} annualised volatility>, a Sharpe ratio of <{symbol} "
                f"Sharpe ratio>",
                f"and a maximum drawdown of <{symbol} maximum drawdown>.",
            )
        )
    more = [
        clause(result, f"{fact.name}: <{fact.name}>.")
        for fact in result.facts
        if re.search(r"correlation$|beta to|alpha to|excess return", fact.name)
    ]
    return "\n".join([*lines, *filter(None, more)])


def _lower(title: str) -> str:
    return title if title.startswith(("Sharpe", "Sortino", "Calmar")) else title[0].lower() + title[1:]


def _price_chart(call: Call, result: ToolResult, plan: Plan) -> str:
    symbols = [fact.name.removesuffix(" last close") for fact in result.facts if fact.name.endswith(" last close")]
    lines = [
        _joined(
            result,
            f"{symbol} closed at <{symbol} last close> on <{symbol} last session>,",
            f"<{symbol} change over the period> over the period.",
        )
        for symbol in symbols
    ]
    return "\n".join(lines)


def _backtest(call: Call, result: ToolResult, plan: Plan) -> str:
    name = readable_name(str(call.args.get("strategy", "strategy")))
    symbols = ", ".join(call.args.get("symbols", ()))
    saved = clause(
        result, "<money paid in> was paid in and became <final equity>, a gain of <gain over money paid in>;"
    )
    return _joined(
        result,
        f"{name[0].upper()}{name[1:]} on {symbols}, <first session> to <last session>:",
        *(
            [saved, "money-weighted return <money-weighted return per year> a year."]
            if saved
            else [
                "total return <total return> (<annual growth (CAGR)> a year), Sharpe ratio <Sharpe ratio>, "
                "maximum drawdown <maximum drawdown>.",
                "Buying and holding returned <buy and hold total return> with a maximum drawdown of <buy and "
                "hold maximum drawdown>.",
            ]
        ),
        "<trades> trades; costs of <costs per year> a year.",
        "Probability that the Sharpe ratio is above luck among the variants (deflated Sharpe ratio): "
        "<deflated Sharpe ratio (probability)>;",
        "probability that tuning the parameters on the past misleads (overfitting): "
        "<probability of backtest overfitting>.",
    )


def _sweep(call: Call, result: ToolResult, plan: Plan) -> str:
    name = readable_name(str(call.args.get("strategy", "strategy")))
    return _joined(
        result,
        f"Sweep of {name} on {', '.join(call.args.get('symbols', ()))}: <variants run> variants; best: <best variant>,",
        "Sharpe ratio <Sharpe ratio of the best>, <annual growth (CAGR) of the best> a year, maximum drawdown "
        "<maximum drawdown of the best>; the median variant has a Sharpe ratio of "
        "<median Sharpe ratio of the variants>.",
        "With <parameter variants tried> variants tried, the luckiest worthless one is expected to show "
        "<Sharpe ratio expected of the luckiest of them>; probability that the best is above that: "
        "<deflated Sharpe ratio (probability)>;",
        "probability of overfitting: <probability of backtest overfitting>.",
    )


def _walk_forward(call: Call, result: ToolResult, plan: Plan) -> str:
    name = readable_name(str(call.args.get("strategy", "strategy")))
    return _joined(
        result,
        f"Walk-forward of {name} on {', '.join(call.args.get('symbols', ()))}, <folds> folds out of sample from "
        "<first session out of sample> to <last session>:",
        "total return <total return out of sample>, Sharpe ratio <Sharpe ratio out of sample>, buying and holding "
        "<buy and hold Sharpe ratio>;",
        "mean Sharpe ratio <mean Sharpe ratio in training> in training and <mean Sharpe ratio in tests> in tests.",
        "Probability that this is above luck: <deflated Sharpe ratio (probability)>.",
    )


def _expected_value(call: Call, result: ToolResult, plan: Plan) -> str:
    name = readable_name(str(call.args.get("strategy", "strategy")))
    return _joined(
        result,
        f"{name[0].upper()}{name[1:]} on {', '.join(call.args.get('symbols', ()))}, next <sessions ahead> sessions, "
        "<paths> paths, net of costs:",
        "expected return <expected return> (standard error <expected return standard error>), probability of profit "
        "<probability of profit>, expected shortfall <expected shortfall 95 %>;",
        "<expected value per unit of risk> of expected value per unit of risk; <trades per path> trades per path, held "
        "<median holding period> sessions (median).",
    )


def _scan(call: Call, result: ToolResult, plan: Plan) -> str:
    said = _joined(
        result,
        "<symbols on which it holds> of <symbols looked at> symbols meet the condition now.",
    )
    return "\n".join(filter(None, [said, _rows(result, 1)]))


def _scan_strategies(call: Call, result: ToolResult, plan: Plan) -> str:
    (table,) = result.tables
    lines = [_joined(result, "<strategies looked at> strategies looked at, <proposals written> proposals written.")]
    lines += [clause(result, "- <recommendation>, at the close of <signal session>") for _ in result.proposal_ids[:1]]
    lines.append(
        _joined(
            result,
            "Such decisions made <expected return over the horizon> on average over <horizon in sessions> sessions"
            " (standard error <expected return standard error>), <probability of a gain> of them a gain, from"
            " <earlier decisions of this kind> earlier ones.",
        )
    )
    return "\n".join(filter(None, [*lines, _about(table)]))


def _save_strategy(call: Call, result: ToolResult, plan: Plan) -> str:
    name = result.tables[0].rows[0][0]
    return _joined(result, f"“{name}” is saved. Enabled: <enabled>. It may use <share of the account> of the account.")


def _simulate(call: Call, result: ToolResult, plan: Plan) -> str:
    what = _whose(call)
    return _joined(
        result,
        f"Simulated {what} over <sessions ahead> sessions on <paths> paths, from <start value>:",
        "median <median value> (<median change>);",
        "<confidence> of the paths end between <lower end of the range> and <upper end of the range>;",
        "probability of a loss <probability of loss>; value at risk <value at risk>, expected shortfall "
        "<expected shortfall>.",
    )


def _stress(call: Call, result: ToolResult, plan: Plan) -> str:
    shocks = [
        clause(result, f"{fact.name.removeprefix('shock to ')} <{fact.name}>")
        for fact in result.facts
        if fact.name.startswith("shock to ")
    ]
    return _joined(
        result,
        "Replaying <scenario> (<scenario first session> to <scenario last session>)"
        if not shocks
        else f"Shock {', '.join(shocks)}",
        f"on {_whose(call)}: profit or loss <scenario profit or loss> (<scenario change of value>)",
        "with a maximum drawdown of <scenario maximum drawdown>.",
    )


def _whose(call: Call) -> str:
    return "your portfolio" if call.args.get("target") == "portfolio" else ", ".join(call.args.get("symbols", ())[:6])


def _risk_report(call: Call, result: ToolResult, plan: Plan) -> str:
    what = _whose(call)
    return _joined(
        result,
        f"Risk of {what}, worth <value>: daily value at risk <value at risk> (<value at risk, share of value>),",
        "expected shortfall <expected shortfall>, annualised volatility <annualised volatility of the book>.",
        "Largest weight <largest weight>, effective number of positions <effective number of positions>,",
        "average correlation <average correlation>,",
        "maximum drawdown of today's holdings in history <maximum drawdown of today's book in history>.",
    )


def _size_position(call: Call, result: ToolResult, plan: Plan) -> str:
    symbol = call.args.get("symbol", "")
    return _joined(
        result,
        f"{symbol}: <shares> shares, worth <position value>, a weight of <weight> of equity <equity>,",
        "at a price of <price> and an annualised volatility of <annualised volatility>.",
    )


def _propose_trade(call: Call, result: ToolResult, plan: Plan) -> str:
    parts = [clause(result, f"{fact.name} <{fact.name}>") for fact in result.facts[:_MOST_FACTS]]
    facts = "; ".join(part for part in parts if part)
    return (
        f"Proposal to {call.args.get('side', 'trade')} {call.args.get('symbol', '')} is written and waits for a "
        f"person's approval" + (f": {facts}." if facts else ".") + " Nothing is sent before that."
    )


def _query_metric(call: Call, result: ToolResult, plan: Plan) -> str:
    lines = _closes(call, result) or _by_subject(result)
    text = "\n".join(f"- {line}" if len(lines) > 1 else f"{line}." for line in lines)
    return "\n".join(part for part in (text, _verdict(result, plan), _rows(result, len(lines))) if part)


def _closes(call: Call, result: ToolResult) -> list[str]:
    """Say the latest close of each symbol in a sentence."""
    if call.args.get("metric") != "close":
        return []
    symbols = [fact.name.removesuffix(" close") for fact in result.facts if fact.name.endswith(" close")]
    said = [clause(result, f"{symbol} closed at <{symbol} close> on <{symbol} session>") for symbol in symbols]
    return said if said and all(said) else []


def _by_subject(result: ToolResult) -> list[str]:
    """Return a line for each symbol: its first value, the others in brackets; facts of no symbol get a line each."""
    subjects = _subjects(result)
    lines: dict[str, list[str]] = {}
    for fact in result.facts:
        subject = next((name for name in subjects if fact.name.startswith(f"{name} ")), "")
        said = clause(
            result,
            f"{fact.name.removeprefix(subject).strip()}: <{fact.name}>"
            if subject
            else f"{_title(fact.name)}: <{fact.name}>",
        )
        if said:
            first = subject and subject not in lines
            lines.setdefault(subject or fact.name, []).append(f"{subject} {said}" if first else said)
    return [f"{parts[0]} ({'; '.join(parts[1:])})" if len(parts) > 1 else parts[0] for parts in lines.values()][
        :_MOST_LINES
    ]


def _subjects(result: ToolResult) -> tuple[str, ...]:
    """Return the symbols of the result's tables, longer ones first."""
    found = {
        str(row[position])
        for table in result.tables
        for position, column in enumerate(table.columns)
        if column.name == "symbol"
        for row in table.rows
    }
    return tuple(sorted(found, key=lambda name: (-len(name), name)))


def _verdict(result: ToolResult, plan: Plan) -> str:
    """Answer "is it above its average / my cost?" in a word, from the sign of a fact."""
    wants = plan.frame.wants if plan.frame else ()
    if "above_average" in wants:
        values = [fact.value for fact in result.facts if fact.unit == "ratio" and isinstance(fact.value, float)]
        if len(values) == 1:
            return "Above its moving average." if values[0] > 0 else "Below its moving average."
    if "versus_cost" in wants:
        cost = next((fact.value for fact in result.facts if "cost" in fact.name.lower()), None)
        close = next((fact.value for fact in result.facts if re.search(r"close|price", fact.name, re.I)), None)
        if isinstance(cost, int | float) and isinstance(close, int | float):
            return (
                "The last close is above your average cost."
                if close > cost
                else "The last close is not above your average cost."
            )
    return ""


def _title(name: str) -> str:
    return name[0].upper() + name[1:] if name else name


def _rows(result: ToolResult, said: int) -> str:
    return " ".join(_about(table) for table in result.tables if len(table.rows) > max(said, 1) or not result.facts)


def _about(table: Table) -> str:
    if not table.rows:
        return f"{table.title or table.name}: nothing found."
    rows = "one row" if len(table.rows) == 1 else f"{len(table.rows)} rows"
    return f"{table.title or table.name}: {rows}."


def _any_result(call: Call, result: ToolResult, plan: Plan) -> str:
    lines = [clause(result, f"{_title(fact.name)}: <{fact.name}>") for fact in result.facts[:_MOST_FACTS]]
    return "\n".join([*(f"- {line}" for line in lines if line), *filter(None, [_rows(result, len(lines))])])


def _remarks(plan: Plan) -> str:
    """Say how the question was read; the results' own remarks and sources stand beside the text."""
    return " ".join(note if note.endswith((".", "!", "?")) else f"{note}." for note in plan.notes)


def _day_report(call: Call, result: ToolResult, plan: Plan) -> str:
    first = _joined(result, "<report> of <session>.", "The whole of it is on the page Reports: <page>.")
    given = {"report", "session", "page"}
    lines, told = [], Counter[str]()
    for fact in result.facts:
        section = fact.name.partition(":")[0]
        if fact.name in given or fact.value is None or told[section] == _MOST_OF_A_SECTION:
            continue
        told[section] += 1
        lines.append(f"- {fact.name}: {{{{fact:{fact.id}}}}}")
    lines = lines[:_MOST_LINES]
    return "\n".join([first, *lines])


_WRITERS: dict[str, Callable[[Call, ToolResult, Plan], str]] = {
    "performance": _performance,
    "price_chart": _price_chart,
    "backtest": _backtest,
    "simulate": _simulate,
    "sweep": _sweep,
    "walk_forward": _walk_forward,
    "expected_value": _expected_value,
    "scan_conditions": _scan,
    "scan_strategies": _scan_strategies,
    "save_strategy": _save_strategy,
    "risk_report": _risk_report,
    "stress": _stress,
    "size_position": _size_position,
    "propose_trade": _propose_trade,
    "query_metric": _query_metric,
    "recommend": write_recommend,
    "track_record": write_track_record,
    "day_report": _day_report,
}
