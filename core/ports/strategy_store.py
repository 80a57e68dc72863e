"""Define how saved strategies and what was recommended for them are kept."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import Protocol

from core.domain.books import Recommendation
from core.domain.owned_records import SavedStrategy


class StrategyStore(Protocol):
    """Read and change saved strategies; append recommendations and score each once."""

    def saved(self, owner: str) -> Sequence[SavedStrategy]:
        """Return the strategies of a person by name."""
        ...

    def owners(self) -> Sequence[str]:
        """Return the persons who have enabled a strategy, in order."""
        ...

    def scanning(self, owner: str) -> AbstractContextManager[None]:
        """Keep other scans of a person away; raise Unavailable while one is under way."""
        ...

    def save(self, strategy: SavedStrategy) -> None:
        """Store a strategy, in place of its owner's of the same id; raise InvalidInput when its name is taken."""
        ...

    def recommendations(self, owner: str, *, strategy_id: str | None = None) -> Sequence[Recommendation]:
        """Return what was recommended to a person, newest first."""
        ...

    def recommend(self, recommendation: Recommendation) -> None:
        """Append a recommendation."""
        ...

    def score(self, recommendation_id: str, realised_return: float, session: date) -> None:
        """Store what came of a recommendation; one that is scored already keeps its score."""
        ...
