"""Prove the simulator claims: planted parameters and events come back, crises beside what really happened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np

from benchmarks.prove import SHARED, Steps, table

SEEDS, SESSIONS = 100, 2_000
AS_OF = datetime(2026, 5, 1, 20, tzinfo=UTC)
Planted = tuple[str, dict[str, float], Callable[[np.random.Generator], np.ndarray]]


def measure(steps: Steps) -> str:
    """Return the section on simulators."""
    rows = []
    for model, truth, draw in PLANTED:
        rows += steps.do(
            f"calibration of {model}", lambda model=model, truth=truth, draw=draw: coverage(model, truth, draw)
        )
    rows += steps.do("event injection", event_recovery)
    parts = [
        "### Planted parameters and events",
        "",
        f"Of {SEEDS} made histories each, in how many the 95 % interval covers what was planted; at least 90 is the "
        "bar. Daily returns do not identify the speed of mean reversion of Heston's variance: calibration takes "
        "it as given and says so.",
        "",
        table(
            ("model", "parameter", "planted", f"covered of {SEEDS}", "at least 90"),
            [(*row, "yes" if row[-1] >= 90 else "**NO**") for row in rows],
        ),
        "",
    ]
    if not (SHARED / "data" / "prices" / "us_etf_daily.csv.gz").exists():
        return "\n".join([*parts, "The table of crises needs the shared data beside the checkout; they are absent."])
    return "\n".join([*parts, *_crises_section(steps.do("crises", crises))])


def coverage(model: str, truth: dict[str, float], draw: Callable[[np.random.Generator], np.ndarray]) -> list[list[Any]]:
    """Return rows (model, parameter, planted, covered) of intervals over seeds."""
    from core.simulators.stochastic.catalogue import calibrate

    covered = dict.fromkeys(truth, 0)
    for seed in range(SEEDS):
        returns = draw(np.random.default_rng(seed))
        returns = returns[:, None] if returns.ndim == 1 else returns
        close = 100.0 * np.exp(np.concatenate((np.zeros((1, returns.shape[1])), np.cumsum(returns, axis=0))))
        found = {part.name: part for part in calibrate(model, close, ("A", "B")[: close.shape[1]]).estimates}
        for name, value in truth.items():
            covered[name] += bool(found[name].low <= value <= found[name].high)
    return [[model, name, f"{truth[name]:g}", count] for name, count in covered.items()]


def _gbm(draw: np.random.Generator) -> np.ndarray:
    return (0.08 - 0.5 * 0.25**2) / 252 + 0.25 / np.sqrt(252) * draw.standard_normal(SESSIONS)


def _merton(draw: np.random.Generator) -> np.ndarray:
    jumps = draw.poisson(12.0 / 252, SESSIONS)
    sizes = -0.02 * jumps + 0.04 * np.sqrt(jumps) * draw.standard_normal(SESSIONS)
    return 2e-4 + 0.15 / np.sqrt(252) * draw.standard_normal(SESSIONS) + sizes


def _heston(draw: np.random.Generator) -> np.ndarray:
    from core.simulators.stochastic.heston import MEAN_REVERSION

    # Twenty steps a session, so that the path is that of the continuous model.
    inside, speed, long_run, wild, leverage = 20, MEAN_REVERSION, 0.04, 0.5, -0.6
    step, variance, out = 1.0 / 252 / inside, long_run, np.zeros(SESSIONS)
    z, w = draw.standard_normal((2, SESSIONS * inside))
    own = leverage * z + np.sqrt(1 - leverage**2) * w
    for k in range(SESSIONS * inside):
        v = max(variance, 0.0)
        out[k // inside] += (0.06 - 0.5 * v) * step + np.sqrt(v * step) * z[k]
        variance += speed * (long_run - v) * step + wild * np.sqrt(v * step) * own[k]
    return out


def _garch(draw: np.random.Generator, gamma: float = 0.0) -> np.ndarray:
    z, variance, out = draw.standard_normal(SESSIONS), 1e-4, np.empty(SESSIONS)
    for t in range(SESSIONS):
        out[t] = np.sqrt(variance) * z[t]
        # With leverage less of the rest, so that the variance stays stationary.
        weight = (0.09 if gamma == 0.0 else 0.03) + (gamma if z[t] < 0.0 else 0.0)
        variance = 3e-6 + weight * out[t] ** 2 + 0.88 * variance
    return out


def _regime(draw: np.random.Generator) -> np.ndarray:
    bad, out, z = False, np.empty(SESSIONS), draw.standard_normal(SESSIONS)
    for t in range(SESSIONS):
        bad = draw.random() < (0.95 if bad else 0.015)
        out[t] = 3e-4 + (0.35 if bad else 0.13) / np.sqrt(252) * z[t]
    return out


def _copula(draw: np.random.Generator) -> np.ndarray:
    import scipy.stats

    root = np.linalg.cholesky([[1.0, 0.6], [0.6, 1.0]])
    mixed = draw.standard_normal((SESSIONS, 2)) @ root.T / np.sqrt(draw.chisquare(6.0, (SESSIONS, 1)) / 6.0)
    return 0.01 * scipy.stats.t.ppf(scipy.stats.t.cdf(mixed, 6.0), 5.0)


PLANTED: tuple[Planted, ...] = (
    ("gbm", {"drift": 0.08, "volatility": 0.25}, _gbm),
    ("merton", {"volatility": 0.15, "jumps per year": 12.0, "mean jump": -0.02, "deviation of a jump": 0.04}, _merton),
    ("heston", {"long-run variance": 0.04, "volatility of variance": 0.5, "leverage": -0.6}, _heston),
    ("garch", {"omega": 3e-6, "alpha": 0.09, "beta": 0.88}, _garch),
    ("gjr", {"omega": 3e-6, "alpha": 0.03, "gamma": 0.1, "beta": 0.88}, lambda draw: _garch(draw, 0.1)),
    ("regime", {"calm volatility": 0.13, "turbulent volatility": 0.35, "probability to stay calm": 0.985,
                "probability to stay turbulent": 0.95}, _regime),
    ("gaussian_copula", {"scale of a session": 0.01, "degrees of freedom": 5.0},
     lambda draw: 0.01 * draw.standard_t(5, SESSIONS)),
    ("t_copula", {"degrees of freedom of the copula": 6.0, "scale of a session": 0.01}, _copula),
)  # fmt: skip


def event_recovery() -> list[list[Any]]:
    """Return rows of how often a planted event effect, and its slope on the surprise, lie in their intervals.

    The effect is then injected into simulated paths: the mean move of an injected path must lie within the interval
    of the study around what was planted, too.
    """
    from core.simulators.event_injection import impact_of, inject
    from core.simulators.event_study import EventAt, event_study, surprise_slope
    from core.simulators.stochastic.gbm import GbmParameters, simulate

    effect, spread, slope, events = 0.04, 0.02, 0.015, 120
    model = GbmParameters.given(("A",), drift=np.zeros(1), volatility=np.full(1, 0.2))
    base = simulate(model, np.array([100.0]), sessions=5, paths=4_096, seed=1, as_of=AS_OF, drift="zero")
    counts = [0, 0, 0]
    for seed in range(SEEDS):
        draw = np.random.default_rng(seed)
        returns = draw.normal(0.0, 0.01, (60 * events + 400, 1))
        placed = []
        for k in range(events):
            surprise, day = float(draw.normal()), 350 + 60 * k
            returns[day, 0] += effect + slope * surprise + spread * draw.standard_normal()
            placed.append(EventAt(asset=0, session=day, surprise=surprise))
        study = event_study(returns, placed, before=0, after=0)
        counts[0] += abs(study.mean - effect) <= 1.96 * study.mean_standard_error
        _, found, error = surprise_slope(study)
        counts[1] += abs(found - slope) <= 1.96 * error
        moved = inject(base, [("A", impact_of(study))], session=2, seed=seed, uncertain_mean=False)
        size = np.log(moved.close[:, -1, 0] / base.close[:, -1, 0]).mean()
        counts[2] += abs(size - effect) <= 1.96 * np.hypot(study.mean_standard_error, spread / np.sqrt(base.paths))
    names = ("mean effect", "slope on the surprise", "mean move of injected paths")
    return [
        ["events", name, f"{value:g}", int(count)]
        for name, value, count in zip(names, (effect, slope, effect), counts, strict=True)
    ]


FUNDS = ("SPY", "AGG", "QQQ", "XLK", "SMH")
BOOKS = {"60/40": {"SPY": 0.6, "AGG": 0.4}, "tech": {"QQQ": 0.5, "XLK": 0.3, "SMH": 0.2}}
HISTORY = 756


def crises() -> list[list[Any]]:
    """Return a row per crisis inside the shared data: what each book did, its replay, and what was to be expected.

    Expected: given only the published moves of the S&P 500 and the ten-year yield, by the shrunk covariance of the
    three years before the crisis, in logarithms.
    """
    import pandas

    from core.domain.market_path import MarketPath
    from core.simulators.conditional import condition, covariance_of
    from core.simulators.crises import CRISES, EQUITIES, RATES
    from core.simulators.historical import replay_onto

    prices = pandas.read_csv(SHARED / "data" / "prices" / "us_etf_daily.csv.gz", parse_dates=["date"])
    funds = prices[prices["symbol"].isin(FUNDS)].pivot_table(index="date", columns="symbol", values="adj_close")
    macro = pandas.read_csv(SHARED / "data" / "macro" / "macro_series.csv.gz", parse_dates=["date"])
    rate = macro[macro["series_id"] == RATES].drop_duplicates("date", keep="last").set_index("date")["value"] / 100.0
    funds = funds[list(FUNDS)].dropna()
    days = funds.index
    changes = np.log(funds).diff().assign(**{RATES: rate.reindex(days).ffill().diff()})
    path = MarketPath(
        close=np.ascontiguousarray(funds.to_numpy())[None],
        times=days.to_numpy().astype("datetime64[D]"),
        assets=FUNDS,
        as_of=AS_OF,
        source="shared",
    )
    rows = []
    for part in CRISES.values():
        first = int(days.searchsorted(pandas.Timestamp(part.start)))
        last = int(days.searchsorted(pandas.Timestamp(part.end), side="right")) - 1
        if first < 300 or last >= len(days) - 1:
            continue
        past = changes.iloc[max(first - HISTORY, 1) : first].dropna()
        shocks = {"SPY": float(np.log1p(part.moves[EQUITIES])), RATES: part.moves[RATES]}
        given = condition(
            shocks, tuple(past.columns), covariance_of(past.to_numpy(), "shrunk"), sessions=last - first + 1
        )
        likely = dict(zip(given.assets, np.expm1(given.mean), strict=True))
        again = replay_onto(path, part.start, part.end, np.full(len(FUNDS), 100.0), as_of=AS_OF).close[0, -1] / 100 - 1
        row: list[Any] = [f"{part.title}, {part.start:%Y-%m} to {part.end:%Y-%m}"]
        for weights in BOOKS.values():
            really = sum(w * (funds[s].iloc[last] / funds[s].iloc[first - 1] - 1) for s, w in weights.items())
            replayed = sum(w * again[FUNDS.index(s)] for s, w in weights.items())
            expected = sum(w * likely[s] for s, w in weights.items())
            _, deviation = given.book(dict(weights))
            row += [float(really), float(replayed), float(expected), float(deviation)]
        rows.append(row)
    return rows


def _crises_section(rows: list[list[Any]]) -> list[str]:
    apart = max(abs(row[k] - row[k + 1]) for row in rows for k in (1, 5))
    errors = {name: np.array([row[k + 2] - row[k] for row in rows]) for name, k in zip(BOOKS, (1, 5), strict=True)}
    inside = {
        name: sum(abs(row[k + 2] - row[k]) <= 2 * row[k + 3] + 1e-12 for row in rows)
        for name, k in zip(BOOKS, (1, 5), strict=True)
    }
    head = ["crisis"]
    for name in BOOKS:
        head += [f"{name}: happened", "replayed", "expected", "+/-"]
    texts = [(row[0], *(f"{100 * value:.1f} %" for value in row[1:])) for row in rows]
    books = "; ".join(
        f"{name}: {', '.join(f'{w:.0%} {s}' for s, w in weights.items())}" for name, weights in BOOKS.items()
    )
    return [
        f"### {len(rows)} crises on two books, beside what really happened",
        "",
        f"{books}. *Happened*: total return of the book held over the crisis, from the stored prices. *Replayed*: the "
        "crisis put on today's prices by the scenario engine. *Expected*: what the engine says given only the "
        "published moves of the S&P 500 and of the ten-year yield, from the covariance of the three years before, "
        "with one standard deviation; nothing of the crisis itself is used.",
        "",
        f"Replays differ from what happened by at most {apart:.1e}. Mean absolute error of the expectation: "
        + ", ".join(f"{np.abs(part).mean():.1%} ({name})" for name, part in errors.items())
        + "; within two standard deviations: "
        + ", ".join(f"{count} of {len(rows)} ({name})" for name, count in inside.items())
        + ". The crises before 2005 precede the funds' prices, so there is nothing to compare them with.",
        "",
        table(head, texts),
        "",
    ]
