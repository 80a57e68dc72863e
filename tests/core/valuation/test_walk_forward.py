from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.market_path import MarketPath
from core.errors import InvalidInput, NoData
from core.strategies.sma_crossover import SmaCrossover
from core.valuation.backtest import run
from core.valuation.overfitting import probability_of_overfitting
from core.valuation.sweep import sharpe_ratios
from core.valuation.terms import Costs
from core.valuation.walk_forward import walk_forward, walk_forward_folds


@given(
    sessions=st.integers(1, 3000),
    train=st.integers(1, 600),
    test=st.integers(1, 300),
    embargo=st.integers(0, 30),
    anchored=st.booleans(),
)
def test_tests_tile_time_and_never_touch_their_training(sessions, train, test, embargo, anchored):
    if sessions <= train + embargo:
        with pytest.raises(NoData):
            walk_forward_folds(sessions, train=train, test=test, embargo=embargo, anchored=anchored)
        return
    folds = walk_forward_folds(sessions, train=train, test=test, embargo=embargo, anchored=anchored)
    tested = [t for fold in folds for t in range(fold.test_start, fold.test_end)]
    assert tested == list(range(train + embargo, sessions))
    for fold in folds:
        assert fold.train_end + embargo == fold.test_start
        assert fold.train_end - fold.train_start >= train
        assert anchored is False or fold.train_start == 0


def test_noise_is_overfit_about_half_the_time():
    generator = np.random.default_rng(3)
    found = [
        probability_of_overfitting(generator.normal(0.0, 0.01, (600, 12)), blocks=8).probability for _ in range(60)
    ]
    assert np.mean(found) == pytest.approx(0.5, abs=0.08)


def test_a_true_edge_is_not_called_overfit():
    generator = np.random.default_rng(4)
    returns = generator.normal(0.0, 0.01, (1500, 20))
    returns[:, 7] += 0.002
    found = probability_of_overfitting(returns)
    assert found.splits == 252
    assert found.probability < 0.02
    assert found.loss_probability < 0.02


def test_a_variant_that_is_the_mirror_of_another_is_always_overfit():
    # What is best in one half is worst in the other when the halves are mirror images.
    generator = np.random.default_rng(1)
    half = generator.normal(0.0, 0.01, (200, 6))
    found = probability_of_overfitting(np.concatenate((half, -half)), blocks=2)
    assert found.probability == 1.0


def test_score_is_the_sharpe_ratio():
    returns = np.random.default_rng(1).normal(0.001, 0.01, (50, 3))
    np.testing.assert_allclose(sharpe_ratios(returns, 1), returns.mean(axis=0) / returns.std(axis=0, ddof=1))
    assert np.isnan(sharpe_ratios(np.full((5, 1), 0.25), 1)[0])


def test_bad_inputs():
    with pytest.raises(InvalidInput, match="at least 2 variants"):
        probability_of_overfitting(np.zeros((100, 1)))
    with pytest.raises(InvalidInput, match="blocks is 7"):
        probability_of_overfitting(np.zeros((100, 3)), blocks=7)
    with pytest.raises(InvalidInput, match="train 0"):
        walk_forward_folds(100, train=0, test=5)


def by_definition(returns, blocks, purge):
    """CSCV split by split, with the returns themselves."""
    parts = np.array_split(np.arange(len(returns)), blocks)
    logits = []
    for chosen in combinations(range(blocks), blocks // 2):
        inside = []
        for i in chosen:
            rows = parts[i]
            rows = rows[purge:] if i and i - 1 not in chosen else rows
            rows = rows[: len(rows) - purge] if i < blocks - 1 and i + 1 not in chosen else rows
            inside.append(rows)
        train = returns[np.concatenate(inside)]
        test = returns[np.concatenate([parts[i] for i in range(blocks) if i not in chosen])]
        best = np.argmax(train.mean(axis=0) / train.std(axis=0, ddof=1))
        score = test.mean(axis=0) / test.std(axis=0, ddof=1)
        rank = (np.sum(score < score[best]) + 1.0) / (returns.shape[1] + 1.0)
        logits.append(np.log(rank / (1.0 - rank)))
    return np.array(logits)


@pytest.mark.parametrize(("blocks", "purge"), [(6, 0), (8, 0), (6, 7), (8, 3)])
def test_sums_per_block_give_what_the_definition_gives(blocks, purge):
    returns = np.random.default_rng(blocks).normal(0.0004, 0.01, (500, 7))
    found = probability_of_overfitting(returns, blocks=blocks, purge_sessions=purge)
    np.testing.assert_allclose(found.logits, by_definition(returns, blocks, purge), atol=1e-9)


def test_a_purge_longer_than_a_block_is_refused():
    with pytest.raises(InvalidInput, match="purge_sessions"):
        probability_of_overfitting(np.random.default_rng(1).normal(size=(100, 3)), purge_sessions=9)


def market(sessions=1500, seed=2):
    drift = np.where((np.arange(sessions) // 100) % 2 == 0, 0.003, -0.003)
    draw = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(drift + draw.normal(0.0, 0.005, sessions)))
    times = np.busday_offset(np.datetime64("2010-01-01"), np.arange(sessions), roll="forward")
    return MarketPath(
        close=close[None, :, None], times=times, assets=("A",), as_of=datetime(2020, 1, 1, tzinfo=UTC), source="drawn"
    )


def candidates():
    return [SmaCrossover(fast=fast, slow=slow) for fast, slow in ((5, 20), (10, 40), (40, 200))]


def test_each_fold_follows_the_best_of_its_training():
    path = market()
    found = walk_forward(candidates(), path, train=400, test=200, costs=Costs(fee_bps=5))
    table = np.stack([run(part, path, costs=Costs(fee_bps=5)).returns[0] for part in candidates()], axis=1)
    for fold, chosen in zip(found.folds, found.chosen, strict=True):
        part = table[fold.train_start : fold.train_end]
        assert chosen == np.argmax(part.mean(axis=0) / part.std(axis=0, ddof=1))
    # Away from the borders the stitched backtest does what the chosen candidate does.
    inner = slice(found.folds[0].test_start + 2, found.folds[0].test_end - 2)
    np.testing.assert_allclose(found.result.returns[0, inner], table[inner, found.chosen[0]], atol=1e-12)
    assert found.efficiency > 0.3
    assert found.first == 400


def test_one_candidate_is_simply_that_candidate():
    path = market()
    found = walk_forward(candidates()[:1], path, train=300, test=100)
    whole = run(candidates()[0], path)
    np.testing.assert_allclose(found.result.returns[0, 302:], whole.returns[0, 302:], atol=1e-12)


def test_the_future_changes_no_choice():
    path = market()
    close = path.close.copy()
    close[:, 900:] *= np.linspace(1.0, 3.0, 600)[None, :, None]
    ours = walk_forward(candidates(), path, train=400, test=100, embargo=5)
    theirs = walk_forward(candidates(), replace(path, close=close), train=400, test=100, embargo=5)
    known = sum(fold.train_end <= 900 for fold in ours.folds)
    assert known >= 4
    assert ours.chosen[:known] == theirs.chosen[:known]
    np.testing.assert_array_equal(ours.result.equity[0, :900], theirs.result.equity[0, :900])
