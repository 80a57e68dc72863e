"""Write a frame as tool calls; the only place that knows the tools' argument names."""

from __future__ import annotations

from typing import Any

from agents.planner.periods import Period
from agents.planner.plan import Call, Frame
from agents.planner.universe import FACTORS, Universe

MOST_SYMBOLS = 50
# What "rates" means where no maturity is named.
RATE = "DGS10"
_SIMULATED = ("model", "sessions", "paths", "confidence", "seed", "drift", "value", "history_years")
# What a backtest is run with besides its rule.
RUN_TERMS = (
    "fee_bps", "slippage_bps", "borrow_bps", "participation", "capital", "stop_loss", "take_profit", "trailing_stop",
    "atr_stop", "stop_sessions", "lag", "fill_at", "enter", "leave",
)  # fmt: skip
_STUDY_TERMS = {
    "expected_value": ("sessions", "paths", "seed", "drift", "model"),
    "walk_forward": ("train_sessions", "test_sessions", "embargo_sessions", "anchored"),
}
# A frame that wants this shows the latest close beside the performance.
LATEST_CLOSE = "latest_close"
_MOST_NAMED = 12


def calls_of(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    """Return the tool calls that answer a frame."""
    if frame.topic in ("metric", "book"):
        return _metric(frame)
    return {
        "performance": _performance,
        "chart": _chart,
        "indicators": _indicators,
        "risk": _risk,
        "stress": _stress,
        "simulate": _simulate,
        "backtest": _backtest,
        "size": _size,
        "trade": _trade,
        "coverage": _coverage,
        "portfolio": _portfolio,
        "sql": _sql,
        "optimise": _optimise,
        "train": _train,
        "pnl_split": _pnl_split,
        "correlation": _correlation,
        "scan": _scan,
        "strategies": _strategies,
        "calibrate": _of_members,
        "event_study": _of_members,
        "inject_event": _of_target,
        "reverse_stress": _of_target,
        "recommend": _recommend,
        "track_record": _track_record,
        "day_report": _day_report,
    }[frame.topic](frame, universe)


def query_period(period: Period | None) -> dict[str, Any] | None:
    """Return a period in the words of the semantic layer."""
    if period is None:
        return None
    if period.kind == "all":
        return {"name": "all"}
    if period.kind == "latest":
        return {"name": "latest"}
    if period.kind == "sessions":
        return {"last": period.sessions, "unit": "sessions"}
    if period.name:
        return {"name": period.name}
    if period.count and period.unit and period.kind == "range" and period.unit != "decade":
        return {"last": period.count, "unit": f"{period.unit}s"}
    if period.kind == "next":
        if period.count and period.unit != "decade":
            return {"next": period.count, "unit": f"{period.unit}s"}
        return {"name": "upcoming"} if period.start is None else _dates(period)
    return _dates(period)


def _dates(period: Period | None) -> dict[str, Any]:
    if period is None:
        return {}
    out: dict[str, Any] = {}
    if period.start:
        out["start"] = period.start.isoformat()
    if period.end:
        out["end"] = period.end.isoformat()
    return out


def _given(**arguments: Any) -> dict[str, Any]:
    """Return the arguments that say something."""
    return {name: value for name, value in arguments.items() if value not in (None, (), [], {})}


def _metric(frame: Frame) -> tuple[Call, ...]:
    arguments = _given(
        metric=frame.metric,
        symbols=list(frame.symbols),
        group=frame.group if not frame.symbols else None,
        series=list(frame.series),
        period=query_period(frame.period),
        grain=frame.grain,
        aggregation=frame.aggregation,
        window=frame.window,
        order=frame.order,
        limit=frame.limit,
        filter={"operator": frame.operator, "value": frame.value} if frame.operator is not None else None,
        **{
            key: value
            for key, value in frame.options.items()
            if key in ("topic", "severity", "state", "benchmark", "country", "vintage", "frequency")
        },
    )
    windows = frame.options.get("windows", ())
    if windows:
        return tuple(Call(name="query_metric", args={**arguments, "window": window}) for window in windows)
    return (Call(name="query_metric", args=arguments),)


def _window(period: Period | None) -> dict[str, Any]:
    """Return start and end for tools that take dates; a count of sessions becomes calendar days with room to spare."""
    if period is None or period.kind in ("all", "latest"):
        return {}
    if period.kind == "sessions" and period.sessions:
        from datetime import timedelta

        return (
            {"start": (period.end - timedelta(days=round(period.sessions * 1.5) + 5)).isoformat()} if period.end else {}
        )
    return _dates(period)


# What a count of sessions is asked of one figure at a time: the calendar of the exchange is not the planner's.
_OF_SESSIONS = {
    "return": "return",
    "change": "price_change",
    "volatility": "volatility",
    "sharpe": "sharpe_ratio",
    "sortino": "sortino_ratio",
    "cagr": "annualized_return",
    "drawdown": "max_drawdown",
}


def _performance(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    sessions = frame.period is not None and frame.period.kind == "sessions" and frame.period.end is None
    if sessions or "frequency" in frame.options:
        wanted = [name for name in frame.wants if name in _OF_SESSIONS] or ["return"]
        options = {name: value for name, value in frame.options.items() if name == "frequency"}
        changed = frame.model_copy(update={"topic": "metric", "options": options, "wants": ()})
        figures = [changed.model_copy(update={"metric": _OF_SESSIONS[name]}) for name in wanted]
        return tuple(call for figure in figures for call in _metric(figure))
    arguments = {
        "symbols": list(frame.symbols),
        **_window(frame.period),
        **_given(**{name: frame.options.get(name) for name in ("benchmark", "detail", "confidence", "resamples")}),
    }
    call = Call(name="performance", args=arguments)
    if LATEST_CLOSE not in frame.wants:
        return (call,)
    close = {"metric": "close", "symbols": list(frame.symbols), "period": {"name": "latest"}}
    return call, Call(name="query_metric", args=close)


def _chart(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    if frame.period is not None and frame.period.kind == "sessions" and frame.period.end is None:
        closes = {"topic": "metric", "metric": "close", "aggregation": "list", "order": "asc", "options": {}}
        return _metric(frame.model_copy(update=closes))
    kind = frame.options.get("kind", "line") if len(frame.symbols) == 1 else "line"
    return (Call(name="price_chart", args={"symbols": list(frame.symbols), **_window(frame.period), "kind": kind}),)


def _indicators(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    arguments = {
        "symbol": frame.symbols[0],
        **_given(names=list(frame.options.get("names", ())), parameters=frame.options.get("parameters")),
        **_window(frame.period),
    }
    return (Call(name="indicators", args=arguments),)


def is_group(frame: Frame) -> bool:
    """Say whether a frame is about a whole group, marked as the symbol `group:NAME`."""
    return bool(frame.symbols) and frame.symbols[0].startswith("group:")


def group_members(frame: Frame, universe: Universe) -> tuple[tuple[str, ...], str]:
    """Return the members of a frame's group that a tool can take, and a remark on those left out."""
    name = frame.symbols[0].removeprefix("group:")
    members = universe.members.get(name, ())
    priced = tuple(symbol for symbol in members if universe.has_prices(symbol))
    without = [symbol for symbol in members if symbol not in priced]
    remarks = []
    if without and priced:
        more = f" and {len(without) - _MOST_NAMED} more" if len(without) > _MOST_NAMED else ""
        remarks.append(f"Left out, because they have no prices: {', '.join(without[:_MOST_NAMED])}{more}.")
    if len(priced) > MOST_SYMBOLS:
        remarks.append(f"The first {MOST_SYMBOLS} of {len(priced)} members of {name.replace('_', ' ')}.")
    return priced[:MOST_SYMBOLS], " ".join(remarks)


def _target(frame: Frame, universe: Universe) -> dict[str, Any]:
    if not frame.symbols:
        return {"target": "portfolio"}
    symbols = list(group_members(frame, universe)[0]) if is_group(frame) else list(frame.symbols)
    given = _given(weights=frame.options.get("weights"), value=frame.options.get("value"))
    return {"target": "symbols", "symbols": symbols, **given}


def _risk(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    kept = {
        key: value for key, value in frame.options.items() if key in ("confidence", "horizon_sessions", "history_years")
    }
    return (Call(name="risk_report", args={**_target(frame, universe), **kept}),)


def factor_symbol(name: str, universe: Universe) -> str | None:
    """Return the symbol or series that stands for a factor, a symbol as it is, or None if the desk has none."""
    if name == "rates":
        return RATE
    if name.upper() in universe.classes:
        if universe.has_prices(name):
            return name
        # Another measure of the same factor, such as ^GSPC where SPY has no prices.
        return next((universe.factors.get(factor) for factor, names in FACTORS.items() if name in names), None)
    return universe.factors.get(name)


def _stress(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    arguments = _target(frame, universe)
    if "shocks" in frame.options:
        moves = frame.options["shocks"].items()
        # "The S&P fund SPY" names one symbol twice.
        shocks = dict.fromkeys(_shock(factor_symbol(name, universe) or name, move) for name, move in moves)
        arguments["shocks"] = ", ".join(shocks)
    elif "scenario" in frame.options:
        arguments["crises"] = [frame.options["scenario"], *frame.options.get("further", ())]
    arguments |= {key: value for key, value in frame.options.items() if key in ("seed", "history_years", "covariance")}
    return (Call(name="stress", args=arguments),)


def _shock(name: str, move: float) -> str:
    """Write a shock in the language of the scenario engine: a rate moves by basis points, a price by percent."""
    if name != RATE and move in (1.0, 2.0, 3.0):
        return f"{name} x{move + 1:g}"
    size, unit = (abs(move) * 1e4, "bp") if name == RATE else (abs(move) * 100.0, "%")
    return f"{name} {'-' if move < 0 else '+'}{f'{size:.6f}'.rstrip('0').rstrip('.')}{unit}"


def _simulate(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    kept = {k: v for k, v in frame.options.items() if k in _SIMULATED}
    return (Call(name="simulate", args={**_target(frame, universe), **kept}),)


def _members(frame: Frame, universe: Universe) -> list[str]:
    return list(group_members(frame, universe)[0]) if is_group(frame) else list(frame.symbols)


def _of_members(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    return (Call(name=frame.topic, args={"symbols": _members(frame, universe), **frame.options}),)


def _of_target(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    kept = {key: value for key, value in frame.options.items() if key != "weights"}
    return (Call(name=frame.topic, args={**_target(frame, universe), **kept}),)


def _optimise(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    return (Call(name="optimise_portfolio", args={"symbols": _members(frame, universe), **frame.options}),)


def _train(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    return (Call(name="train_model", args={"symbols": _members(frame, universe), **frame.options}),)


def _pnl_split(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    return (Call(name="pnl_analysis", args=_given(by=frame.options.get("by"), **_window(frame.period))),)


def _correlation(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    arguments = {"symbols": _members(frame, universe), **_window(frame.period), **frame.options}
    return (Call(name="correlation", args=arguments),)


def _backtest(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    study = frame.options.get("tool", "backtest")
    terms = (*RUN_TERMS, *_STUDY_TERMS.get(study, ()))
    costs = {key: value for key, value in frame.options.items() if key in terms}
    arguments = {
        "strategy": frame.options["strategy"],
        "symbols": list(frame.symbols),
        **_given(parameters=frame.options.get("parameters")),
        **_window(frame.period),
        **costs,
    }
    return (Call(name=study, args={**arguments, **_given(grid=frame.options.get("grid"))}),)


def _scan(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    given = _given(symbols=list(frame.symbols), group=frame.group if not frame.symbols else None)
    return (Call(name="scan_conditions", args={"condition": frame.options["condition"], **given}),)


def _strategies(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    return (Call(name=frame.options["tool"], args=frame.options["arguments"]),)


def _day_report(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    return (Call(name="day_report", args=dict(frame.options)),)


def _recommend(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    named = _given(symbols=list(frame.symbols), group=frame.group if not frame.symbols else None)
    terms = {name: value for name, value in frame.options.items() if name != "target" or not named}
    return (Call(name="recommend", args={**named, **terms}),)


def _track_record(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    return (Call(name="track_record", args={"symbol": frame.symbols[0]} if frame.symbols else {}),)


def _size(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    return (Call(name="size_position", args={"symbol": frame.symbols[0], **frame.options}),)


def _trade(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    if "part" in frame.wants:
        return (Call(name="query_metric", args={"metric": "positions", "symbols": list(frame.symbols)}),)
    if "legs" in frame.options:
        terms = {key: value for key, value in frame.options.items() if key in ("legs", "legging", "on_failure")}
        return (Call(name="propose_trade", args=terms),)
    propose = Call(name="propose_trade", args={"symbol": frame.symbols[0], **frame.options})
    weight = frame.options.get("target_weight")
    if not weight:
        return (propose,)
    sized = {"symbol": frame.symbols[0], "method": "fixed_fraction", "target_weight": weight}
    return (Call(name="size_position", args=sized), propose)


def _coverage(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    return (Call(name="data_coverage", args=_given(symbols=list(frame.symbols), **frame.options)),)


def _portfolio(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    return (Call(name="portfolio", args=dict(frame.options)),)


def _sql(frame: Frame, universe: Universe) -> tuple[Call, ...]:
    return (Call(name="run_sql", args={"sql": frame.options["sql"]}),)
