"""List the stochastic models by name and calibrate any of them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

from core.domain.market_path import FloatArray
from core.errors import UnknownName
from core.simulators.stochastic import bootstrap, copula, garch, gbm, heston, merton, regime
from core.simulators.stochastic.engine import Parameters

ModelName = Literal[
    "gbm", "merton", "heston", "garch", "gjr", "bootstrap", "regime", "gaussian_copula", "t_copula"
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Describe a model: its title, and how it is calibrated from closes (time, assets)."""

    title: str
    calibrate: Callable[..., Parameters]


MODELS: Mapping[str, Model] = {
    "gbm": Model(title="geometric Brownian motion", calibrate=gbm.calibrate),
    "merton": Model(title="Merton jump diffusion", calibrate=merton.calibrate),
    "heston": Model(title="Heston stochastic volatility", calibrate=heston.calibrate),
    "garch": Model(title="GARCH(1,1), filtered historical simulation", calibrate=garch.calibrate),
    "gjr": Model(
        title="GJR-GARCH(1,1), filtered historical simulation", calibrate=partial(garch.calibrate, leverage=True)
    ),
    "bootstrap": Model(title="stationary block bootstrap", calibrate=bootstrap.calibrate),
    "regime": Model(title="two-regime Markov switching", calibrate=regime.calibrate),
    "gaussian_copula": Model(
        title="Student-t margins, Gaussian copula", calibrate=partial(copula.calibrate, gaussian=True)
    ),
    "t_copula": Model(title="Student-t margins, t copula", calibrate=copula.calibrate),
}
assert tuple(MODELS) == get_args(ModelName)


def calibrate(model: str, close: FloatArray, assets: tuple[str, ...], *, sessions_per_year: int = 252) -> Parameters:
    """Calibrate a model by name; raises UnknownName with the closest names, and what its calibration raises."""
    if model not in MODELS:
        raise UnknownName("model", model, difflib.get_close_matches(model, MODELS, n=3, cutoff=0.3))
    return MODELS[model].calibrate(close, assets, sessions_per_year=sessions_per_year)
