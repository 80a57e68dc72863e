"""Train a model on history and simulated paths, and judge it by what it said before it could know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.domain.kernel import BoolArray, Float64Array, IntArray
from core.errors import InvalidInput, NoData
from core.learning.features import FEATURES, features
from core.learning.labels import Labels, forward_return, triple_barrier
from core.learning.models import Model, ModelName, fit
from core.learning.validation import purged_folds, walk_forward
from core.ports.strategy import PriceHistory

# Paths like those of the market up to (not including) a session: what a fit may be trained on beside history.
Simulator = Callable[[int], Sequence[PriceHistory]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """Say what to learn: model, label, horizon in sessions, penalties to choose from, and how time is split.

    `first` sessions are for training only; the model is then fitted anew every `step` sessions. Labels known less than
    `embargo` sessions before a test stretch are not trained on.
    """

    model: ModelName = "ridge"
    label: str = "forward_return"
    horizon: int = 5
    penalties: tuple[float, ...] = (0.001, 0.01, 0.1, 1.0)
    first: int = 756
    step: int = 126
    embargo: int = 5
    folds: int = 5
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """Hold predictions (time, assets), NaN where none was made.

    `trained_until` (time,) is the last session known to the model that made them, -1 where none did.
    """

    values: Float64Array
    trained_until: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """Hold what out-of-sample predictions were worth.

    `rank_correlation` is the mean over sessions of the rank correlation of predictions and outcomes across assets (for
    a single asset: over time), with its standard error from sessions `horizon` apart; `hit_rate` the share of right
    signs; `r_squared` against predicting no move.
    """

    samples: int
    sessions: int
    rank_correlation: float
    standard_error: float
    hit_rate: float
    r_squared: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Hold the outcome: out-of-sample predictions and their skill, importance of features, and the last model fitted.

    `importance` is the fall of the out-of-sample rank correlation when the feature is shuffled among the assets and
    sessions of each test stretch. `in_sample_rank_correlation` only shows how much was fitted to noise: it is no
    performance.
    """

    predictions: Predictions
    skill: Skill
    importance: dict[str, float]
    model: Model
    penalties: tuple[float, ...]
    in_sample_rank_correlation: float
    refits: int
    samples: int
    parts: dict[str, int] = field(default_factory=dict)


def train(prices: PriceHistory, plan: TrainingPlan, *, simulate: Simulator | None = None) -> Training:
    """Fit and predict forward through history: each prediction comes from labels known before its stretch alone.

    In each stretch the penalty is chosen by purged and embargoed cross-validation on the training samples. With
    `simulate`, samples of paths simulated from the training sessions are trained on as well; they are never tested on.
    Raises NoData when history is shorter than the plan needs.
    """
    inputs = features(prices)
    labels = _labels(prices, inputs, plan)
    place: BoolArray = np.asarray(np.isfinite(inputs).all(axis=2) & np.isfinite(labels.values))
    decided = np.nonzero(place)[0]
    if not len(decided) or plan.first >= len(prices.close) - plan.horizon:
        raise NoData(
            f"{len(prices.close)} sessions leave nothing to test after {plan.first} to train on.",
            hint="Choose a longer history or fewer first sessions.",
        )
    x, y, known = inputs[place], labels.values[place], labels.known_at[place]
    values = np.full(labels.values.shape, np.nan)
    until = np.full(len(values), -1, dtype=np.int64)
    shuffled = {name: values.copy() for name in FEATURES}
    generator = np.random.default_rng(plan.seed)
    usable: BoolArray = np.asarray(np.isfinite(inputs).all(axis=2))
    model: Model | None = None
    chosen: list[float] = []
    inside: list[float] = []
    parts = {"historical samples": 0, "simulated samples": 0}
    for split in walk_forward(decided, known, first=plan.first, step=plan.step, embargo=plan.embargo):
        if split.train.sum() < 100:
            continue
        start = int(decided[split.test].min())
        own = x[split.train], y[split.train]
        extra = _simulated(simulate, start, plan) if simulate else None
        penalty = _choose(x, y, decided, known, split.train, plan)
        model = _fit(own, extra, penalty, plan)
        chosen.append(penalty)
        parts["historical samples"] = len(own[1])
        parts["simulated samples"] = 0 if extra is None else len(extra[1])
        inside.append(_rank_correlation(model.predict(own[0]), own[1]))
        # Predict every session of the stretch, also those whose label is not known yet.
        rows = np.arange(start, min(start + plan.step, len(values)))
        here = np.nonzero(usable[rows])
        samples = inputs[rows][here]
        values[rows[here[0]], here[1]] = model.predict(samples)
        until[rows] = int(known[split.train].max())
        for number, name in enumerate(FEATURES):
            mixed = samples.copy()
            mixed[:, number] = generator.permutation(mixed[:, number])
            shuffled[name][rows[here[0]], here[1]] = model.predict(mixed)
    if model is None:
        raise NoData("No stretch of time had 100 samples to train on.", hint="Choose a longer history.")
    predictions = Predictions(values=values, trained_until=until)
    skill = measure_skill(predictions, labels, plan.horizon)
    importance = {
        name: skill.rank_correlation
        - measure_skill(Predictions(values=mixed, trained_until=until), labels, plan.horizon).rank_correlation
        for name, mixed in shuffled.items()
    }
    return Training(
        predictions=predictions,
        skill=skill,
        importance=dict(sorted(importance.items(), key=lambda part: -part[1])),
        model=model,
        penalties=tuple(chosen),
        in_sample_rank_correlation=float(np.mean(inside)),
        refits=len(chosen),
        samples=len(y),
        parts=parts,
    )


