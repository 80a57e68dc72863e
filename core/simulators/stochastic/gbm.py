"""Simulate correlated geometric Brownian motion (Black and Scholes, 1973) and calibrate it to history."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.domain.kernel import Float64Array, kernel
from core.domain.market_path import FloatArray
from core.errors import InvalidInput
from core.simulators.stochastic.engine import Block, begin, conclude, follow, is_alone, observe
from core.simulators.stochastic.engine import simulate as simulate
from core.simulators.stochastic.estimate import ParameterEstimate
from core.simulators.stochastic.future import Drift, annual_rates, joint_log_returns
from core.simulators.stochastic.product import ROW, add_product
from core.simulators.stochastic.stream import BLOCK_PATHS, SAMPLINGS, Sampling, State, draw_normals


@dataclass(frozen=True, slots=True, kw_only=True)
class GbmParameters:
    """Hold drift and volatility (annual ratios, (assets,)) and correlation (assets, assets), with standard errors.

    `drift` is continuous: the expected price grows by exp(drift * years). Standard errors are NaN where
    the parameters were given and not estimated.
    """

    stream: ClassVar[str] = "gbm"

    assets: tuple[str, ...]
    drift: Float64Array
    volatility: Float64Array
    correlation: Float64Array
    drift_standard_error: Float64Array
    volatility_standard_error: Float64Array
    correlation_standard_error: Float64Array
    observations: int
    sessions_per_year: int = 252

    @classmethod
    def given(
        cls,
        assets: tuple[str, ...],
        *,
        drift: NDArray[np.floating],
        volatility: NDArray[np.floating],
        correlation: NDArray[np.floating] | None = None,
        sessions_per_year: int = 252,
    ) -> GbmParameters:
        """Take parameters as given; correlation defaults to none."""
        count = len(assets)
        return cls(
            assets=assets,
            drift=np.array(drift, dtype=np.float64),
            volatility=np.array(volatility, dtype=np.float64),
            correlation=np.eye(count) if correlation is None else np.array(correlation, dtype=np.float64),
            drift_standard_error=np.full(count, np.nan),
            volatility_standard_error=np.full(count, np.nan),
            correlation_standard_error=np.full((count, count), np.nan),
            observations=0,
            sessions_per_year=sessions_per_year,
        )

    def __post_init__(self) -> None:
        count = len(self.assets)
        shapes = (self.drift.shape, self.volatility.shape, self.correlation.shape)
        if shapes != ((count,), (count,), (count, count)):
            raise InvalidInput(f"GBM parameters have shapes {shapes}, expected those of {count} assets.")
        if not (np.isfinite(self.drift).all() and np.isfinite(self.volatility).all() and (self.volatility >= 0).all()):
            raise InvalidInput("GBM drift and volatility must be finite and volatility at least 0.")
        fits = np.allclose(self.correlation, self.correlation.T) and np.allclose(np.diag(self.correlation), 1.0)
        if not fits or np.linalg.eigvalsh(self.correlation).min() < -1e-8:
            raise InvalidInput(
                "The GBM correlation matrix is not symmetric positive semidefinite with a unit diagonal."
            )

    @property
    def estimates(self) -> tuple[ParameterEstimate, ...]:
        """Return drift, volatility and correlations with their standard errors."""
        of = ParameterEstimate.of
        out = []
        for i, asset in enumerate(self.assets):
            out.append(of(asset, "drift", self.drift[i], self.drift_standard_error[i], unit="ratio"))
            out.append(
                of(
                    asset,
                    "volatility",
                    self.volatility[i],
                    self.volatility_standard_error[i],
                    unit="ratio",
                    positive=True,
                )
            )
        for i, j in combinations(range(len(self.assets)), 2):
            pair = f"{self.assets[i]} / {self.assets[j]}"
            out.append(of(pair, "correlation", self.correlation[i, j], self.correlation_standard_error[i, j]))
        return tuple(out)

    def block(self, start: FloatArray, drift: Drift, sampling: Sampling) -> Block:
        """Bind the parameters to a start; steps are exact for any length."""
        step = 1.0 / self.sessions_per_year
        rate = annual_rates(drift, self.drift)
        volatility = self.volatility * np.sqrt(step)
        dtype = start.dtype
        shift = (rate * step - 0.5 * volatility**2).astype(dtype)
        factor = np.ascontiguousarray(volatility[:, None] * correlation_root(self.correlation), dtype=dtype)
        how = SAMPLINGS.index(sampling)

        def draw(
            state: State, sessions: int, worth: FloatArray, out: FloatArray, end: FloatArray, fall: FloatArray
        ) -> None:
            _gbm_block(state, sessions, start, worth, shift, factor, how, out, end, fall)

        return draw


def calibrate(close: FloatArray, assets: tuple[str, ...], *, sessions_per_year: int = 252) -> GbmParameters:
    """Estimate GBM parameters from closes (time, assets).

    Only sessions on which every asset has a return count. Standard errors are those of normal returns:
    volatility / sqrt(2 n), (1 - rho^2) / sqrt(n), and for the drift volatility / sqrt(years) with the part of
    the volatility term. Raises NoData below 20 common returns.
    """
    returns = joint_log_returns(close, assets)
    count = len(returns)
    years = count / sessions_per_year
    volatility = returns.std(axis=0, ddof=1) * np.sqrt(sessions_per_year)
    if np.any(volatility == 0.0):
        flat = [asset for asset, v in zip(assets, volatility, strict=True) if v == 0.0]
        raise InvalidInput(f"The price of {', '.join(flat)} never changes, so its correlation is not defined.")
    correlation = np.atleast_2d(np.corrcoef(returns, rowvar=False))
    return GbmParameters(
        assets=assets,
        drift=returns.mean(axis=0) * sessions_per_year + 0.5 * volatility**2,
        volatility=volatility,
        correlation=correlation,
        drift_standard_error=np.sqrt(volatility**2 / years + volatility**4 / (2.0 * count)),
        volatility_standard_error=volatility / np.sqrt(2.0 * count),
        correlation_standard_error=(1.0 - correlation**2) / np.sqrt(count),
        observations=count,
        sessions_per_year=sessions_per_year,
    )


def correlation_root(correlation: Float64Array) -> Float64Array:
    """Find a lower triangular root, also of a singular matrix."""
    return _root(np.asarray(correlation, dtype=np.float64).tobytes(), len(correlation)).copy()


# Kept: the threads of a linear algebra library go on spinning for a while, in the way of those that draw the paths.
@lru_cache(maxsize=16)
def _root(correlation: bytes, size: int) -> Float64Array:
    values, vectors = np.linalg.eigh(np.frombuffer(correlation).reshape(size, size))
    root = vectors * np.sqrt(np.clip(values, 0.0, None))
    _, upper = np.linalg.qr(root.T)
    return np.asarray(upper.T * np.where(np.diag(upper) < 0.0, -1.0, 1.0), dtype=np.float64)


@kernel
def _gbm_block(
    state: State,
    sessions: int,
    start: Any,
    worth: Any,
    shift: Any,
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
    begin(level, start, worth, out, top, low)
    alone = is_alone(worth, out)
    for t in range(1, sessions + 1):
        for a in range(assets):
            draw_normals(state, normal[a, :BLOCK_PATHS], sampling)
        if alone:
            follow(level[0], shift[0], factor[0, 0], normal[0], top, low)
            continue
        add_product(shift, factor, normal, level)
        observe(t, level, start, worth, out, value, top, low)
    conclude(level, worth, value, low, end, fall)
