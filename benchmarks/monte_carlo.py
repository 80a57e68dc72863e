"""Simulate a year of 100,000 paths: ours beside a special kernel, numpy, QuantLib and arch, unbiased first.

Every engine draws the same number of independent paths of the same law without variance reduction, so their standard
errors are equal. Of each path only the final value and the largest fall are kept; a price, a 99 % VaR and a mean
maximum drawdown are taken from them.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks import reference_paths
from benchmarks.table import Engine, bar, compare, header
from core.simulators.stochastic import garch, gbm, heston, merton
from core.simulators.stochastic.engine import Parameters, outcomes

PATHS, SESSIONS, SEEDS, SEED_PATHS = 100_000, 252, 30, 10_000
RATE, STRIKE, STEP = 0.03, 1.05, 1.0 / 252
Pair = tuple[np.ndarray, np.ndarray]
Draw = Callable[[int, int], Pair]  # of paths and seed: final growth and largest fall of each path
Exact = dict[str, tuple[Callable[[np.ndarray], np.ndarray], float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Hold a workload: engines by name, exact expectations of functions of the growth, and what is asked of ours."""

    title: str
    engines: dict[str, Draw]
    exact: Exact
    others: tuple[Engine, ...] = ()
    over_numpy: float
    over_reference: float
    over_quantlib: float | None = None
    paths: int = PATHS


def ours(parameters: Parameters, precision: str, threads: int, paths: int, seed: int) -> Pair:
    assets = parameters.assets
    start, shares = np.ones(len(assets)), dict.fromkeys(assets, 1.0 / len(assets))
    drift: Any = "historical" if isinstance(parameters, garch.GarchParameters) else RATE
    found = outcomes(
        parameters, start, shares, sessions=SESSIONS, paths=paths, seed=seed, drift=drift,
        precision=precision, threads=threads,  # type: ignore[arg-type]
    )  # fmt: skip
    return found.end, found.max_drawdown


def statistics_of(pair: Pair) -> tuple[float, float, float]:
    """Return the price of a call, the 99 % VaR and the mean maximum drawdown."""
    end, fall = pair
    place = len(end) // 100
    loss = 1.0 - float(np.partition(end, place)[place])
    return float(np.maximum(end - STRIKE, 0).mean()) * math.exp(-RATE), loss, float(fall.mean())


def follow(step: Callable[[np.ndarray], None], level: np.ndarray) -> Pair:
    """Move log levels (paths,) session by session by a numpy engine's step; return growth and largest fall."""
    top, low, gap = np.zeros_like(level), np.zeros_like(level), np.empty_like(level)
    for _ in range(SESSIONS):
        step(level)
        np.maximum(top, level, out=top)
        np.subtract(level, top, out=gap)
        np.minimum(low, gap, out=low)
    return np.exp(level), np.expm1(low)


def in_blocks(begin: Callable[[np.random.Generator, int], Callable[[np.ndarray], None]], paths: int, seed: int) -> Pair:
    """Run a numpy engine in blocks that fit into the cache."""
    draw = np.random.default_rng(seed)
    parts = []
    for start in range(0, paths, 10_000):
        count = min(10_000, paths - start)
        parts.append(follow(begin(draw, count), np.zeros(count)))
    return np.concatenate([end for end, _ in parts]), np.concatenate([fall for _, fall in parts])


def call(exact: float) -> Exact:
    return {
        "mean": (lambda end: end, math.exp(RATE)),
        "call": (lambda end: math.exp(-RATE) * np.maximum(end - STRIKE, 0), exact),
    }


def black_scholes(rate: float, volatility: float) -> float:
    """Price the call over one year, discounted at RATE, where the price grows at `rate` (Black and Scholes, 1973)."""
    from scipy.stats import norm

    d1 = (-math.log(STRIKE) + rate + volatility**2 / 2) / volatility
    return float(math.exp(-RATE) * (math.exp(rate) * norm.cdf(d1) - STRIKE * norm.cdf(d1 - volatility)))