def measure_skill(predictions: Predictions, labels: Labels, horizon: int) -> Skill:
    """Measure predictions against what came.

    Refuses (InvalidInput) predictions of a session by a model that was trained on that session or a later one: what a
    model says of its own training samples is no performance.
    """
    made = np.isfinite(predictions.values) & np.isfinite(labels.values)
    sessions = np.flatnonzero(made.any(axis=1))
    if len(sessions) < 20:
        raise NoData(f"{len(sessions)} sessions have a prediction and an outcome, expected at least 20.")
    if np.any(predictions.trained_until[sessions] >= sessions) or np.any(predictions.trained_until[sessions] < 0):
        raise InvalidInput(
            "These predictions are in-sample: their model was trained on the sessions it predicts.",
            hint="Only predictions by models trained before the session count as performance.",
        )
    p, y = predictions.values, labels.values
    if p.shape[1] == 1:
        value, error = _single(p[sessions, 0], y[sessions, 0], horizon)
    else:
        each = _rank_correlations(p, y, made, sessions)
        value = float(each.mean()) if len(each) else 0.0
        # Labels overlap: only every horizon-th session is news.
        error = float(each.std(ddof=1) / np.sqrt(max(len(each) / horizon, 1.0))) if len(each) > 1 else float("nan")
    guess, came = p[made], y[made]
    moved = came != 0.0
    return Skill(
        samples=int(made.sum()),
        sessions=len(sessions),
        rank_correlation=value,
        standard_error=error,
        hit_rate=float((np.sign(guess[moved]) == np.sign(came[moved])).mean()) if moved.any() else float("nan"),
        r_squared=float(1.0 - np.sum((came - guess) ** 2) / np.sum(came**2)) if np.any(came) else float("nan"),
    )


def _labels(prices: PriceHistory, inputs: Float64Array, plan: TrainingPlan) -> Labels:
    close = np.asarray(prices.close, dtype=np.float64)
    if plan.label == "forward_return":
        return forward_return(close, plan.horizon)
    if plan.label == "triple_barrier":
        yearly = inputs[:, :, FEATURES.index("volatility_21")]
        return triple_barrier(close, yearly * np.sqrt(plan.horizon / prices.sessions_per_year), horizon=plan.horizon)
    raise InvalidInput(f"label is {plan.label!r}, expected forward_return or triple_barrier.")


def _simulated(simulate: Simulator, start: int, plan: TrainingPlan) -> tuple[Float64Array, Float64Array]:
    xs, ys = [], []
    for path in simulate(start):
        inputs = features(path)
        labels = _labels(path, inputs, plan)
        place = np.isfinite(inputs).all(axis=2) & np.isfinite(labels.values)
        xs.append(inputs[place])
        ys.append(labels.values[place])
    return np.concatenate(xs), np.concatenate(ys)


def _fit(
    own: tuple[Float64Array, Float64Array],
    extra: tuple[Float64Array, Float64Array] | None,
    penalty: float,
    plan: TrainingPlan,
) -> Model:
    if extra is None or not len(extra[1]):
        return fit(plan.model, own[0], own[1], penalty=penalty, seed=plan.seed)
    x, y = np.concatenate((own[0], extra[0])), np.concatenate((own[1], extra[1]))
    return fit(plan.model, x, y, penalty=penalty, seed=plan.seed)


def _choose(
    x: Float64Array, y: Float64Array, decided: IntArray, known: IntArray, train_on: BoolArray, plan: TrainingPlan
) -> float:
    """Choose the penalty with the least squared error over purged folds of the training samples."""
    if len(plan.penalties) == 1:
        return plan.penalties[0]
    x, y, decided, known = x[train_on], y[train_on], decided[train_on], known[train_on]
    errors = np.zeros(len(plan.penalties))
    for split in purged_folds(decided, known, folds=plan.folds, embargo=plan.embargo):
        if split.train.sum() < 50:
            continue
        for number, penalty in enumerate(plan.penalties):
            model = fit(plan.model, x[split.train], y[split.train], penalty=penalty, seed=plan.seed)
            errors[number] += float(np.sum((y[split.test] - model.predict(x[split.test])) ** 2))
    return plan.penalties[int(np.argmin(errors))]


def _rank_correlations(p: Float64Array, y: Float64Array, made: BoolArray, sessions: IntArray) -> Float64Array:
    """Correlate ranks across the assets of each session that has at least 3; whole sessions in one go."""
    from scipy.stats import rankdata

    counts = made[sessions].sum(axis=1)
    whole = sessions[counts == p.shape[1]] if p.shape[1] > 2 else sessions[:0]
    found = [_rank_correlation(p[t, made[t]], y[t, made[t]]) for t in sessions[(counts > 2) & (counts < p.shape[1])]]
    a, b = (rankdata(part[whole], axis=1) - (p.shape[1] + 1) / 2.0 for part in (p, y))
    spread = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.concatenate(((a * b).sum(axis=1) / spread, np.array(found, dtype=np.float64)))
    return np.asarray(each[np.isfinite(each)], dtype=np.float64)


def _rank_correlation(one: Float64Array, other: Float64Array) -> float:
    from scipy.stats import rankdata

    a, b = rankdata(one), rankdata(other)
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / spread if spread > 0.0 else float("nan")


def _single(guess: Float64Array, came: Float64Array, horizon: int) -> tuple[float, float]:
    value = _rank_correlation(guess, came)
    return value if np.isfinite(value) else 0.0, float(1.0 / np.sqrt(max(len(came) / horizon - 1.0, 1.0)))
