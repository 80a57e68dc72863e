"""Check the audit log: each entry is hashed over the one before, so that no change in its middle or end goes unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from core.errors import InvalidInput

ANCHOR_FILE = "AUDIT_HEAD"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Hold one entry: who did what to which row, the row as texts, and its hash over the one before."""

    entry_id: int
    happened_at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, str]
    previous_hash: str
    entry_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """Hold the head of the log as it was once seen; kept outside the database it shows a tail that was cut off."""

    entry_id: int
    entry_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Say what a check found; `head` is None for an empty log."""

    entries: int
    head: Anchor | None
    problems: tuple[str, ...]


class AuditLog(Protocol):
    """Read the audit log and the rows it tells of."""

    def entries(self) -> Iterable[AuditEntry]:
        """Yield all entries by number."""
        ...

    def changed_rows(self, limit: int = 20) -> Sequence[str]:
        """Return what is wrong with rows of the books that no longer are what the log says, or have no entry."""
        ...


def entry_hash(entry: AuditEntry) -> str:
    """Return SHA-256 over the previous hash and the RFC 8785 canonical JSON of the entry, as the database does."""
    import rfc8785

    content: dict[str, Any] = {
        "entry_id": entry.entry_id,
        "happened_at": entry.happened_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": dict(entry.detail),
    }
    return hashlib.sha256(entry.previous_hash.encode() + rfc8785.dumps(content)).hexdigest()


def verify(log: AuditLog, anchors: Sequence[Anchor] = ()) -> Verified:
    """Walk the whole chain and compare it with the anchors and with the rows it tells of.

    An edited entry breaks its hash, a deleted or reordered one the chain or the count, a cut tail an anchor.
    """
    problems: list[str] = []
    wanted = {anchor.entry_id: anchor.entry_hash for anchor in anchors}
    head: Anchor | None = None
    count = 0
    for entry in log.entries():
        count += 1
        if entry.entry_id != count:
            problems.append(f"Entry {count} is missing: {entry.entry_id} stands in its place.")
            count = entry.entry_id
        if entry.previous_hash != (head.entry_hash if head else ""):
            problems.append(f"Entry {entry.entry_id} does not follow the one before it.")
        if entry.entry_hash != entry_hash(entry):
            problems.append(f"Entry {entry.entry_id} ({entry.action} {entry.subject}) was changed.")
        if wanted.pop(entry.entry_id, entry.entry_hash) != entry.entry_hash:
            problems.append(f"Entry {entry.entry_id} is not the one that was the head once.")
        head = Anchor(entry_id=entry.entry_id, entry_hash=entry.entry_hash)
    problems += [f"The log once had entry {number}: its tail was cut off." for number in sorted(wanted)]
    problems += log.changed_rows()
    return Verified(entries=count, head=head, problems=tuple(problems))


def read_anchor(file: Path) -> Anchor | None:
    """Return the anchor kept in a file; None when there is no file. Raises InvalidInput for another content."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return Anchor(entry_id=int(kept["entry_id"]), entry_hash=str(kept["entry_hash"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{file} holds no head of an audit log.", hint="Move it away and verify again.") from error


def parse_anchor(text: str) -> Anchor:
    """Return the anchor written as NUMBER:HASH, as a check prints it; raise InvalidInput."""
    number, _, digest = text.partition(":")
    if not number.isdecimal() or len(digest) != 64:
        raise InvalidInput(f"{text!r} is no head.", hint="Give NUMBER:HASH as `quantdesk audit verify` printed it.")
    return Anchor(entry_id=int(number), entry_hash=digest)


def keep_anchor(file: Path, anchor: Anchor) -> None:
    """Keep an anchor in a file, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps({"entry_id": anchor.entry_id, "entry_hash": anchor.entry_hash}), encoding="utf-8")
    partial.replace(file)
