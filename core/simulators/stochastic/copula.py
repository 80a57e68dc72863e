"""Simulate Student-t returns joined by a Gaussian or a t copula (Demarta and McNeil, 2005), and calibrate them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np

from core.domain.kernel import Float64Array, kernel
from core.domain.market_path import FloatArray
from core.errors import InvalidInput
from core.simulators.stochastic.engine import Block, begin, conclude, observe
from core.simulators.stochastic.engine import simulate as simulate
from core.simulators.stochastic.estimate import ParameterEstimate, maximise
from core.simulators.stochastic.future import Drift, annual_rate, joint_log_returns
from core.simulators.stochastic.gbm import correlation_root
from core.simulators.stochastic.product import ROW, add_product
from core.simulators.stochastic.stream import BLOCK_PATHS, SAMPLINGS, Sampling, State, draw_normals

FEWEST_FREEDOM, MOST_FREEDOM = 2.1, 100.0
# A margin is cut where it passes this multiple of the largest move seen: a t distribution has no exponential moment.
LARGEST_MOVE = 3.0
_CELLS = 8192
_REACH = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CopulaParameters:
    """Hold Student-t margins of daily log returns, by asset (assets,): location, scale, degrees of freedom, and the
    largest move kept; and a copula: correlation (assets, assets) and degrees of freedom, infinite for a Gaussian one.

    Sessions are independent: volatility does not cluster.
    """

    stream: ClassVar[str] = "copula"

    assets: tuple[str, ...]
    location: Float64Array
    scale: Float64Array
    freedom: Float64Array
    bound: Float64Array
    correlation: Float64Array
    copula_freedom: float = float("inf")
    sessions_per_year: int = 252
    estimates: tuple[ParameterEstimate, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.assets)
        for name in ("location", "scale", "freedom", "bound"):
            values = getattr(self, name)
            if values.shape != (count,) or not np.isfinite(values).all():
                raise InvalidInput(f"{name} has shape {values.shape}, expected ({count},) of finite numbers.")
            if name != "location" and np.any(values <= 0.0):
                raise InvalidInput(f"{name} is not above 0.")
        if not self.copula_freedom > 0.0:
            raise InvalidInput(f"copula_freedom is {self.copula_freedom}, expected above 0.")
        fits = self.correlation.shape == (count, count) and np.allclose(np.diag(self.correlation), 1.0)
        if not fits or np.linalg.eigvalsh(self.correlation).min() < -1e-8:
            raise InvalidInput("The correlation matrix is not positive semidefinite with a unit diagonal.")

    def block(self, start: FloatArray, drift: Drift, sampling: Sampling) -> Block:
        """Bind the parameters to a start; margins and the mixing variable are read from tables of 8,192 cells."""
        dtype = start.dtype
        moves = np.stack([self._quantiles(a) for a in range(len(self.assets))])
        if drift != "historical":
            moves += annual_rate(drift) / self.sessions_per_year - self._log_growth(moves)[:, None]
        margin = np.ascontiguousarray(moves, dtype=dtype)
        factor = np.ascontiguousarray(correlation_root(self.correlation), dtype=dtype)
        mixing = self._mixing().astype(dtype)
        how = SAMPLINGS.index(sampling)

        def draw(
            state: State, sessions: int, worth: FloatArray, out: FloatArray, end: FloatArray, fall: FloatArray
        ) -> None:
            _copula_block(state, sessions, start, worth, margin, mixing, factor, how, out, end, fall)

        return draw

    def _quantiles(self, asset: int) -> Float64Array:
        """Tabulate the return of one asset over s = x / (1 + |x|), x the copula's variable."""
        from scipy.special import stdtrit

        s = _table_points()
        x = s / (1.0 - np.abs(s))
        # By the smaller tail, so that no probability rounds to 1.
        below = self._tail(-np.abs(x))
        distance = -stdtrit(self.freedom[asset], np.maximum(below, 1e-300))
        move = self.location[asset] + self.scale[asset] * np.sign(x) * np.where(below > 0.0, distance, np.inf)
        return np.asarray(np.clip(move, -self.bound[asset], self.bound[asset]), dtype=np.float64)

    def _tail(self, x: Float64Array) -> Float64Array:
        from scipy.special import ndtr, stdtr

        return np.asarray(ndtr(x) if np.isinf(self.copula_freedom) else stdtr(self.copula_freedom, x))

    def _log_growth(self, moves: Float64Array) -> Float64Array:
        """Return the log of the expected exponential return of each asset, over the table's own distribution."""
        s = _table_points()
        x = s / (1.0 - np.abs(s))
        below = self._tail(x)
        mass = np.diff(below)
        left, right = np.exp(moves[:, :-1]), np.exp(moves[:, 1:])
        return np.asarray(np.log((0.5 * (left + right)) @ mass / mass.sum()), dtype=np.float64)

    def _mixing(self) -> Float64Array:
        """Tabulate sqrt(freedom / chi squared) over a standard normal; empty for a Gaussian copula."""
        if np.isinf(self.copula_freedom):
            return np.empty(0)
        from scipy.special import chdtri, ndtr

        z = np.linspace(-_REACH, _REACH, _CELLS + 1)
        return np.asarray(np.sqrt(self.copula_freedom / chdtri(self.copula_freedom, ndtr(-z))), dtype=np.float64)