def gbm_case() -> Case:
    volatility = 0.25
    model = gbm.GbmParameters.given(("A",), drift=np.array([RATE]), volatility=np.array([volatility]))
    shift, deviation = (RATE - volatility**2 / 2) * STEP, volatility * math.sqrt(STEP)

    def begin(draw: np.random.Generator, count: int) -> Callable[[np.ndarray], None]:
        z = np.empty(count)

        def step(level: np.ndarray) -> None:
            draw.standard_normal(out=z)
            np.multiply(z, deviation, out=z)
            np.add(z, shift, out=z)
            np.add(level, z, out=level)

        return step

    numbers = (np.float32(shift), np.float32(deviation))
    return Case(
        title="a GBM, one asset",
        engines=_engines(model, reference_paths.gbm, numbers, begin),
        exact=call(black_scholes(RATE, volatility)),
        others=(_quantlib("BlackScholes", volatility),),
        over_numpy=20,
        over_reference=1 / 1.5,
        over_quantlib=150,
    )


def basket_case() -> Case:
    assets, volatility = 30, 0.25
    draw = np.random.default_rng(2)
    loadings = draw.normal(0.6, 0.2, (assets, 1))
    covariance = loadings @ loadings.T + np.diag(draw.uniform(0.3, 0.8, assets))
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(scale, scale)
    model = gbm.GbmParameters.given(
        tuple(f"A{i}" for i in range(assets)),
        drift=np.full(assets, RATE),
        volatility=np.full(assets, volatility),
        correlation=correlation,
    )
    shift = np.full(assets, (RATE - volatility**2 / 2) * STEP)
    factor = volatility * math.sqrt(STEP) * np.linalg.cholesky(correlation)

    def in_numpy(paths: int, seed: int) -> Pair:
        draw = np.random.default_rng(seed)
        parts = []
        for start in range(0, paths, 1_000):
            count = min(1_000, paths - start)
            level, top, low = np.zeros((count, assets)), np.ones(count), np.ones(count)
            for _ in range(SESSIONS):
                level += draw.standard_normal((count, assets)) @ factor.T
                level += shift
                value = np.exp(level).mean(axis=1)
                np.maximum(top, value, out=top)
                np.minimum(low, value / top, out=low)
            parts.append((value, low - 1.0))
        return np.concatenate([end for end, _ in parts]), np.concatenate([fall for _, fall in parts])

    numbers = (shift.astype("f4"), np.ascontiguousarray(factor, "f4"), np.full(assets, 1 / assets, "f4"))
    square = math.exp(2 * RATE) * float(np.exp(volatility**2 * correlation).mean())
    return Case(
        title=f"b {assets} correlated assets, equal weights",
        engines=_engines(model, reference_paths.basket, numbers, None) | {"numpy, vectorised (float64)": in_numpy},
        exact={"mean": (lambda end: end, math.exp(RATE)), "square": (lambda end: end**2, square)},
        over_numpy=12,
        over_reference=0.5,
        paths=5_000,
    )


def heston_case() -> Case:
    speed, long_run, wild, leverage, first = 4.0, 0.06, 0.6, -0.7, 0.04
    given = {"drift": RATE, "mean_reversion": speed, "long_run_variance": long_run, "volatility_of_variance": wild,
             "leverage": leverage, "variance": first}  # fmt: skip
    model = heston.HestonParameters(
        assets=("A",), correlation=np.eye(1), **{name: np.array([value]) for name, value in given.items()}
    )
    rest = math.sqrt(1 - leverage**2)

    def begin(draw: np.random.Generator, count: int) -> Callable[[np.ndarray], None]:
        variance, z, w = np.full(count, first), np.empty(count), np.empty(count)

        def step(level: np.ndarray) -> None:
            draw.standard_normal(out=z)
            draw.standard_normal(out=w)
            v = np.maximum(variance, 0.0)
            root = np.sqrt(v * STEP)
            np.add(level, (RATE - 0.5 * v) * STEP + root * z, out=level)
            np.add(variance, speed * (long_run - v) * STEP + wild * root * (leverage * z + rest * w), out=variance)

        return step

    # Variances of one step, as the reference keeps them.
    numbers = [RATE * STEP, speed * STEP, long_run * STEP, wild * leverage * STEP, wild * rest * STEP, first * STEP]
    return Case(
        title="c Heston, full truncation",
        engines=_engines(model, reference_paths.heston, tuple(map(np.float32, numbers)), begin),
        exact=call(_analytic_heston(speed, long_run, wild, leverage, first)),
        others=(_quantlib("Heston", speed, long_run, wild, leverage, first),),
        over_numpy=12,
        over_reference=0.5,
    )


