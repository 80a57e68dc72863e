"""Estimate hedge ratios of a spread over trailing windows, and how far the spread is from its mean."""

from __future__ import annotations

import numpy as np

from core.domain.kernel import Float64Array, kernel
from core.errors import InvalidInput

METHODS: tuple[str, ...] = ("equal", "ols", "tls", "kalman", "risk", "pca")
_CHUNK = 4096


def hedge(logs: Float64Array, method: str, window: int, *, body: int = 0) -> tuple[Float64Array, Float64Array]:
    """Return ratios (time, legs), 1 for the body and the hedge of it for each wing, and z-scores (time,).

    `logs` (time, legs) are log prices without gaps; the spread is their sum times the ratios. Methods over the trailing
    `window` sessions:

    - equal: each wing -1 / wings;
    - ols: least squares of the body on the wings (Engle and Granger, 1987, first step);
    - tls: total least squares, the direction in which levels vary least, the same whichever leg is called the body;
    - kalman: the ratio follows a random walk whose one-step size is 1 / `window` of its own
      uncertainty (Chan, 2013, chapter 3, in its steady discounted form); the z-score is that of the forecast error;
    - risk: each wing carries the same share of the body's volatility;
    - pca: the direction in which changes vary least: a fly free of the two first components, level and slope.

    The z-score is the last deviation of the spread from its window mean over its standard deviation, 0 where it
    does not vary. NaN before a window is complete.
    """
    if method not in METHODS:
        raise InvalidInput(f"ratios is {method!r}, expected one of {', '.join(METHODS)}.")
    wings = [leg for leg in range(logs.shape[1]) if leg != body]
    if method == "kalman":
        return _kalman(logs, body, wings, window)
    if method in ("equal", "ols"):
        y, x = np.ascontiguousarray(logs[:, body]), np.ascontiguousarray(logs[:, wings])
        found, score = residual_kernel(y, x, window, method == "ols")
        ratios = np.empty(logs.shape)
        ratios[:, body] = 1.0
        ratios[:, wings] = -found
        ratios[np.isnan(found[:, 0]), body] = np.nan
        return ratios, score
    ratios = np.full(logs.shape, np.nan)
    score = np.full(len(logs), np.nan)
    # Changes need one more session than levels.
    first = window if method in ("risk", "pca") else window - 1
    for begin in range(first, len(logs), _CHUNK):
        end = min(begin + _CHUNK, len(logs))
        levels = np.lib.stride_tricks.sliding_window_view(logs[begin - window + 1 : end], window, axis=0)
        levels = levels - levels.mean(axis=2, keepdims=True)
        if method == "tls":
            found = _least(levels, body)
        else:
            changes = np.diff(logs[begin - window : end], axis=0)
            moves = np.lib.stride_tricks.sliding_window_view(changes, window, axis=0)
            moves = moves - moves.mean(axis=2, keepdims=True)
            found = _least(moves, body) if method == "pca" else _risk(moves, body, wings)
        ratios[begin:end] = found
        spread = (levels * found[:, :, None]).sum(axis=1)
        deviation = spread.std(axis=1, ddof=1)
        score[begin:end] = np.where(deviation > 1e-9, spread[:, -1] / np.where(deviation > 1e-9, deviation, 1.0), 0.0)
    return ratios, score


def _least(windows: Float64Array, body: int) -> Float64Array:
    """Return the direction of least variance, scaled to 1 for the body (equal wings where that cannot be)."""
    _, vectors = np.linalg.eigh(windows @ windows.transpose(0, 2, 1))
    least = vectors[:, :, 0]
    scale = least[:, [body]]
    fits = np.abs(scale) > 1e-6
    out: Float64Array = np.where(fits, least / np.where(fits, scale, 1.0), -1.0 / (least.shape[1] - 1))
    out[:, body] = 1.0
    return out


def _risk(moves: Float64Array, body: int, wings: list[int]) -> Float64Array:
    deviation = moves.std(axis=2, ddof=1)
    out = np.ones(deviation.shape)
    safe = np.where(deviation > 0.0, deviation, np.inf)
    out[:, wings] = -deviation[:, [body]] / safe[:, wings] / len(wings)
    return out


