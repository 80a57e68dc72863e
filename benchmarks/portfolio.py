"""Measure 150 assets: rolling covariance and tails beside pandas and polars, portfolios beside skfolio."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peer_env import ask_peer, start_peer
from benchmarks.table import Engine, bar, compare, header
from core.risk.allocation import (
    equal_risk_contribution,
    minimum_cvar,
    minimum_variance,
)
from core.risk.rolling import rolling_covariance, rolling_tail

ASSETS, SESSIONS, WINDOW = 150, 2_520, 252


def made_returns() -> np.ndarray:
    generator = np.random.default_rng(5)
    common = generator.standard_t(5, (SESSIONS, 4)) * 0.006
    return common @ generator.normal(0.6, 0.4, (4, ASSETS)) + generator.normal(0.0002, 1.0, (SESSIONS, ASSETS)) * (
        generator.uniform(0.006, 0.02, ASSETS)
    )


def main() -> None:
    returns = made_returns()
    covariance = np.cov(returns.T)
    buffer = np.empty((SESSIONS - WINDOW + 1, ASSETS, ASSETS))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "returns.npy"
        np.save(file, returns)
        peer = start_peer("portfolio.py", str(file))
        versions = ask_peer(peer, task="versions")
        _rolling(returns, buffer, peer, versions)
        _portfolios(returns, covariance, peer, versions)
        assert peer.stdin is not None
        peer.stdin.close()
        peer.wait()


def _ask(peer: Any, task: str, repeats: int = 2) -> tuple[float, np.ndarray]:
    answers = [ask_peer(peer, task=task, window=WINDOW) for _ in range(repeats + 1)]
    return min(answer["seconds"] for answer in answers[1:]), np.array(answers[0]["result"])


def _row(name: str, seconds: float, ours: float) -> None:
    print(f"  {name:44s} {seconds:10.4f} {seconds / ours:8.1f}")


def _rolling(returns: np.ndarray, buffer: np.ndarray, peer: Any, versions: dict[str, str]) -> None:
    theirs = {tool: _ask(peer, f"{tool} covariance", 1) for tool in ("pandas", "polars")}
    last = rolling_covariance(returns, WINDOW, out=buffer)[-1].ravel()
    gap = max(float(np.abs(last - found).max() / np.abs(last).max()) for _, found in theirs.values())
    times = compare(
        f"Rolling covariance, {ASSETS} assets x {SESSIONS:,} sessions, window {WINDOW}, all pairs",
        [
            Engine(
                name="quantdesk, 2 threads, fresh output", work=lambda: rolling_covariance(returns, WINDOW, threads=2)
            ),
            Engine(
                name="quantdesk, 2 threads, reused buffer",
                work=lambda: rolling_covariance(returns, WINDOW, threads=2, out=buffer),
            ),
            Engine(
                name="quantdesk, 1 thread, reused buffer", work=lambda: rolling_covariance(returns, WINDOW, out=buffer)
            ),
        ],
        repeats=3,
        agreement=f"largest difference on the last window {gap:.1e}",
    )
    ours = next(iter(times.values()))
    for tool, (seconds, _) in theirs.items():
        _row(f"{tool} {versions[tool]}", seconds, ours)
    bar("rolling covariance: x the faster of pandas and polars", min(s for s, _ in theirs.values()) / ours, at_least=1)
    theirs = {tool: _ask(peer, f"{tool} tail") for tool in ("pandas", "polars")}
    value, _ = rolling_tail(returns, WINDOW)
    gap = max(float(np.abs(value[:, -1].ravel() - found).max()) for _, found in theirs.values())
    times = compare(
        "Rolling VaR 95 % and 99 %, and ES (ours alone), same panel",
        [
            Engine(name="quantdesk, 2 threads", work=lambda: rolling_tail(returns, WINDOW, threads=2)),
            Engine(name="quantdesk, 1 thread", work=lambda: rolling_tail(returns, WINDOW)),
        ],
        agreement=f"largest difference of the VaR on the last window {gap:.1e}",
    )
    ours = next(iter(times.values()))
    for tool, (seconds, _) in theirs.items():
        _row(f"{tool} {versions[tool]}, without ES", seconds, ours)
    bar("rolling VaR and ES: x the faster of pandas and polars", min(s for s, _ in theirs.values()) / ours, at_least=1)


def _portfolios(returns: np.ndarray, covariance: np.ndarray, peer: Any, versions: dict[str, str]) -> None:
    def shortfall(weights: np.ndarray) -> float:
        losses = np.sort(-(returns @ weights))[::-1]
        whole = 0.05 * len(losses)
        return float((losses[: int(whole)].sum() + (whole - int(whole)) * losses[int(whole)]) / whole)

    cases = {
        "minimum variance": (lambda: minimum_variance(covariance), lambda w: float(np.sqrt(w @ covariance @ w))),
        "equal risk": (lambda: equal_risk_contribution(covariance), lambda w: float(np.sqrt(w @ covariance @ w))),
        "minimum CVaR": (lambda: minimum_cvar(returns), shortfall),
    }
    for name, (work, risk) in cases.items():
        seconds, theirs = _ask(peer, f"skfolio {name}")
        ours = work()
        times = compare(
            f"Portfolio of {ASSETS} assets: {name}",
            [Engine(name="quantdesk", work=work)],
            agreement=(
                f"risk {risk(ours):.9f}, skfolio {risk(theirs):.9f}; largest difference of a weight "
                f"{np.abs(ours - theirs).max():.1e}"
            ),
        )
        _row(f"skfolio {versions['skfolio']}", seconds, times["quantdesk"])
        bar(f"{name}: x skfolio", seconds / times["quantdesk"], at_least=1)


if __name__ == "__main__":
    header()
    main()
