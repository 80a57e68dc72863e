"""The parts of the proof of the gate, small: what is drawn is what is said, and each strategy of the table is one."""

import numpy as np
import pytest

from benchmarks import prove_strategies
from core.strategies.loader import available, load
from core.strategies.timing import warmup


def test_noise_has_no_edge_and_the_edge_is_the_planted_one():
    draw = np.random.default_rng(1)
    noise = np.stack([prove_strategies._drawn(draw, 0.0) for _ in range(40)])
    sharpe = noise.mean(axis=1) / noise.std(axis=1) * np.sqrt(252)
    assert abs(sharpe.mean()) < 4 * np.sqrt(1 / 10 / sharpe.size)
    assert sharpe.std() == pytest.approx(np.sqrt(1 / 10), rel=0.1)
    planted = np.stack([prove_strategies._drawn(draw, 1.5) for _ in range(40)])
    best = (planted.mean(axis=1) / planted.std(axis=1) * np.sqrt(252)).sum(axis=1)
    assert best.mean() == pytest.approx(1.5, abs=4 * np.sqrt(20 / 10 / 40))


def test_few_noise_sweeps_of_rules_pass():
    # 25 draws at 5 %: more than 5 has a probability below 0.4 %.
    assert sum(prove_strategies._rules_on_noise(seed) for seed in range(25)) <= 5


@pytest.mark.parametrize("case", prove_strategies.CASES, ids=lambda case: case.title)
def test_a_strategy_of_the_table_exists(case):
    rule = load(case.strategy, case.parameters)
    assert case.strategy in available()
    assert rule.warmup_sessions < 600
    legs = {"single": 1, "pairs": 2, "flies": 3}.get(case.groups)
    assert rule.legs in (None, legs)


def test_there_are_at_least_twelve_different_ones():
    assert len({case.title for case in prove_strategies.CASES}) >= 12
    assert len({case.strategy for case in prove_strategies.CASES}) >= 12


@pytest.mark.parametrize("kind", ["PAIRS", "FLIES", "BASKETS"])
def test_groups_are_of_different_symbols(kind):
    for group in getattr(prove_strategies, kind):
        assert len(set(group)) == len(group)
        assert len(group) == {"PAIRS": 2, "FLIES": 3}.get(kind, len(group))


@pytest.mark.parametrize(
    ("passed", "draws", "bound", "most", "expected"),
    [
        (5, 100, 0.05, True, "yes"),
        (6, 100, 0.05, True, "**NO**"),
        (90, 100, 0.9, False, "yes"),
        (89, 100, 0.9, False, "**NO**"),
    ],
)
def test_a_bound_that_is_not_kept_is_said(passed, draws, bound, most, expected):
    assert prove_strategies._share(passed, draws, bound, most=most)[-1] == expected


def test_conditions_of_the_table_warm_up():
    assert warmup("sma(50) > sma(200) and adx(14) > 15") >= 250
    assert warmup("", "true") == 0


SHARED = prove_strategies.SHARED / "data" / "prices" / "us_etf_daily.csv.gz"


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data are not beside the checkout")
def test_a_pair_of_the_universe_is_judged():
    bars = prove_strategies._bars()
    assert len(bars) >= 60
    path = prove_strategies._path(("SPY", "QQQ"), bars)
    assert len(path.times) > 4000
    # Total return: SPY made about 13 to 15 % a year over these years.
    growth = (path.close[0, -1, 0] / path.close[0, 0, 0]) ** (252 / len(path.times)) - 1
    assert 0.10 < growth < 0.17
    events = prove_strategies._events()
    assert set(events.names) == {"CPI", "FOMC"}
    case = next(case for case in prove_strategies.CASES if case.strategy == "pair")
    own, wide, *_ = prove_strategies._judged(case, ("SPY", "QQQ"), bars, events)
    assert wide.trials > own.trials
    assert wide.deflated_sharpe <= own.deflated_sharpe
