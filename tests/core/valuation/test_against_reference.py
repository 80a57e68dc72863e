"""The engine and the sweep against kernels written apart from them, for benchmarks."""

import numpy as np
import pytest

from benchmarks import event_backtest, reference_engine
from core.valuation.sweep import sweep_crossovers
from core.valuation.terms import Costs


@pytest.fixture(params=range(4))
def data(request):
    return event_backtest.bars(3_000, seed=request.param)


def test_the_engine_makes_the_fills_of_a_generic_order_book(data):
    found = event_backtest.fills_of(event_backtest.ours(event_backtest.path_of(data)))
    expected = event_backtest.reference(data)
    assert len(found) > 40
    np.testing.assert_array_equal(found[:, :2], expected[:, :2])
    np.testing.assert_allclose(found[:, 2], expected[:, 2], rtol=1e-12)


def test_the_same_rule_in_python_makes_the_same_fills(data):
    path = event_backtest.path_of(data)
    whole = event_backtest.ours(path)
    woken = event_backtest.ours(path, strategy=event_backtest.InPython())
    np.testing.assert_array_equal(event_backtest.fills_of(woken), event_backtest.fills_of(whole))
    np.testing.assert_array_equal(woken.equity, whole.equity)


def test_some_of_them_are_stops(data):
    result = event_backtest.ours(event_backtest.path_of(data))
    assert (result.trades.reason == 1).sum() >= 1
    assert (result.trades.reason == 0).sum() >= 10


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("pairs", [[(5, 20)], [(3, 7), (10, 30), (2, 50)], [(1, 2)]])
def test_a_sweep_is_that_of_the_special_kernel(seed, pairs):
    draw = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(draw.normal(0.0003, 0.02, (500, 5)), axis=0))
    ours = sweep_crossovers(close, pairs, costs=Costs(fee_bps=10, slippage_bps=5))
    windows = np.array(sorted({window for pair in pairs for window in pair}))
    index = np.searchsorted(windows, np.array(pairs))
    out = np.empty((5, len(pairs), 3))
    # The same source without the compiler: a kernel of one benchmark is not worth seconds of compiling here.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference_engine, "prange", range)
        reference_engine.sweep.py_func(
            np.ascontiguousarray(close.T), windows, index, 0.9995 * 0.999, 1.0005 * 1.001, out
        )
    np.testing.assert_allclose(ours.total_return, out[..., 0].T, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.sharpe, out[..., 1].T * np.sqrt(252), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.max_drawdown, out[..., 2].T, rtol=1e-9, atol=1e-12)


def test_a_different_fill_is_found_out():
    one = np.array([[1.0, 1.0, 100.0], [3.0, -1.0, 101.0]])
    other = one.copy()
    other[1, 0] = 4.0
    with pytest.raises(SystemExit, match="first difference at 1"):
        event_backtest.same("peer", one, other)
    with pytest.raises(SystemExit, match="1 fills against 2"):
        event_backtest.same("peer", one[:1], one)
    other = one.copy()
    other[1, 2] = 101.0101
    assert event_backtest.same("peer", one, other) == pytest.approx(1e-4, rel=0.01)
