"""After the kernels were compiled ahead, a first real call compiles nothing; seen in processes of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import importlib, json, pkgutil
from datetime import UTC, datetime
import numpy as np
from core.simulators import summary
from core.simulators.compilation import compile_kernels
from core.simulators.stochastic.catalogue import MODELS, calibrate
from core.simulators.stochastic.engine import chunks, outcomes, simulate
from core.strategies.loader import available, load
from core.valuation import backtest, performance, relative
from core.valuation.robustness import neighbourhood
from core.valuation.sensitivity import delay_and_cost_sensitivity
from core.valuation.terms import Costs
from core.domain.market_path import MarketPath
from core.indicators.catalogue import INDICATORS, compute
from core.risk.stops import atr_stop

def kernels():
    found = {}
    for name in ("indicators", "valuation", "strategies", "simulators", "simulators.stochastic"):
        package = importlib.import_module(f"core.{name}")
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"core.{name}.{info.name}")
            for value in vars(module).values():
                if hasattr(value, "py_func") and value.__module__ == module.__name__:
                    found[f"{module.__name__}.{value.__name__}"] = value
    return found | {f"{name}_fill": spec.fill for name, spec in INDICATORS.items()}

def versions():
    return {name: sorted(map(str, kernel.signatures)) for name, kernel in kernels().items()}

compile_kernels([load(name) for name in available()])
ahead = versions()

generator = np.random.default_rng(1)
AS_OF = datetime(2021, 6, 30, tzinfo=UTC)
close = 50.0 * np.exp(np.cumsum(generator.normal(0, 0.01, (700, 3)), axis=0))
close[40, 0] = np.nan
close.setflags(write=False)
times = np.busday_offset(np.datetime64("2018-01-01"), np.arange(700), roll="forward")
for legs, names in ((1, ("A",)), (2, ("A", "B")), (3, ("A", "B", "C"))):
    part = close[None, :, :legs]
    for opens in (None, part):
        path = MarketPath(close=part, open=opens, times=times, assets=names, as_of=AS_OF, source="test")
        for name in available():
            strategy = load(name)
            if strategy.legs in (None, legs) and not (name in ("switch", "timed_spread") and legs == 1):
                result = backtest.run(strategy, path, capital=100_000)
                performance.performance(result.returns[0], sessions_per_year=365, risk_free=0.02)
crossover = load("sma_crossover", {"fast": 5, "slow": 20})
single = path.cut(0, 300)
delay_and_cost_sensitivity(crossover, single, Costs(fee_bps=1))
neighbourhood(crossover, single, costs=Costs(fee_bps=1))
frozen = np.array(generator.normal(0, 0.01, (5, 400)))
frozen.setflags(write=False)
performance.performance_table(frozen, threads=2)
relative.relative_table(frozen, frozen[0], threads=2)
relative.relative_performance(frozen[0], frozen[1])
for names in (("A",), ("A", "B", "C")):
    # Read-only, with a hole, as a store hands it over; a listing of one asset and of several.
    part = close[:, : len(names)]
    for model in MODELS:
        parameters = calibrate(model, part, names)
        how = {"sessions": 21, "seed": 5, "drift": "zero", "threads": 2}
        found = simulate(parameters, part[-1], paths=600, as_of=AS_OF, **how)
        summary.summarise(summary.book_values(found, {"A": 3.0}), found.times)
        outcomes(parameters, part[-1], {"A": 3.0}, cash=10.0, paths=600, **how)
        list(chunks(parameters, part[-1], paths=1024, chunk_paths=512, as_of=AS_OF, **how))
fields = {field: close[:, 1] for field in ("open", "high", "low", "close", "volume")}
for name in INDICATORS:
    compute(name, fields)
    compute(name, {field: values.astype("float32").tolist() for field, values in fields.items()},
            **{key: np.int64(7) if isinstance(value, int) else 1 for key, value in INDICATORS[name].parameters.items()})
atr_stop(close[:, 1], close[:, 1], close[:, 1])
compiled = {name: sum(kernel.stats.cache_misses.values()) for name, kernel in kernels().items()}
print(json.dumps({"ahead": ahead, "later": versions(), "compiled": compiled}))
"""


@pytest.fixture(scope="module")
def outcome():
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "kernel",
    [
        "core.valuation.engine.run_kernel",
        "core.valuation.trades.round_trips_kernel",
        "core.valuation.performance._measure",
        "core.valuation.relative._compare",
        "core.simulators.stochastic.gbm._gbm_block",
        "core.simulators.stochastic.merton._merton_block",
        "core.simulators.stochastic.merton._log_densities",
        "core.simulators.stochastic.heston._heston_block",
        "core.simulators.stochastic.heston._filter",
        "core.simulators.stochastic.garch._garch_block",
        "core.simulators.stochastic.garch._variances",
        "core.simulators.stochastic.bootstrap._bootstrap_block",
        "core.simulators.stochastic.regime._regime_block",
        "core.simulators.stochastic.regime._hamilton",
        "core.simulators.stochastic.copula._copula_block",
        "core.strategies.signal.hold",
        "core.strategies.signal._on_change",
        "core.strategies.hedge.residual_kernel",
        "core.strategies.volatility_target._beyond_tolerance",
        "parabolic_sar_fill",
    ],
)
def test_what_the_tools_call_is_compiled_ahead(outcome, kernel):
    assert outcome["ahead"][kernel]


def test_a_first_real_call_compiles_nothing(outcome):
    late = {name: versions for name, versions in outcome["later"].items() if versions != outcome["ahead"][name]}
    assert late == {}


def test_each_kernel_has_one_version(outcome):
    # A second version, for another type of the same argument, would cost a newcomer seconds in mid-question.
    assert {name for name, versions in outcome["later"].items() if len(versions) > 1} == set()


@pytest.mark.slow
def test_a_second_process_takes_the_kernels_from_the_disk(outcome):
    # numba counts what it had to compile; this process began after `outcome` had filled the cache.
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True)
    compiled = json.loads(done.stdout.splitlines()[-1])["compiled"]
    assert len(compiled) > 50
    assert {name: count for name, count in compiled.items() if count} == {}
