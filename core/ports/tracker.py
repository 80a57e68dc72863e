"""Define how trained models are recorded and registered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

Stage = Literal["none", "staging", "production", "archived"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRun:
    """Describe one training: parameters, metrics, the moment its data were known at, and the document of its model."""

    name: str
    run_id: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    data_as_of: datetime
    code_version: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """Describe a registered version of a model."""

    name: str
    version: int
    stage: Stage
    run_id: str
    data_as_of: str
    metrics: Mapping[str, float]


class Tracker(Protocol):
    """Keep what was trained; at most one version of a model is in staging, and one in production."""

    def record(self, run: TrainingRun) -> ModelVersion:
        """Record a training and register its model as the next version of its name, in no stage."""
        ...

    def promote(self, name: str, version: int, stage: Stage) -> ModelVersion:
        """Move a version to a stage; the one that was there is archived. Raises UnknownName."""
        ...

    def versions(self, name: str) -> Sequence[ModelVersion]:
        """Return the versions of a model, newest first; raises UnknownName."""
        ...

    def load(self, name: str, *, version: int | None = None, stage: Stage | None = None) -> Mapping[str, Any]:
        """Return the document of a version, or of the one in a stage; the newest without either. Raises UnknownName."""
        ...