def _table_points() -> Float64Array:
    s = np.linspace(-1.0, 1.0, _CELLS + 1)
    s[0], s[-1] = -1.0 + 1e-9, 1.0 - 1e-9
    return s


def calibrate(
    close: FloatArray, assets: tuple[str, ...], *, sessions_per_year: int = 252, gaussian: bool = False
) -> CopulaParameters:
    """Estimate margins and copula from closes (time, assets), one after the other (Joe, 1997).

    Margins by maximum likelihood; the copula by pseudo maximum likelihood on ranks (Genest, Ghoudi and Rivest, 1995).
    Standard errors of the copula take the ranks as given. Raises NoData below 250 common returns.
    """
    returns = joint_log_returns(close, assets, at_least=250)
    if np.any(returns.std(axis=0) == 0.0):
        raise InvalidInput("A price never changes, so there is nothing to estimate.")
    rows, estimates = [], []
    for asset, column in zip(assets, returns.T, strict=True):
        row, found = _fit_margin(asset, column)
        rows.append(row)
        estimates += found
    location, scale, freedom = np.array(rows).T.copy()
    count = len(returns)
    rank = np.asarray(np.argsort(np.argsort(returns, axis=0), axis=0) + 1.0, dtype=np.float64)
    correlation, copula_freedom, found = _fit_copula(assets, rank / float(count + 1), gaussian)
    return CopulaParameters(
        assets=assets,
        location=location,
        scale=scale,
        freedom=freedom,
        bound=LARGEST_MOVE * np.abs(returns).max(axis=0),
        correlation=correlation,
        copula_freedom=copula_freedom,
        sessions_per_year=sessions_per_year,
        estimates=(*estimates, *found),
    )


def _fit_margin(asset: str, returns: Float64Array) -> tuple[list[float], list[ParameterEstimate]]:
    from scipy.special import gammaln

    unit, middle = float(returns.std()), float(np.median(returns))
    scaled = (returns - middle) / unit

    def densities(x: Float64Array) -> Float64Array:
        scale, freedom = np.exp(x[1]), np.exp(x[2])
        z = (scaled - x[0]) / scale
        constant = gammaln(0.5 * (freedom + 1.0)) - gammaln(0.5 * freedom) - 0.5 * np.log(freedom * np.pi)
        return np.asarray(constant - x[1] - 0.5 * (freedom + 1.0) * np.log1p(z * z / freedom))

    bounds = [(-1.0, 1.0), (-4.0, 2.0), (np.log(FEWEST_FREEDOM), np.log(MOST_FREEDOM))]
    fit = maximise(densities, [[0.0, -0.3, np.log(4.0)], [0.0, -0.1, np.log(12.0)]], bounds, errors="information")
    location, scale, freedom = fit.point[0] * unit + middle, np.exp(fit.point[1]) * unit, float(np.exp(fit.point[2]))
    error = fit.standard_errors
    of = ParameterEstimate.of
    return [location, scale, freedom], [
        of(asset, "location of a session", location, error[0] * unit, unit="ratio"),
        of(asset, "scale of a session", scale, scale * error[1], unit="ratio", positive=True),
        of(asset, "degrees of freedom", freedom, freedom * error[2], positive=True),
    ]


def _fit_copula(
    assets: tuple[str, ...], uniform: Float64Array, gaussian: bool
) -> tuple[Float64Array, float, list[ParameterEstimate]]:
    from scipy.optimize import minimize_scalar

    count, size = uniform.shape
    estimates: list[ParameterEstimate] = []
    freedom = float("inf")
    if not gaussian and size > 1:
        low, high = np.log(FEWEST_FREEDOM), np.log(MOST_FREEDOM)
        found = minimize_scalar(
            lambda x: -_copula_likelihood(uniform, float(np.exp(x)))[0], bounds=(low, high), method="bounded",
            options={"xatol": 1e-4},
        )  # fmt: skip
        freedom = float(np.exp(found.x))
        step = 0.05
        curve = [_copula_likelihood(uniform, float(np.exp(found.x + side * step)))[0] for side in (-1, 0, 1)]
        bend = -(curve[0] - 2.0 * curve[1] + curve[2]) / step**2
        error = freedom / np.sqrt(bend) if bend > 0.0 else float("nan")
        estimates.append(ParameterEstimate.of("", "degrees of freedom of the copula", freedom, error, positive=True))
    correlation = _copula_likelihood(uniform, freedom)[1]
    efficiency = 1.0 if np.isinf(freedom) else (freedom + size + 2.0) / (freedom + size)
    for i, j in combinations(range(size), 2):
        rho = float(correlation[i, j])
        estimates.append(
            ParameterEstimate.of(
                f"{assets[i]} / {assets[j]}", "copula correlation", rho, (1.0 - rho**2) * np.sqrt(efficiency / count)
            )
        )
    return correlation, freedom, estimates


