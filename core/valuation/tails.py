"""Select the lowest and the highest values of many series without sorting the rest."""

from __future__ import annotations

import numpy as np

from core.domain.kernel import Float64Array, kernel

_BINS = 1024


def outermost(block: Float64Array, count: int) -> tuple[Float64Array, Float64Array]:
    """Return the `count` lowest and the `count` highest values of each row, both ascending, as (series, count).

    `block` (series, time) has no NaN, and 1 <= count <= time.
    """
    series, length = block.shape
    low, high = np.empty((2, series, length + 1))
    most_low, most_high = _collect(block, count, low, high)
    return np.sort(low[:, :most_low], axis=1)[:, :count], np.sort(high[:, :most_high], axis=1)[:, -count:]


@kernel
def _collect(block: Float64Array, count: int, low: Float64Array, high: Float64Array) -> tuple[int, int]:
    """Copy the values in the outer ones of bins of equal width that hold `count`; return the columns that are filled.

    What a row leaves of them is infinite, so that a sort moves it behind (`low`) or before (`high`) its values.
    """
    series, length = block.shape
    tally = np.empty(_BINS, np.int64)
    place = np.empty(length, np.int32)
    found = np.empty((series, 2), np.int64)
    for s in range(series):
        row = block[s]
        least, most = row[0], row[0]
        for t in range(length):
            least = min(least, row[t])
            most = max(most, row[t])
        scale = (_BINS - 1) / (most - least) if most > least else 0.0
        for t in range(length):
            # An infinite value has no place, and is kept with all others in the first bin.
            place[t] = max(np.int32((row[t] - least) * scale), np.int32(0))
        tally[:] = 0
        for t in range(length):
            tally[place[t]] += 1
        first, below = 0, tally[0]
        while below < count:
            first += 1
            below += tally[first]
        last, above = _BINS - 1, tally[_BINS - 1]
        while above < count:
            last -= 1
            above += tally[last]
        # Written always and kept by the count: a branch on a random value would be mispredicted.
        i, j = 0, 0
        for t in range(length):
            low[s, i] = row[t]
            i += place[t] <= first
            high[s, j] = row[t]
            j += place[t] >= last
        found[s, 0], found[s, 1] = below, above
    most_low, most_high = found[:, 0].max(), found[:, 1].max()
    for s in range(series):
        low[s, found[s, 0] : most_low] = np.inf
        high[s, found[s, 1] : most_high] = -np.inf
    return most_low, most_high
