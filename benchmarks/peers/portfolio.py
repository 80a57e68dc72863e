from __future__ import annotations

import json
import sys
import time

import numpy as np
import pandas as pd
import polars as pl
import skfolio
from skfolio import RiskMeasure
from skfolio.moments import EmpiricalCovariance
from skfolio.optimization import MeanRisk, ObjectiveFunction, RiskBudgeting
from skfolio.prior import EmpiricalPrior

VERSIONS = {"pandas": pd.__version__, "polars": pl.__version__, "skfolio": skfolio.__version__}


def prior() -> EmpiricalPrior:
    return EmpiricalPrior(covariance_estimator=EmpiricalCovariance())


def run(task: str, returns: np.ndarray, window: int) -> np.ndarray:
    names = [f"x{k}" for k in range(returns.shape[1])]
    if task == "pandas covariance":
        return FRAME.rolling(window).cov().to_numpy().reshape(len(returns), len(names), len(names))[-1]
    if task == "polars covariance":
        pairs = [(i, j) for i in range(len(names)) for j in range(i, len(names))]
        table = TABLE.select(pl.rolling_cov(names[i], names[j], window_size=window).alias(f"{i}_{j}") for i, j in pairs)
        last = np.array(table.row(-1))
        out = np.empty((len(names), len(names)))
        for (i, j), value in zip(pairs, last, strict=True):
            out[i, j] = out[j, i] = value
        return out
    if task == "pandas tail":
        rolling = FRAME.rolling(window)
        return np.stack([rolling.quantile(level).to_numpy()[-1] for level in (0.05, 0.01)])
    if task == "polars tail":
        table = TABLE.select(
            pl.col(name).rolling_quantile(level, interpolation="linear", window_size=window).alias(f"{name}_{level}")
            for level in (0.05, 0.01)
            for name in names
        )
        return np.array(table.row(-1)).reshape(2, len(names))
    if task == "skfolio minimum variance":
        model = MeanRisk(
            objective_function=ObjectiveFunction.MINIMIZE_RISK,
            risk_measure=RiskMeasure.VARIANCE,
            prior_estimator=prior(),
        )
    elif task == "skfolio equal risk":
        model = RiskBudgeting(risk_measure=RiskMeasure.VARIANCE, prior_estimator=prior())
    else:
        model = MeanRisk(
            objective_function=ObjectiveFunction.MINIMIZE_RISK, risk_measure=RiskMeasure.CVAR, cvar_beta=0.95
        )
    return model.fit(FRAME).weights_


RETURNS = np.load(sys.argv[1])
FRAME = pd.DataFrame(
    RETURNS,
    columns=[f"x{k}" for k in range(RETURNS.shape[1])],
    index=pd.bdate_range("2012-01-02", periods=len(RETURNS)),
)
TABLE = pl.from_pandas(FRAME)
for request in sys.stdin:
    asked = json.loads(request)
    if asked["task"] == "versions":
        print(json.dumps(VERSIONS), flush=True)
        continue
    started = time.perf_counter()
    found = run(asked["task"], RETURNS, asked["window"])
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "result": found.ravel().tolist()}), flush=True)