def merton_case() -> Case:
    volatility, jumps, jump_mean, jump_deviation = 0.2, 2.0, -0.05, 0.08
    growth = math.exp(jump_mean + jump_deviation**2 / 2) - 1
    given = {"drift": RATE, "volatility": volatility, "jumps_per_year": jumps, "jump_mean": jump_mean,
             "jump_deviation": jump_deviation}  # fmt: skip
    model = merton.MertonParameters(
        assets=("A",), correlation=np.eye(1), **{name: np.array([value]) for name, value in given.items()}
    )
    shift, deviation = (RATE - volatility**2 / 2 - jumps * growth) * STEP, volatility * math.sqrt(STEP)

    def begin(draw: np.random.Generator, count: int) -> Callable[[np.ndarray], None]:
        z = np.empty(count)

        def step(level: np.ndarray) -> None:
            draw.standard_normal(out=z)
            np.multiply(z, deviation, out=z)
            np.add(z, shift, out=z)
            np.add(level, z, out=level)
            # Few paths jump in a session: the sum of their number is drawn first, then whose they are.
            total = draw.poisson(jumps * STEP * count)
            where = draw.integers(0, count, total)
            np.add.at(level, where, draw.normal(jump_mean, jump_deviation, total))

        return step

    # The price is a mean of Black-Scholes prices over the number of jumps (Merton, 1976).
    exact = sum(
        math.exp(-jumps) * jumps**n / math.factorial(n)
        * black_scholes(
            RATE - jumps * growth + n * (jump_mean + jump_deviation**2 / 2),
            math.sqrt(volatility**2 + n * jump_deviation**2),
        )
        for n in range(40)
    )  # fmt: skip
    numbers = (np.float32(shift), np.float32(deviation), -jumps * STEP, np.float32(jump_mean),
               np.float32(jump_deviation))  # fmt: skip
    return Case(
        title="d Merton jump diffusion",
        engines=_engines(model, reference_paths.merton, numbers, begin),
        exact=call(exact),
        over_numpy=20,
        over_reference=0.5,
    )


def garch_case() -> Case:
    mean, omega, alpha, beta, first = 3e-4, 4e-6, 0.08, 0.89, 2e-4
    z = np.random.default_rng(1).standard_t(6, 2_520)
    residuals = (z - z.mean()) / z.std()
    given = {"mean": mean, "omega": omega, "alpha": alpha, "gamma": 0.0, "beta": beta, "variance": first}
    model = garch.GarchParameters(
        assets=("A",),
        residuals=residuals[:, None],
        **{name: np.array([value]) for name, value in given.items()},  # type: ignore[arg-type]
    )

    def begin(draw: np.random.Generator, count: int) -> Callable[[np.ndarray], None]:
        variance = np.full(count, first)

        def step(level: np.ndarray) -> None:
            surprise = np.sqrt(variance) * residuals[draw.integers(0, len(residuals), count, dtype=np.int32)]
            np.add(level, surprise + mean, out=level)
            np.multiply(variance, beta, out=variance)
            np.add(variance, omega + alpha * (surprise * surprise), out=variance)

        return step

    expected, total = first, 0.0
    for _ in range(SESSIONS):
        total += expected
        expected = omega + (alpha + beta) * expected
    numbers = (*map(np.float32, (mean, omega, alpha, beta, first)), residuals.astype(np.float32))
    return Case(
        title="e GARCH(1,1), filtered historical simulation",
        engines=_engines(model, reference_paths.garch, numbers, begin),
        exact={
            "log mean": (np.log, SESSIONS * mean),
            "log variance": (lambda end: (np.log(end) - SESSIONS * mean) ** 2, total),
        },
        others=(_arch(mean, omega, alpha, beta, residuals),),
        over_numpy=4.5,
        over_reference=0.5,
    )


