"""Track trained models in MLflow: its client writes to a database, no server runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from core.errors import UnknownName
from core.ports.tracker import ModelVersion, Stage, TrainingRun
from core.settings import hand_to_library

EXPERIMENT = "quantdesk"
_KEY = "quantdesk."


class MlflowTracker:
    """Keep trainings as MLflow runs and registered models.

    `store` gives the address of an MLflow store when first used (the desk's own database: `desk_store`). Documents are
    kept as files under `folder`. MLflow is imported on first use, which takes seconds.
    """

    def __init__(self, store: Callable[[], str], folder: Path) -> None:
        self._store = store
        self._folder = folder.absolute()

    def record(self, run: TrainingRun) -> ModelVersion:
        """Record a training and register its model as the next version of its name, in no stage."""
        client = self._client
        from mlflow.entities import Metric, Param, RunTag
        from mlflow.exceptions import MlflowException

        started = client.create_run(self._experiment, tags={f"{_KEY}run_id": run.run_id}, run_name=run.name)
        key = started.info.run_id
        stamp = int(run.data_as_of.timestamp() * 1000)
        client.log_batch(
            key,
            metrics=[Metric(name, value, stamp, 0) for name, value in run.metrics.items() if value == value],
            params=[Param(name, value[:6000]) for name, value in run.parameters.items()],
            tags=[
                RunTag(f"{_KEY}data_as_of", run.data_as_of.isoformat()),
                RunTag(f"{_KEY}code_version", run.code_version),
            ],
        )
        file = self._folder / f"{key}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(dict(run.document)), encoding="utf-8")
        client.set_terminated(key)
        try:
            client.create_registered_model(run.name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        tags = {"stage": "none", "run_id": run.run_id, "data_as_of": run.data_as_of.isoformat(), "file": file.name}
        made = client.create_model_version(run.name, source=file.as_uri(), run_id=key, tags=tags)
        return self._describe(made)

    def promote(self, name: str, version: int, stage: Stage) -> ModelVersion:
        """Move a version to a stage; the one that was there is archived. Raises UnknownName."""
        chosen = next((part for part in self.versions(name) if part.version == version), None)
        if chosen is None:
            raise UnknownName(f"version of model {name}", str(version), [str(v.version) for v in self.versions(name)])
        if stage in ("staging", "production"):
            for other in self.versions(name):
                if other.stage == stage and other.version != version:
                    self._client.set_model_version_tag(name, str(other.version), "stage", "archived")
        self._client.set_model_version_tag(name, str(version), "stage", stage)
        return self._describe(self._client.get_model_version(name, str(version)))

    def versions(self, name: str) -> Sequence[ModelVersion]:
        """Return the versions of a model, newest first; raises UnknownName."""
        found = self._client.search_model_versions(f"name = '{name}'") if name.replace("_", "").isalnum() else []
        if not found:
            raise UnknownName("model", name, [part.name for part in self._client.search_registered_models()])
        return tuple(sorted((self._describe(part) for part in found), key=lambda part: -part.version))

    def load(self, name: str, *, version: int | None = None, stage: Stage | None = None) -> Mapping[str, Any]:
        """Return the document of a version, or of the one in a stage; the newest without either. Raises UnknownName."""
        for part in self.versions(name):
            if (version is None or part.version == version) and (stage is None or part.stage == stage):
                found = self._client.get_model_version(name, str(part.version))
                document: dict[str, Any] = json.loads((self._folder / found.tags["file"]).read_text(encoding="utf-8"))
                return document
        raise UnknownName(f"version of model {name}", str(version or stage))

    @cached_property
    def _client(self) -> Any:
        # MLflow reports its use to its makers unless told otherwise, which only the environment can.
        hand_to_library("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow.tracking import MlflowClient

        uri = self._store()
        return MlflowClient(tracking_uri=uri, registry_uri=uri)

    @cached_property
    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        return str(self._client.create_experiment(EXPERIMENT, artifact_location=self._folder.as_uri()))

    def _describe(self, found: Any) -> ModelVersion:
        run = self._client.get_run(found.run_id)
        return ModelVersion(
            name=found.name,
            version=int(found.version),
            stage=found.tags.get("stage", "none"),
            run_id=found.tags.get("run_id", ""),
            data_as_of=found.tags.get("data_as_of", ""),
            metrics=dict(run.data.metrics),
        )


def desk_store(dsn: str) -> str:
    """Return the MLflow address of the desk's database, with tables of its own in the schema `tracking`.

    MLflow keeps its migrations in a table named like ours: hence the schema.
    """
    import psycopg

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS tracking")
    address = dsn.replace("postgresql://", "postgresql+psycopg://", 1)
    return f"{address}{'&' if '?' in address else '?'}options=-csearch_path%3Dtracking"
