"""Compute 30 indicators on 150 symbols: ours against TA-Lib called per symbol."""

from __future__ import annotations

import numpy as np
import talib

from benchmarks.table import Engine, bar, compare, header, largest_difference
from core.indicators.catalogue import Wanted, compute, compute_all

SYMBOLS, SESSIONS = 150, 2_520

CALLS = {
    "sma": lambda b: (talib.SMA(b["close"], 20),),
    "ema": lambda b: (talib.EMA(b["close"], 20),),
    "wma": lambda b: (talib.WMA(b["close"], 20),),
    "dema": lambda b: (talib.DEMA(b["close"], 20),),
    "tema": lambda b: (talib.TEMA(b["close"], 20),),
    "kama": lambda b: (talib.KAMA(b["close"], 10),),
    "macd": lambda b: talib.MACD(b["close"], 12, 26, 9),
    "rsi": lambda b: (talib.RSI(b["close"], 14),),
    "cmo": lambda b: (talib.CMO(b["close"], 14),),
    "stochastic": lambda b: talib.STOCH(b["high"], b["low"], b["close"], 14, 3, 0, 3, 0),
    "williams_r": lambda b: (talib.WILLR(b["high"], b["low"], b["close"], 14),),
    "cci": lambda b: (talib.CCI(b["high"], b["low"], b["close"], 20),),
    "ultimate_oscillator": lambda b: (talib.ULTOSC(b["high"], b["low"], b["close"], 7, 14, 28),),
    "roc": lambda b: (talib.ROC(b["close"], 10),),
    "momentum": lambda b: (talib.MOM(b["close"], 10),),
    "trix": lambda b: (talib.TRIX(b["close"], 15),),
    "bollinger": lambda b: talib.BBANDS(b["close"], 20, 2.0, 2.0, 0),
    "atr": lambda b: (talib.ATR(b["high"], b["low"], b["close"], 14),),
    "natr": lambda b: (talib.NATR(b["high"], b["low"], b["close"], 14),),
    "true_range": lambda b: (talib.TRANGE(b["high"], b["low"], b["close"]),),
    "adx": lambda b: (
        talib.ADX(b["high"], b["low"], b["close"], 14),
        talib.PLUS_DI(b["high"], b["low"], b["close"], 14),
        talib.MINUS_DI(b["high"], b["low"], b["close"], 14),
    ),
    "aroon": lambda b: talib.AROON(b["high"], b["low"], 14)[::-1],
    "parabolic_sar": lambda b: (talib.SAR(b["high"], b["low"], 0.02, 0.2),),
    "linear_regression": lambda b: (talib.LINEARREG(b["close"], 14),),
    "obv": lambda b: (talib.OBV(b["close"], b["volume"]),),
    "accumulation": lambda b: (talib.AD(b["high"], b["low"], b["close"], b["volume"]),),
    "chaikin_oscillator": lambda b: (talib.ADOSC(b["high"], b["low"], b["close"], b["volume"], 3, 10),),
    "mfi": lambda b: (talib.MFI(b["high"], b["low"], b["close"], b["volume"], 14),),
    "rolling_max": lambda b: (talib.MAX(b["close"], 20),),
    "rolling_min": lambda b: (talib.MIN(b["close"], 20),),
}


def symbols() -> list[dict[str, np.ndarray]]:
    generator = np.random.default_rng(1)
    out = []
    for _ in range(SYMBOLS):
        close = 80.0 * np.exp(np.cumsum(generator.normal(0.0002, 0.02, SESSIONS)))
        high = close * (1.0 + np.abs(generator.normal(0.0, 0.006, SESSIONS)))
        low = close * (1.0 - np.abs(generator.normal(0.0, 0.006, SESSIONS)))
        volume = generator.integers(1_000, 5_000_000, SESSIONS).astype(float)
        out.append({"close": close, "high": high, "low": low, "volume": volume})
    return out


def main() -> None:
    data = symbols()
    wanted: Wanted = [(name, {}) for name in CALLS]
    gap = 0.0
    for bars, found in zip(data[:20], compute_all(wanted, data[:20]), strict=True):
        for outputs, call in zip(found, CALLS.values(), strict=True):
            for ours, theirs in zip(outputs.values(), call(bars), strict=True):
                # A difference counts relative to the largest value: some indicators cross zero.
                gap = max(gap, largest_difference(ours, theirs) / max(1.0, float(np.nanmax(np.abs(theirs)))))
    engines = [
        Engine(name="quantdesk, 2 threads", work=lambda: compute_all(wanted, data, threads=2)),
        Engine(name="quantdesk, 1 thread", work=lambda: compute_all(wanted, data)),
        Engine(
            name="quantdesk, one call each with all checks",
            work=lambda: [compute(name, bars) for bars in data for name in CALLS],
        ),
        Engine(
            name=f"TA-Lib {talib.__version__}, per symbol",
            work=lambda: [call(bars) for bars in data for call in CALLS.values()],
        ),
    ]
    what = f"{len(CALLS)} indicators x {SYMBOLS} symbols x {SESSIONS:,} sessions"
    # Short rounds: more of them, so that one of each engine is hardly disturbed.
    times_of = compare(
        f"{what}, results in memory of their own, as in one run a day",
        engines,
        repeats=25,
        agreement=f"largest difference {gap:.1e} (20 symbols)",
        fresh_memory=True,
    )
    compare(f"{what}, run again and again: the allocator may hand out what the run before left", engines, repeats=25)
    bar("indicators: largest difference from TA-Lib", gap, at_most=1e-9)
    bar("indicators: x TA-Lib", list(times_of.values())[-1] / times_of["quantdesk, 2 threads"], at_least=2)


if __name__ == "__main__":
    header()
    main()