def _engines(model: Parameters, kernel: Callable[..., None], numbers: tuple[Any, ...], begin: Any) -> dict[str, Draw]:
    found: dict[str, Draw] = {
        "quantdesk, float32, 2 threads": partial(ours, model, "float32", 2),
        "quantdesk, float32, 1 thread": partial(ours, model, "float32", 1),
        "quantdesk, float64, 2 threads": partial(ours, model, "float64", 2),
        "reference kernel, float32, 2 threads": lambda paths, seed: reference_paths.run(
            kernel, numbers, paths, SESSIONS, seed=seed
        ),
    }
    if begin is not None:
        found["numpy, vectorised (float64)"] = partial(in_blocks, begin)
    return found


def _quantlib(model: str, *numbers: float) -> Engine:
    """Return QuantLib's path engine: prices of the call only, on a tenth of the paths."""
    import QuantLib as ql  # noqa: N813

    option, process = _quantlib_option(ql, model, *numbers)
    engine = ql.MCEuropeanEngine if model == "BlackScholes" else ql.MCEuropeanHestonEngine

    def price() -> float:
        option.setPricingEngine(
            engine(process, "PseudoRandom", timeSteps=SESSIONS, requiredSamples=PATHS // 10, seed=42)
        )
        return float(option.NPV())

    return Engine(name=f"QuantLib {ql.__version__} (float64, price only, pro rata)", work=price, share=0.1)


def _quantlib_option(ql: Any, model: str, *numbers: float) -> tuple[Any, Any]:
    today = ql.Date(2, 1, 2023)
    ql.Settings.instance().evaluationDate = today
    days = ql.Actual365Fixed()
    quote = ql.QuoteHandle(ql.SimpleQuote(1.0))
    rate = ql.YieldTermStructureHandle(ql.FlatForward(today, RATE, days))
    none = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, days))
    if model == "BlackScholes":
        flat = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), numbers[0], days))
        process = ql.BlackScholesMertonProcess(quote, none, rate, flat)
    else:
        speed, long_run, wild, leverage, first = numbers
        process = ql.HestonProcess(
            rate, none, quote, first, speed, long_run, wild, leverage, ql.HestonProcess.QuadraticExponential
        )
    return ql.VanillaOption(ql.PlainVanillaPayoff(ql.Option.Call, STRIKE), ql.EuropeanExercise(today + 365)), process


def _analytic_heston(*numbers: float) -> float:
    import QuantLib as ql  # noqa: N813

    option, process = _quantlib_option(ql, "Heston", *numbers)
    option.setPricingEngine(ql.AnalyticHestonEngine(ql.HestonModel(process), 192))
    return float(option.NPV())


def _arch(mean: float, omega: float, alpha: float, beta: float, residuals: np.ndarray) -> Engine:
    """Return arch's bootstrap forecast from the same parameters, in percent as it wants them."""
    import arch

    variance, values = omega / (1 - alpha - beta), []
    for z in residuals:
        values.append(mean + math.sqrt(variance) * z)
        variance = omega + alpha * (values[-1] - mean) ** 2 + beta * variance
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fixed = arch.arch_model(100 * np.array(values), rescale=False).fix([100 * mean, 1e4 * omega, alpha, beta])

    def work() -> object:
        draw = np.random.RandomState(1)
        return fixed.forecast(
            horizon=SESSIONS, method="bootstrap", simulations=PATHS // 5, random_state=draw, reindex=False
        )

    return Engine(name=f"arch {arch.__version__} (paths only, pro rata)", work=work, share=0.2)


