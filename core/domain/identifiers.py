"""Make and name identifiers."""

from __future__ import annotations

import hashlib
from typing import Protocol
from uuid import UUID

from core.ports.clock import Clock

PREFIXES = frozenset(
    {
        "fct",
        "run",
        "prp",
        "ord",
        "fil",
        "evt",
        "apr",
        "thr",
        "ing",
        "key",
        "usr",
        "vdt",
        "art",
        "rec",
        "rpt",
        "lst",
        "stg",
        "dif",
        "qst",
        "rul",
    }
)


class IdSource(Protocol):
    """Give fresh identifiers; injected so that a run can be replayed with the same ones."""

    def new(self, prefix: str) -> str:
        """Return `prefix_` and 32 hexadecimal digits that sort by time."""
        ...


class Randomness(Protocol):
    """Give random bits (random.Random and secrets.SystemRandom fit)."""

    def getrandbits(self, k: int, /) -> int:
        """Return k random bits."""
        ...


class Uuid7Source:
    """Make UUIDv7 identifiers (RFC 9562) from an injected clock and source of bits."""

    def __init__(self, clock: Clock, randomness: Randomness) -> None:
        self._clock = clock
        self._randomness = randomness

    def new(self, prefix: str) -> str:
        """Return `prefix_` and 32 hexadecimal digits; raise ValueError for an unknown prefix."""
        if prefix not in PREFIXES:
            raise ValueError(f"Unknown identifier prefix {prefix!r}; expected one of {sorted(PREFIXES)}.")
        milliseconds = int(self._clock.wall().timestamp() * 1000)
        bits = (milliseconds & (1 << 48) - 1) << 80 | self._randomness.getrandbits(80)
        bits = bits & ~(0xF << 76) | 0x7 << 76
        bits = bits & ~(0x3 << 62) | 0x2 << 62
        return f"{prefix}_{UUID(int=bits).hex}"


def client_order_id(proposal_id: str, leg: int, attempt: int) -> str:
    """Return `qd` and 30 hexadecimal digits of SHA-256 over proposal, leg and attempt: the same call, the same id."""
    digest = hashlib.sha256(f"{proposal_id}|{leg}|{attempt}".encode()).hexdigest()
    return f"qd{digest[:30]}"


def content_id(prefix: str, *parts: str) -> str:
    """Return `prefix_` and 32 hexadecimal digits of SHA-256 over the parts: the same facts, the same id."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
    return f"{prefix}_{digest[:32]}"
