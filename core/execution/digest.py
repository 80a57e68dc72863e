"""Bind an approval to the exact content of a proposal."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from core.domain.books import Leg, Proposal

# created_at is the database's own note of when the row came; everything else is bound.
_NOT_BOUND = frozenset({"digest", "created_at"})
# Left out at their defaults, so that proposals from before they existed keep their digests.
_BOUND_WHEN_SET = frozenset({"legging", "on_failure"})


def proposal_digest(proposal: Proposal) -> str:
    """Return SHA-256 over the RFC 8785 canonical JSON of the proposal, decimals as strings, times as UTC text.

    The database computes the same from its row and refuses a proposal or decision whose digest differs.
    """
    import rfc8785

    content = {
        name: _plain(getattr(proposal, name))
        for name, field in type(proposal).model_fields.items()
        if name not in _NOT_BOUND and not (name in _BOUND_WHEN_SET and getattr(proposal, name) == field.default)
    }
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def plain_decimal(value: Decimal) -> Decimal:
    """Return the value without exponent or trailing zeros, so that equal values have one text."""
    return Decimal(format(value.normalize(), "f"))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Leg):
        unset = {name for name in value.left_out if getattr(value, name) is None}
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields if name not in unset}
    return value
