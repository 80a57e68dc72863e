"""Models recorded in MLflow on a real PostgreSQL database, read back by a second client."""

from datetime import UTC, datetime

import psycopg
import pytest

from core.adapters.tracker.mlflow import MlflowTracker, desk_store
from core.errors import UnknownName
from core.ports.tracker import TrainingRun


def run(metric, number):
    return TrainingRun(
        name="weekly_moves",
        run_id=f"run_{number}",
        parameters={"model": "ridge", "horizon": "5"},
        metrics={"out_of_sample_rank_correlation": metric, "missing": float("nan")},
        data_as_of=datetime(2024, 5, 1, 21, tzinfo=UTC),
        code_version="0.1.0-test",
        document={"model": "ridge", "coefficients": [metric]},
    )


def test_versions_stages_and_documents(database_dsn, tmp_path):
    tracker = MlflowTracker(lambda: desk_store(database_dsn), tmp_path)
    first, second = tracker.record(run(0.02, 1)), tracker.record(run(0.03, 2))
    assert (first.version, second.version, second.stage) == (1, 2, "none")
    assert tracker.promote("weekly_moves", 1, "production").stage == "production"
    assert tracker.promote("weekly_moves", 2, "production").stage == "production"
    other = MlflowTracker(lambda: desk_store(database_dsn), tmp_path)
    found = other.versions("weekly_moves")
    assert [(part.version, part.stage) for part in found] == [(2, "production"), (1, "archived")]
    assert found[0].metrics == {"out_of_sample_rank_correlation": 0.03}
    assert found[0].run_id == "run_2"
    assert found[0].data_as_of.startswith("2024-05-01T21:00")
    assert other.load("weekly_moves", stage="production") == {"model": "ridge", "coefficients": [0.03]}
    assert other.load("weekly_moves", version=1)["coefficients"] == [0.02]
    with pytest.raises(UnknownName, match="version of model"):
        other.load("weekly_moves", stage="staging")
    with pytest.raises(UnknownName, match="version of model"):
        other.promote("weekly_moves", 9, "staging")
    with pytest.raises(UnknownName, match="model"):
        other.versions("nothing")
    # MLflow's own tables stand apart from the desk's, whose schema version they would overwrite.
    with psycopg.connect(database_dsn) as connection:
        runs = connection.execute("SELECT count(*) FROM tracking.runs").fetchone()
        params = connection.execute("SELECT key, value FROM tracking.params ORDER BY key LIMIT 2").fetchall()
    assert runs == (2,)
    assert params == [("horizon", "5"), ("horizon", "5")]
