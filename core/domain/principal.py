"""Say who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PrincipalKind = Literal["person", "agent", "service"]
SCOPES = frozenset({"read", "trade", "approve", "admin"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Name a signed-in person, an agent or a service, with what it may do.

    `requested_by` is the person an agent acts for; an agent or service never holds the scope `approve`.
    """

    id: str
    name: str
    kind: PrincipalKind
    scopes: frozenset[str]
    requested_by: str | None = None

    def __post_init__(self) -> None:
        if self.kind != "person" and "approve" in self.scopes:
            raise ValueError(f"{self.kind} {self.name!r} cannot hold the scope 'approve'; only a person can.")


def agent_for(person: Principal) -> Principal:
    """Return the agent that acts in the chat for this person: it may read and propose, never approve."""
    return Principal(
        id=f"agent:{person.id}",
        name="desk agent",
        kind="agent",
        scopes=(person.scopes & {"read", "trade"}),
        requested_by=person.id,
    )
