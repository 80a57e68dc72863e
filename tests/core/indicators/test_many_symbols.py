"""Many indicators of many symbols at once are what each call on its own gives, whatever the symbols look like."""

import numpy as np
import pandas as pd
import pytest

from core.errors import InvalidInput, UnknownName
from core.indicators import catalogue
from core.indicators.catalogue import INDICATORS, compute, compute_all


def bars(seed, sessions=300):
    generator = np.random.default_rng(seed)
    close = 60.0 * np.exp(np.cumsum(generator.normal(0.0, 0.015, sessions)))
    return {
        "open": close * (1.0 + generator.normal(0.0, 0.003, sessions)),
        "high": close * (1.0 + np.abs(generator.normal(0.0, 0.006, sessions))),
        "low": close * (1.0 - np.abs(generator.normal(0.0, 0.006, sessions))),
        "close": close,
        "volume": generator.integers(1_000, 1_000_000, sessions).astype(float),
    }


def with_gaps(fields, places):
    return {name: np.where(np.isin(np.arange(len(part)), places), np.nan, part) for name, part in fields.items()}


SYMBOLS = {
    "plain": [bars(1), bars(2), bars(3)],
    "of different lengths": [bars(4, 250), bars(5, 400), bars(6, 60)],
    "with gaps": [bars(7), with_gaps(bars(8), [0, 50, 51]), with_gaps(bars(9), [299])],
    "as lists": [bars(10), {name: part.tolist() for name, part in bars(11).items()}],
    "as float32": [bars(12), {name: part.astype(np.float32) for name, part in bars(13).items()}],
    "not contiguous": [bars(14), {name: np.repeat(part, 2)[::2] for name, part in bars(15).items()}],
    "read-only": [bars(16), bars(17)],
    "one alone": [bars(18)],
    "none": [],
}
for part in SYMBOLS["read-only"][1].values():
    part.setflags(write=False)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", SYMBOLS)
def test_every_indicator_equals_a_call_of_its_own(kind, threads):
    wanted = [(name, {}) for name in INDICATORS]
    found = compute_all(wanted, SYMBOLS[kind], threads=threads)
    assert len(found) == len(SYMBOLS[kind])
    for fields, outputs in zip(SYMBOLS[kind], found, strict=True):
        for name, by_output in zip(INDICATORS, outputs, strict=True):
            alone = compute(name, fields)
            assert list(by_output) == list(alone)
            for output, values in by_output.items():
                np.testing.assert_array_equal(values, alone[output], err_msg=f"{name} {output}")


def test_parameters_are_those_asked_for():
    wanted = [("sma", {"period": 7}), ("bollinger", {"deviations": 3}), ("sma", {}), ("macd", {"fast": 5, "slow": 20})]
    symbols = [bars(20), bars(21)]
    for fields, (short, bands, usual, lines) in zip(symbols, compute_all(wanted, symbols), strict=True):
        np.testing.assert_allclose(short["sma"][6:], np.convolve(fields["close"], np.ones(7) / 7, "valid"))
        np.testing.assert_allclose(usual["sma"][19:], np.convolve(fields["close"], np.ones(20) / 20, "valid"))
        middle = usual["sma"]
        deviation = pd.Series(fields["close"]).rolling(20).std(ddof=0)
        np.testing.assert_allclose(bands["upper"], middle + 3.0 * deviation)
        np.testing.assert_array_equal(lines["signal"], compute("macd", fields, fast=5, slow=20)["signal"])


def test_a_long_list_is_cut_into_runs_without_a_seam(monkeypatch):
    symbols = [bars(seed, 40 + seed) for seed in range(31)]
    wanted = [("rsi", {}), ("macd", {"slow": 20})]
    whole = compute_all(wanted, symbols)
    monkeypatch.setattr(catalogue, "_RUN_SESSIONS", 150)
    for threads in (1, 2, 3):
        for one, other in zip(whole, compute_all(wanted, symbols, threads=threads), strict=True):
            assert [list(part) for part in other] == [["rsi"], ["macd", "signal", "histogram"]]
            for left, right in zip(one, other, strict=True):
                for output, values in left.items():
                    np.testing.assert_array_equal(values, right[output])


def test_the_fields_of_the_symbols_stay_as_they_were():
    symbols = [bars(26), with_gaps(bars(27), [3])]
    before = [{name: part.copy() for name, part in fields.items()} for fields in symbols]
    compute_all([(name, {}) for name in INDICATORS], symbols)
    for fields, kept in zip(symbols, before, strict=True):
        for name, part in fields.items():
            np.testing.assert_array_equal(part, kept[name])


def test_no_output_shares_memory_with_another():
    symbols = [bars(24, 90), bars(25, 40), bars(26, 90)]
    found = compute_all([(name, {}) for name in INDICATORS], symbols, threads=2)
    parts = [part for outputs in found for by_output in outputs for part in by_output.values()]
    before = [part.copy() for part in parts]
    for number, part in enumerate(parts):
        part[:] = float(number)
    assert all((part == number).all() for number, part in enumerate(parts))
    assert {len(part) for part in before} == {40, 90}


def test_closes_alone_are_enough_for_what_needs_no_more():
    symbols = [{"close": bars(seed)["close"]} for seed in (22, 23)]
    found = compute_all([("rsi", {}), ("zscore", {"period": 10})], symbols)
    assert all([list(outputs) for outputs in part] == [["rsi"], ["zscore"]] for part in found)


@pytest.mark.parametrize(
    ("wanted", "symbols", "error", "message"),
    [
        ([("sma7", {})], [bars(1)], UnknownName, "indicator"),
        ([("sma", {"span": 5})], [bars(1)], UnknownName, "parameter of sma"),
        ([("sma", {"period": -1})], [bars(1), bars(2)], InvalidInput, "period is -1"),
        ([("atr", {})], [{"close": bars(1)["close"]}], InvalidInput, "missing: high, low"),
        ([("atr", {})], [bars(1), {"close": bars(1)["close"]}], InvalidInput, "missing: high, low"),
        ([("atr", {})], [bars(1), bars(2) | {"high": np.ones(3)}], InvalidInput, "shape"),
    ],
)
def test_what_does_not_fit_is_named(wanted, symbols, error, message):
    with pytest.raises(error, match=message):
        compute_all(wanted, symbols)


# What one value more does to the last output, streamed session by session.
@pytest.mark.parametrize("name", sorted(INDICATORS))
def test_streaming_gives_what_the_batch_gives(name):
    fields = bars(30, 120)
    whole = compute(name, fields)
    for sessions in (1, 2, 30, 45, 90, 119):
        so_far = compute(name, {key: part[:sessions] for key, part in fields.items()})
        for output, values in so_far.items():
            np.testing.assert_allclose(values, whole[output][:sessions], rtol=1e-9, atol=1e-9, err_msg=output)


def test_there_are_at_least_forty():
    assert len(INDICATORS) >= 40
    assert all(spec.description and spec.outputs for spec in INDICATORS.values())