def _kalman(logs: Float64Array, body: int, wings: list[int], window: int) -> tuple[Float64Array, Float64Array]:
    count = len(logs)
    # Levels against those of the first session: without them the unit of a price would weigh in the first guess.
    anchored = logs - logs[:1]
    x = np.concatenate((np.ones((count, 1)), anchored[:, wings]), axis=1)
    states, score = kalman_kernel(np.ascontiguousarray(anchored[:, body]), np.ascontiguousarray(x), window)
    ratios = np.empty(logs.shape)
    ratios[:, body] = np.where(np.isnan(score), np.nan, 1.0)
    ratios[:, wings] = -states[:, 1:]
    return ratios, score


@kernel
def kalman_kernel(y: Float64Array, x: Float64Array, window: int) -> tuple[Float64Array, Float64Array]:
    """Filter y = x @ state with a state that walks; return states (time, columns) and z-scores of forecast errors.

    The state's uncertainty grows by 1 / (window - 1) of itself each session (discount filter, West and Harrison, 1997);
    the noise variance is the discounted mean of squared forecast errors. NaN on the first `window` sessions.
    """
    count, columns = x.shape
    states = np.full((count, columns), np.nan)
    score = np.full(count, np.nan)
    state = np.zeros(columns)
    for j in range(1, columns):
        state[j] = 1.0 / (columns - 1)
    spread = np.eye(columns)
    growth = 1.0 / (window - 1.0)
    noise = 1e-4
    gain = np.zeros(columns)
    for t in range(count):
        for i in range(columns):
            for j in range(columns):
                spread[i, j] *= 1.0 + growth
        forecast = 0.0
        for i in range(columns):
            gain[i] = 0.0
            for j in range(columns):
                gain[i] += spread[i, j] * x[t, j]
            forecast += x[t, i] * state[i]
        scale = 1.0
        for i in range(columns):
            scale += x[t, i] * gain[i]
        error = y[t] - forecast
        # `spread` is in units of the noise variance, so that the gain does not depend on it.
        for i in range(columns):
            state[i] += gain[i] / scale * error
            for j in range(columns):
                spread[i, j] -= gain[i] * gain[j] / scale
        share = max(1.0 / (t + 1.0), growth)
        if t >= window:
            score[t] = error / np.sqrt(noise * scale) if noise > 1e-18 else 0.0
            for i in range(columns):
                states[t, i] = state[i]
        noise += share * (error * error / scale - noise)
    return states, score


@kernel
def residual_kernel(y: Float64Array, x: Float64Array, window: int, regress: bool) -> tuple[Float64Array, Float64Array]:
    """Fit y on one or two columns of x over each trailing window; return ratios (time, wings) and z-scores.

    The z-score is the last residual over the window's residual standard deviation; 0 where the spread
    does not vary.
    """
    count, wings = x.shape
    ratios = np.full((count, wings), np.nan)
    score = np.full(count, np.nan)
    mean = np.zeros(wings)
    beta = np.zeros(wings)
    for t in range(window - 1, count):
        start = t - window + 1
        level = 0.0
        for j in range(wings):
            mean[j] = 0.0
            beta[j] = 1.0 / wings
        for k in range(start, t + 1):
            level += y[k] / window
            for j in range(wings):
                mean[j] += x[k, j] / window
        if regress:
            _solve(y, x, start, t, level, mean, beta)
        squares = 0.0
        total = 0.0
        last = 0.0
        for k in range(start, t + 1):
            last = y[k] - level
            for j in range(wings):
                last -= beta[j] * (x[k, j] - mean[j])
            squares += last * last
            total += (y[k] - level) ** 2
        for j in range(wings):
            ratios[t, j] = beta[j]
        deviation = np.sqrt(squares / (window - 1))
        score[t] = last / deviation if deviation > 1e-9 else 0.0
    return ratios, score


@kernel
def _solve(
    y: Float64Array, x: Float64Array, start: int, end: int, level: float, mean: Float64Array, beta: Float64Array
) -> None:
    aa = 0.0
    bb = 0.0
    ab = 0.0
    ay = 0.0
    by = 0.0
    two = x.shape[1] == 2
    for k in range(start, end + 1):
        a = x[k, 0] - mean[0]
        dy = y[k] - level
        aa += a * a
        ay += a * dy
        if two:
            b = x[k, 1] - mean[1]
            bb += b * b
            ab += a * b
            by += b * dy
    if not two:
        if aa > 0.0:
            beta[0] = ay / aa
        return
    determinant = aa * bb - ab * ab
    # Wings that move as one have no separate ratios: the equal ones stay.
    if determinant > 1e-12 * aa * bb:
        beta[0] = (ay * bb - by * ab) / determinant
        beta[1] = (by * aa - ay * ab) / determinant
