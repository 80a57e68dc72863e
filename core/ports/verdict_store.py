"""Define how the verdicts of the panel are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from core.domain.books import PanelVerdict


class VerdictStore(Protocol):
    """Append verdicts and score each once."""

    def of(self, owner: str) -> Sequence[PanelVerdict]:
        """Return the verdicts given to a person, newest first."""
        ...

    def owners(self) -> Sequence[str]:
        """Return the persons to whom a verdict was given that is not scored yet, in order."""
        ...

    def keep(self, verdicts: Sequence[PanelVerdict]) -> int:
        """Append verdicts and return how many are new.

        A person keeps one verdict by the same author on an instrument, a session and a horizon: the first.
        """
        ...

    def score(self, verdict_id: str, realised_return: float, session: date) -> None:
        """Store what came of a verdict; one that is scored already keeps its score."""
        ...