def largest_score(case: Case, draw: Draw) -> float:
    """Return the largest distance from an exact expectation over all seeds, in standard errors."""
    values: dict[str, list[float]] = {name: [] for name in case.exact}
    errors: dict[str, list[float]] = {name: [] for name in case.exact}
    for seed in range(SEEDS):
        end = draw(min(SEED_PATHS, case.paths // 2), seed)[0].astype(float)
        for name, (read, _) in case.exact.items():
            sample = read(end)
            values[name].append(float(sample.mean()))
            errors[name].append(float(sample.var() / len(sample)))
    return max(
        abs(np.mean(values[name]) - exact) / (math.sqrt(np.sum(errors[name])) / SEEDS)
        for name, (_, exact) in case.exact.items()
    )


def exceeds(estimates: int) -> float:
    """Return the chance that the largest of independent, unbiased estimates is more than 3 standard errors off."""
    return 1.0 - (1.0 - math.erfc(3.0 / math.sqrt(2.0))) ** estimates


def measure(case: Case) -> None:
    scores = {name: largest_score(case, draw) for name, draw in case.engines.items()}
    found = {name: statistics_of(draw(case.paths, 1)) for name, draw in case.engines.items()}
    first = next(iter(found.values()))
    apart = max(abs(a - b) for other in found.values() for a, b in zip(other, first, strict=True))
    timed = [
        Engine(name=name, work=lambda draw=draw: statistics_of(draw(case.paths, 1)))  # type: ignore[misc]
        for name, draw in case.engines.items()
    ]
    estimates = len(scores) * len(case.exact)
    worst = max(scores, key=lambda name: scores[name])
    fastest = compare(
        f"Monte Carlo {case.title}, {case.paths:,} paths x {SESSIONS} sessions: call, VaR, mean drawdown",
        [*timed, *case.others],
        # Short rounds: more of them, so that one of each engine is hardly disturbed.
        repeats=25,
        agreement=f"{estimates} estimates over {SEEDS} seeds, at most {scores[worst]:.1f} standard errors from "
        f"{' and '.join(case.exact)} ({worst}; {exceeds(estimates):.0%} is the chance that the "
        f"largest of so many right ones is above 3); statistics within {apart:.3f} of each other",
    )
    best = fastest["quantdesk, float32, 2 threads"]
    short = case.title[2:].split(", ")[0]
    # The bar is for our engines, each estimate by itself; a peer's, and the reference's that allows one jump a session,
    # stand in the line above.
    own = max(score for name, score in scores.items() if name.startswith("quantdesk"))
    bar(f"Monte Carlo {short}: unbiased, standard errors over {SEEDS} seeds", own, at_most=3)
    bar(f"Monte Carlo {short}: x numpy", fastest["numpy, vectorised (float64)"] / best, at_least=case.over_numpy)
    reference = fastest["reference kernel, float32, 2 threads"] / best
    bar(f"Monte Carlo {short}: x reference kernel", reference, at_least=case.over_reference)
    if case.over_quantlib is not None:
        quantlib = next(fastest[name] for name in fastest if name.startswith("QuantLib"))
        bar(f"Monte Carlo {short}: x QuantLib's path engine", quantlib / best, at_least=case.over_quantlib)


def linear() -> None:
    """Print how cost grows to ten times the paths."""
    model = gbm.GbmParameters.given(("A",), drift=np.array([RATE]), volatility=np.array([0.25]))
    times = []
    for paths in (PATHS, 10 * PATHS):
        ours(model, "float32", 2, paths, 1)
        rounds = []
        for _ in range(5):
            start = time.perf_counter()
            ours(model, "float32", 2, paths, 1)
            rounds.append(time.perf_counter() - start)
        times.append(min(rounds))
    bar("Monte Carlo: cost of 10x the paths, per path", times[1] / times[0] / 10, at_most=1.3)


def main() -> None:
    for case in (gbm_case, basket_case, heston_case, merton_case, garch_case):
        measure(case())
    linear()


if __name__ == "__main__":
    header()
    main()
