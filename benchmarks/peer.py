"""Run an engine of the peers' environment on arrays and read its results."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.peer_env import peer_python


def run(engine: str, given: dict[str, object]) -> dict[str, np.ndarray]:
    """Return what an engine of benchmarks/peers/engines.py found: arrays, `seconds` and `version`."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(source, **given)  # type: ignore[arg-type]
        script = Path(__file__).resolve().parent / "peers" / "engines.py"
        subprocess.run([peer_python(), "-W", "ignore", script, engine, source, target], check=True)
        with np.load(target) as data:
            return dict(data)
