"""Hold the reference kernels of Monte Carlo: one model and one use each, single precision, written by hand.

They share the product's generator and polynomials, so a ratio to them shows what the general engine costs, not what
the generator does.
"""

# ruff: noqa: ANN001, ANN201, ANN202  # kernels: numba finds the types

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.domain.kernel import fused_kernel
from core.simulators.stochastic.stream import BLOCK_PATHS, exponential_32, fill_normal_32, fill_words, over_blocks

Pair = tuple[np.ndarray, np.ndarray]
F = np.float32


def run(kernel: Callable[..., None], numbers: tuple[object, ...], paths: int, sessions: int, *, seed: int) -> Pair:
    """Return the final growth and the largest fall of every path, on two threads."""
    end, fall = np.empty(paths, np.float32), np.empty(paths, np.float32)

    def draw(state: np.ndarray, part: slice) -> None:
        kernel(state, sessions, *numbers, end[part], fall[part])

    over_blocks(paths, seed, "reference", 2, draw)
    return end, fall


@fused_kernel
def _finish(level, low, end, fall):
    for p in range(len(end)):
        end[p] = exponential_32(level[p])
        fall[p] = exponential_32(low[p]) - F(1.0)


@fused_kernel
def gbm(state, sessions, shift, deviation, end, fall):
    z = np.empty(BLOCK_PATHS, F)
    level, top, low = np.zeros(BLOCK_PATHS, F), np.zeros(BLOCK_PATHS, F), np.zeros(BLOCK_PATHS, F)
    for _ in range(sessions):
        fill_normal_32(state, z)
        for p in range(BLOCK_PATHS):
            x, most, least = level[p] + (shift + deviation * z[p]), top[p], low[p]
            most = x if x > most else most
            least = x - most if x - most < least else least
            level[p] = x
            top[p] = most
            low[p] = least
    _finish(level, low, end, fall)


@fused_kernel
def heston(state, sessions, rate, speed, long_run, pull, rest, first, end, fall):
    z, w = np.empty(BLOCK_PATHS, F), np.empty(BLOCK_PATHS, F)
    level, top, low = np.zeros(BLOCK_PATHS, F), np.zeros(BLOCK_PATHS, F), np.zeros(BLOCK_PATHS, F)
    variance = np.full(BLOCK_PATHS, first)
    for _ in range(sessions):
        fill_normal_32(state, z)
        fill_normal_32(state, w)
        for p in range(BLOCK_PATHS):
            v = variance[p] if variance[p] > F(0.0) else F(0.0)
            root = F(np.sqrt(v))
            variance[p] += speed * (long_run - v) + root * (pull * z[p] + rest * w[p])
            x = level[p] + (rate - F(0.5) * v) + root * z[p]
            level[p] = x
            most, least = top[p], low[p]
            most = x if x > most else most
            least = x - most if x - most < least else least
            top[p] = most
            low[p] = least
    _finish(level, low, end, fall)


@fused_kernel
def _gap(word, log_none):
    return int(np.log((float(word >> np.uint64(11)) + 0.5) / 9007199254740992.0) / log_none)


@fused_kernel
def merton(state, sessions, shift, deviation, log_none, jump_mean, jump_deviation, end, fall):
    """Skip cells without a jump; at most one jump a session, which a few jumps a year allow."""
    z, size = np.empty(BLOCK_PATHS, F), np.empty(BLOCK_PATHS, F)
    words = np.empty(BLOCK_PATHS, np.uint64)
    level, top, low = np.zeros(BLOCK_PATHS, F), np.zeros(BLOCK_PATHS, F), np.zeros(BLOCK_PATHS, F)
    fill_words(state, words)
    fill_normal_32(state, size)
    after = _gap(words[0], log_none)
    used = 1
    for _ in range(sessions):
        fill_normal_32(state, z)
        for p in range(BLOCK_PATHS):
            level[p] += shift + deviation * z[p]
        while after < BLOCK_PATHS:
            if used == BLOCK_PATHS:
                fill_words(state, words)
                fill_normal_32(state, size)
                used = 0
            level[after] += jump_mean + jump_deviation * size[used]
            after += 1 + _gap(words[used], log_none)
            used += 1
        after -= BLOCK_PATHS
        for p in range(BLOCK_PATHS):
            x = level[p]
            most, least = top[p], low[p]
            most = x if x > most else most
            least = x - most if x - most < least else least
            top[p] = most
            low[p] = least
    _finish(level, low, end, fall)


@fused_kernel
def garch(state, sessions, mean, omega, alpha, beta, first, residuals, end, fall):
    rows = np.uint64(len(residuals))
    words = np.empty(BLOCK_PATHS // 2, np.uint64)
    bits = words.view(np.uint32)
    z = np.empty(BLOCK_PATHS, F)
    level, top, low = np.zeros(BLOCK_PATHS, F), np.zeros(BLOCK_PATHS, F), np.zeros(BLOCK_PATHS, F)
    variance = np.full(BLOCK_PATHS, first)
    for _ in range(sessions):
        fill_words(state, words)
        for p in range(BLOCK_PATHS):
            z[p] = residuals[np.int32((np.uint64(bits[p]) * rows) >> np.uint64(32))]
        for p in range(BLOCK_PATHS):
            surprise = F(np.sqrt(variance[p])) * z[p]
            variance[p] = omega + alpha * (surprise * surprise) + beta * variance[p]
            x = level[p] + (mean + surprise)
            level[p] = x
            most, least = top[p], low[p]
            most = x if x > most else most
            least = x - most if x - most < least else least
            top[p] = most
            low[p] = least
    _finish(level, low, end, fall)


@fused_kernel
def basket(state, sessions, shift, factor, weights, end, fall):
    """Follow an equally weighted book of correlated assets; `factor` is lower triangular."""
    assets = len(shift)
    z = np.empty((assets, BLOCK_PATHS), F)
    level = np.zeros((assets, BLOCK_PATHS), F)
    value = np.ones(BLOCK_PATHS, F)
    top, low = np.ones(BLOCK_PATHS, F), np.ones(BLOCK_PATHS, F)
    for _ in range(sessions):
        for a in range(assets):
            fill_normal_32(state, z[a])
        value[:] = F(0.0)
        for a in range(assets):
            row = level[a]
            b = 0
            first = shift[a]
            while b + 4 <= a + 1:
                c, d, e, f = factor[a, b], factor[a, b + 1], factor[a, b + 2], factor[a, b + 3]
                g, h, i, j = z[b], z[b + 1], z[b + 2], z[b + 3]
                for p in range(BLOCK_PATHS):
                    row[p] += first + ((c * g[p] + d * h[p]) + (e * i[p] + f * j[p]))
                first = F(0.0)
                b += 4
            while b <= a:
                c = factor[a, b]
                g = z[b]
                for p in range(BLOCK_PATHS):
                    row[p] += first + c * g[p]
                first = F(0.0)
                b += 1
            for p in range(BLOCK_PATHS):
                value[p] += weights[a] * exponential_32(row[p])
        for p in range(BLOCK_PATHS):
            x, most, least = value[p], top[p], low[p]
            most = x if x > most else most
            share = x / most
            least = share if share < least else least
            top[p] = most
            low[p] = least
    for p in range(len(end)):
        end[p] = value[p]
        fall[p] = low[p] - F(1.0)