def _copula_likelihood(uniform: Float64Array, freedom: float) -> tuple[float, Float64Array]:
    """Return the copula's log likelihood at its best correlation, and that correlation."""
    from scipy.special import gammaln, ndtri, stdtrit

    count, size = uniform.shape
    if np.isinf(freedom):
        x = np.asarray(ndtri(uniform), dtype=np.float64)
        correlation: Float64Array = np.asarray(np.corrcoef(x, rowvar=False).reshape(size, size), dtype=np.float64)
        sign, logdet = np.linalg.slogdet(correlation)
        inner = ((np.linalg.solve(correlation, x.T).T - x) * x).sum()
        return float(-0.5 * count * logdet - 0.5 * inner) if sign > 0 else -np.inf, correlation
    x = np.asarray(stdtrit(freedom, uniform), dtype=np.float64)
    correlation = np.asarray(np.corrcoef(ndtri(uniform), rowvar=False).reshape(size, size), dtype=np.float64)
    for _ in range(60):
        distance = (np.linalg.solve(correlation, x.T).T * x).sum(axis=1)
        weight = (freedom + size) / (freedom + distance)
        spread = (x * weight[:, None]).T @ x / count
        scale = np.sqrt(np.diag(spread))
        moved = np.asarray(spread / np.outer(scale, scale), dtype=np.float64)
        done = np.abs(moved - correlation).max() < 1e-9
        correlation = moved
        if done:
            break
    _, logdet = np.linalg.slogdet(correlation)
    distance = (np.linalg.solve(correlation, x.T).T * x).sum(axis=1)
    constant = (
        gammaln(0.5 * (freedom + size)) + (size - 1.0) * gammaln(0.5 * freedom) - size * gammaln(0.5 * (freedom + 1.0))
    )
    joint = constant - 0.5 * logdet - 0.5 * (freedom + size) * np.log1p(distance / freedom)
    alone = -0.5 * (freedom + 1.0) * np.log1p(x * x / freedom).sum(axis=1)
    return float((joint - alone).sum()), correlation


@kernel
def _copula_block(
    state: State,
    sessions: int,
    start: Any,
    worth: Any,
    margin: Any,
    mixing: Any,
    factor: Any,
    sampling: int,
    out: Any,
    end: Any,
    fall: Any,
) -> None:
    assets = len(start)
    normal = np.empty((assets, ROW), start.dtype)
    level = np.empty((assets, ROW), start.dtype)
    value = np.empty(BLOCK_PATHS, start.dtype)
    top = np.empty(BLOCK_PATHS, start.dtype)
    low = np.empty(BLOCK_PATHS, start.dtype)
    x = np.empty(BLOCK_PATHS, start.dtype)
    shock = np.empty((assets, ROW), start.dtype)
    none = np.zeros(assets, start.dtype)
    swing = np.ones(BLOCK_PATHS, start.dtype)
    one = start.dtype.type(1)
    zero = start.dtype.type(0)
    reach = start.dtype.type(_REACH)
    cells = start.dtype.type(_CELLS)
    half = start.dtype.type(_CELLS // 2)
    per_cell = start.dtype.type(_CELLS / (2.0 * _REACH))
    last = _CELLS - 1
    begin(level, start, worth, out, top, low)
    for t in range(1, sessions + 1):
        if len(mixing) > 0:
            draw_normals(state, x, 0)
            for p in range(BLOCK_PATHS):
                at = (x[p] + reach) * per_cell
                at = min(max(at, zero), cells)
                cell = min(int(at), last)
                part = at - start.dtype.type(cell)
                swing[p] = mixing[cell] + part * (mixing[cell + 1] - mixing[cell])
        for a in range(assets):
            draw_normals(state, normal[a, :BLOCK_PATHS], sampling)
        shock[:, :] = zero
        add_product(none, factor, normal, shock)
        for a in range(assets):
            row, table, moved = level[a], margin[a], shock[a]
            for p in range(BLOCK_PATHS):
                v = moved[p] * swing[p]
                size = v if v > zero else -v
                at = half + half * (v / (one + size))
                cell = min(int(at), last)
                part = at - start.dtype.type(cell)
                row[p] += table[cell] + part * (table[cell + 1] - table[cell])
        observe(t, level, start, worth, out, value, top, low)
    conclude(level, worth, value, low, end, fall)
