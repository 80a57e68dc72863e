"""Fit models that predict labels from features: ridge regression, and boosted trees where LightGBM is installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from core.domain.kernel import Float64Array
from core.errors import InvalidInput

ModelName = Literal["ridge", "lightgbm"]


class Model(Protocol):
    """Predict labels from features, and be kept as text."""

    def predict(self, samples: Float64Array) -> Float64Array:
        """Return the prediction of each row of samples (samples, features)."""

    def to_document(self) -> dict[str, Any]:
        """Return all that is needed to predict again, as JSON values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ridge:
    """Predict by a linear model of standardised features, fitted with a squared penalty (Hoerl and Kennard, 1970)."""

    mean: Float64Array
    scale: Float64Array
    coefficients: Float64Array
    intercept: float
    penalty: float

    def predict(self, samples: Float64Array) -> Float64Array:
        """Return the prediction of each row of samples (samples, features)."""
        return np.asarray((samples - self.mean) / self.scale @ self.coefficients + self.intercept, dtype=np.float64)

    def to_document(self) -> dict[str, Any]:
        """Return all that is needed to predict again, as JSON values."""
        return {
            "model": "ridge",
            "mean": self.mean.tolist(),
            "scale": self.scale.tolist(),
            "coefficients": self.coefficients.tolist(),
            "intercept": self.intercept,
            "penalty": self.penalty,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BoostedTrees:
    """Predict by gradient-boosted trees (Ke and others, 2017), held as LightGBM's own text."""

    text: str

    def predict(self, samples: Float64Array) -> Float64Array:
        """Return the prediction of each row of samples (samples, features)."""
        return np.asarray(_lightgbm().Booster(model_str=self.text).predict(samples), dtype=np.float64)

    def to_document(self) -> dict[str, Any]:
        """Return all that is needed to predict again, as JSON values."""
        return {"model": "lightgbm", "text": self.text}


def fit(name: ModelName, samples: Float64Array, labels: Float64Array, *, penalty: float = 1.0, seed: int = 0) -> Model:
    """Fit the named model to samples (samples, features) without gaps and labels (samples,).

    `penalty` is relative: the squared penalty is penalty x samples on standardised features for ridge, and lambda_l2
    for the trees. Raises InvalidInput with fewer than 50 samples or without LightGBM installed.
    """
    if samples.ndim != 2 or labels.shape != samples.shape[:1] or len(samples) < 50:
        raise InvalidInput(
            f"{samples.shape} samples and {labels.shape} labels do not fit: expected at least 50 of each."
        )
    if not (np.isfinite(samples).all() and np.isfinite(labels).all()):
        raise InvalidInput("Samples or labels have gaps.", hint="Leave out samples with a missing feature.")
    if name == "ridge":
        return _fit_ridge(samples, labels, penalty)
    if name == "lightgbm":
        return _fit_trees(samples, labels, penalty, seed)
    raise InvalidInput(f"model is {name!r}, expected ridge or lightgbm.")


def from_document(document: dict[str, Any]) -> Model:
    """Return the model of a document that `to_document` made."""
    if document.get("model") == "ridge":
        arrays = {key: np.array(document[key], dtype=np.float64) for key in ("mean", "scale", "coefficients")}
        return Ridge(**arrays, intercept=float(document["intercept"]), penalty=float(document["penalty"]))
    if document.get("model") == "lightgbm":
        return BoostedTrees(text=str(document["text"]))
    raise InvalidInput(f"The document holds model {document.get('model')!r}, expected ridge or lightgbm.")


def _fit_ridge(samples: Float64Array, labels: Float64Array, penalty: float) -> Ridge:
    if not penalty >= 0.0:
        raise InvalidInput(f"penalty is {penalty}, expected at least 0.")
    mean, scale = samples.mean(axis=0), samples.std(axis=0)
    scale = np.where(scale > 0.0, scale, 1.0)
    x = (samples - mean) / scale
    intercept = float(labels.mean())
    gram = x.T @ x + penalty * len(x) * np.eye(x.shape[1])
    coefficients = np.linalg.lstsq(gram, x.T @ (labels - intercept), rcond=None)[0]
    return Ridge(mean=mean, scale=scale, coefficients=coefficients, intercept=intercept, penalty=penalty)


def _fit_trees(samples: Float64Array, labels: Float64Array, penalty: float, seed: int) -> BoostedTrees:
    lightgbm = _lightgbm()
    # Small trees and many samples per leaf: daily returns are almost all noise.
    parameters = {
        "objective": "regression",
        "num_leaves": 8,
        "learning_rate": 0.03,
        "min_data_in_leaf": max(20, len(samples) // 50),
        "lambda_l2": penalty,
        "feature_fraction": 0.8,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "num_threads": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    booster = lightgbm.train(parameters, lightgbm.Dataset(samples, labels), num_boost_round=100)
    return BoostedTrees(text=booster.model_to_string())


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ImportError as error:
        raise InvalidInput(
            "LightGBM is not installed here.", hint="Install the extra `learning`, or choose the model ridge."
        ) from error
    return lightgbm
