"""Say who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.errors import NotSignedIn

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


def is_unknown_person(person_id: str) -> bool:
    """Return whether who asked is only known by the login of the machine (`local:<name>`), so may be anyone."""
    return person_id.startswith("local:")


def check_approver(person: Principal, deed: str) -> None:
    """Raise NotSignedIn, naming the deed, for others than signed-in persons with the scope `approve`."""
    if person.kind != "person" or is_unknown_person(person.id) or "approve" not in person.scopes:
        raise NotSignedIn(f"{person.name} may not {deed}.", hint="Sign in as a person with the scope `approve`.")
