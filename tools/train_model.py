"""Train a model that predicts moves, and show what it was worth."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from core.domain.facts import Chart, ChartSeries, Column, Frozen, Table, ToolResult, to_cell
from tools._prices import Window, growth_chart, read_prices, rebased
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.learning.training import Simulator, Training, TrainingPlan
    from core.ports.strategy import PriceHistory
    from core.valuation.backtest import BacktestResult


class TrainModelArguments(Frozen):
    """Ask for a trained model."""

    symbols: tuple[str, ...] = Field(
        min_length=1, max_length=60, description="Symbols or names to learn from together."
    )
    model: Literal["ridge", "lightgbm"] = Field(default="ridge", description="ridge, or lightgbm (extra `learning`).")
    label: Literal["forward_return", "triple_barrier"] = Field(
        default="forward_return", description="What is predicted."
    )
    horizon: int = Field(default=5, ge=1, le=63, description="Sessions ahead.")
    history_years: float = Field(default=10.0, ge=2, le=40, description="Years of history.")
    train_sessions: int = Field(default=756, ge=300, le=5000, description="First sessions, for training only.")
    step: int = Field(default=126, ge=5, le=756, description="Sessions after which the model is fitted anew.")
    simulated_paths: int = Field(
        default=0, ge=0, le=20, description="Bootstrap paths of the training sessions to train on as well."
    )
    fee_bps: float = Field(default=5.0, ge=0, lt=1000, description="Cost of a fill when the predictions are traded.")
    name: str | None = Field(
        default=None, max_length=60, pattern=r"^[A-Za-z0-9_]+$", description="Register the model under this name."
    )
    stage: Literal["none", "staging", "production"] = Field(default="none", description="Stage to register it in.")


@tool(effect="compute", data="public", seeded=True)
def train_model(context: ToolContext, arguments: TrainModelArguments) -> ToolResult:
    """Train a model on prices known as of the call and judge it by predictions it made before it could know.

    Walks forward: every prediction is by a model trained on labels known before its stretch, with the penalty chosen by
    purged and embargoed cross-validation. Shows skill with its error, importance of features, and what following the
    predictions would have earned after costs beside buy-and-hold. In-sample figures are never called performance.
    """
    import numpy as np

    from core.learning.training import TrainingPlan, train
    from core.ports.strategy import PriceHistory
    from core.strategies.buy_and_hold import BuyAndHold
    from core.strategies.model_prediction import ModelPrediction
    from core.valuation.backtest import run
    from core.valuation.terms import Costs

    start = (context.as_of.known - timedelta(days=round(arguments.history_years * 365.25))).date()
    prices = read_prices(context, arguments.symbols, Window(start=start, end=None), "return")
    path = prices.panel.to_market_path(sessions_per_year=prices.sessions_per_year)
    history = PriceHistory.of(path)
    plan = TrainingPlan(
        model=arguments.model,
        label=arguments.label,
        horizon=arguments.horizon,
        penalties=(0.01, 0.1, 1.0) if arguments.model == "ridge" else (1.0,),
        first=arguments.train_sessions,
        step=arguments.step,
        embargo=arguments.horizon,
        seed=context.seed,
    )
    simulate = _simulator(history, arguments.simulated_paths, context.seed) if arguments.simulated_paths else None
    found = train(history, plan, simulate=simulate)
    made = np.flatnonzero(np.isfinite(found.predictions.values).any(axis=1))
    scores = found.predictions.values[made]
    strategy = ModelPrediction(
        days=tuple(history.times[made].astype("datetime64[D]").astype(float).tolist()),
        scores=tuple(scores.ravel().tolist()),
    )
    tested = path.cut(int(made[0]))
    costs = Costs(fee_bps=arguments.fee_bps)
    traded, held = run(strategy, tested, costs=costs), run(BuyAndHold(), tested, costs=costs)
    tables = [_skill_table(found), _importance_table(found), _performance_table(context, traded, held)]
    _state(context, found, plan, str(history.times[made[0]]))
    days = traded.times
    charts = [
        growth_chart(
            "Following the out-of-sample predictions, after costs",
            [rebased("predictions", days, traded.equity[0]), rebased("buy and hold", days, held.equity[0])],
        ),
        Chart(
            kind="bar",
            title="Importance: fall of the rank correlation when a feature is shuffled",
            series=(ChartSeries(name="importance", x=tuple(found.importance), y=tuple(found.importance.values())),),
        ),
    ]
    notes = [
        *prices.remarks(),
        f"Every prediction comes from one of {found.refits} models fitted before it; the first {plan.first} sessions "
        "are for training only. A skill within two standard errors of 0 is luck.",
    ]
    if simulate:
        notes.append(
            f"Trained on {found.parts['simulated samples']:,} samples of bootstrapped paths beside "
            f"{found.parts['historical samples']:,} of history; tested on history alone."
        )
    if arguments.name:
        notes.append(_register(context, arguments, found, plan))
    return context.result(tables=tables, charts=charts, sql=[prices.panel.sql], sources=prices.sources(), notes=notes)


def _simulator(history: PriceHistory, paths: int, seed: int) -> Simulator:
    """Resample blocks of the training sessions of all assets together (stationary bootstrap, blocks of 21)."""
    import numpy as np

    from core.ports.strategy import PriceHistory
    from core.valuation.bootstrap import stationary_places

    def simulate(start: int) -> list[PriceHistory]:
        close = np.asarray(history.close[:start], dtype=np.float64)
        close = close[np.isfinite(close).all(axis=1)]
        returns = close[1:] / close[:-1]
        out = []
        for chunk in stationary_places(len(returns), paths, 21.0, seed + start):
            for places in chunk:
                level = np.cumprod(np.vstack((np.ones(close.shape[1]), returns[places])), axis=0)
                out.append(
                    PriceHistory(
                        close=level,
                        times=history.times[: len(level)],
                        assets=history.assets,
                        sessions_per_year=history.sessions_per_year,
                    )
                )
        return out

    return simulate


def _state(context: ToolContext, found: Training, plan: TrainingPlan, first: str) -> None:
    skill = found.skill
    context.fact("out-of-sample rank correlation", skill.rank_correlation, "number")
    context.fact("standard error of the rank correlation", to_cell(skill.standard_error), "number")
    context.fact("out-of-sample share of right signs", to_cell(skill.hit_rate), "ratio")
    context.fact("out-of-sample R squared", to_cell(skill.r_squared), "number")
    context.fact("predictions judged", skill.samples, "count")
    context.fact("first predicted session", first, "date")
    context.fact("models fitted", found.refits, "count")
    context.fact("horizon, sessions", plan.horizon, "count")
    context.fact("most important feature", next(iter(found.importance)), "text")


def _skill_table(found: Training) -> Table:
    skill = found.skill
    rows = (
        ("rank correlation of predictions and outcomes", skill.rank_correlation),
        ("its standard error", to_cell(skill.standard_error)),
        ("share of right signs", to_cell(skill.hit_rate)),
        ("R squared against no move", to_cell(skill.r_squared)),
        ("fitted to noise: rank correlation inside the training samples less outside",
         to_cell(found.in_sample_rank_correlation - skill.rank_correlation)),
    )  # fmt: skip
    columns = (Column(name="figure", unit="text"), Column(name="value", unit="number"))
    return Table(name="skill", title="Out-of-sample skill", columns=columns, rows=rows)


def _importance_table(found: Training) -> Table:
    columns = (Column(name="feature", unit="text"), Column(name="importance", unit="number"))
    rows = tuple((name, to_cell(value)) for name, value in found.importance.items())
    return Table(name="importance", title="Importance of features, out of sample", columns=columns, rows=rows)


def _performance_table(context: ToolContext, traded: BacktestResult, held: BacktestResult) -> Table:
    from core.valuation.performance import performance
    from tools.performance import SHOWN

    rows = []
    for name, result in (("predictions", traded), ("buy and hold", held)):
        figures = performance(result.returns[0], sessions_per_year=result.sessions_per_year).as_dict()
        rows.append((name, *(to_cell(figures[key]) for key, _, _ in SHOWN)))
        context.fact(f"{name} total return", to_cell(figures["total_return"]), "ratio")
        context.fact(f"{name} Sharpe ratio", to_cell(figures["sharpe"]), "number")
    columns = (Column(name="what", unit="text"), *(Column(name=title, unit=unit) for _, title, unit in SHOWN))
    return Table(name="performance", title="Out of sample, after costs", columns=columns, rows=tuple(rows))


def _register(context: ToolContext, arguments: TrainModelArguments, found: Training, plan: TrainingPlan) -> str:
    from dataclasses import asdict

    from core.learning.features import FEATURES
    from core.ports.tracker import TrainingRun

    skill = found.skill
    version = context.desk.tracker.record(
        TrainingRun(
            name=str(arguments.name),
            run_id=context.run_id,
            parameters={key: str(value) for key, value in asdict(plan).items()}
            | {"symbols": ",".join(arguments.symbols)},
            metrics={
                "out_of_sample_rank_correlation": skill.rank_correlation,
                "out_of_sample_standard_error": skill.standard_error,
                "out_of_sample_hit_rate": skill.hit_rate,
                "out_of_sample_r_squared": skill.r_squared,
            },
            data_as_of=context.as_of.known,
            code_version=context.desk.code_version,
            document={"features": list(FEATURES), "symbols": list(arguments.symbols), **found.model.to_document()},
        )
    )
    if arguments.stage != "none":
        version = context.desk.tracker.promote(version.name, version.version, arguments.stage)
    context.fact("model version", version.version, "count")
    return f"Registered as {version.name}, version {version.version}, stage {version.stage}."
