"""The chain of the audit log, kept in memory: whatever is done to it afterwards is found and named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.execution.audit import ANCHOR_FILE, Anchor, AuditEntry, entry_hash, keep_anchor, read_anchor, verify

START = datetime(2022, 11, 30, 17, 0, 0, 250_000, tzinfo=UTC)


class Kept:
    """Keep entries in a list, as the database keeps them in a table."""

    def __init__(self, entries: Sequence[AuditEntry], wrong_rows: Sequence[str] = ()) -> None:
        self._entries, self._wrong_rows = entries, wrong_rows

    def entries(self) -> Sequence[AuditEntry]:
        return self._entries

    def changed_rows(self, limit: int = 20) -> Sequence[str]:
        return self._wrong_rows


def written_out(entry: AuditEntry) -> str:
    """Return the hash by the words of its definition: sorted keys, no spaces, UTC with microseconds."""
    content = {
        "action": entry.action,
        "actor": entry.actor,
        "detail": dict(entry.detail),
        "entry_id": entry.entry_id,
        "happened_at": entry.happened_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "subject": entry.subject,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256((entry.previous_hash + text).encode()).hexdigest()


def chain(count: int) -> list[AuditEntry]:
    made: list[AuditEntry] = []
    for number in range(1, count + 1):
        entry = AuditEntry(
            entry_id=number,
            happened_at=START + timedelta(seconds=number),
            actor=f"usr_{number % 3}",
            action="orders.insert",
            subject=f"ord_{number}",
            detail={"quantity": str(number), "note": "Käse & <b>"},
            previous_hash=made[-1].entry_hash if made else "",
            entry_hash="",
        )
        made.append(replace(entry, entry_hash=written_out(entry)))
    return made


def head(entries: Sequence[AuditEntry]) -> Anchor:
    return Anchor(entry_id=entries[-1].entry_id, entry_hash=entries[-1].entry_hash)


def test_an_empty_log_is_whole_and_has_no_head() -> None:
    found = verify(Kept([]))
    assert (found.entries, found.head, found.problems) == (0, None, ())


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.data())
def test_a_log_that_nobody_touched_is_whole_whatever_head_was_kept(count: int, data: st.DataObject) -> None:
    entries = chain(count)
    kept = data.draw(st.lists(st.integers(1, count), max_size=3))
    found = verify(Kept(entries), [head(entries[:number]) for number in kept])
    assert (found.entries, found.head, found.problems) == (count, head(entries), ())


def test_the_hash_is_of_the_definition_whatever_zone_the_time_is_read_in() -> None:
    (entry,) = chain(1)
    assert entry_hash(entry) == written_out(entry)
    tokyo = replace(entry, happened_at=entry.happened_at.astimezone(timezone(timedelta(hours=9))))
    assert entry_hash(tokyo) == entry.entry_hash


EDITS = {
    "who": {"actor": "usr_evil"},
    "what": {"action": "orders.update"},
    "which": {"subject": "ord_9999"},
    "how much": {"detail": {"quantity": "1000000", "note": "Käse & <b>"}},
    "more": {"detail": {"quantity": "2", "note": "Käse & <b>", "by": "nobody"}},
    "less": {"detail": {}},
    "when": {"happened_at": START},
}


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 8), st.data(), st.sampled_from(sorted(EDITS)))
def test_an_edit_is_found_in_its_entry(count: int, data: st.DataObject, what: str) -> None:
    entries = chain(count)
    place = data.draw(st.integers(0, count - 1))
    entries[place] = replace(entries[place], **EDITS[what])  # type: ignore[arg-type]
    assert verify(Kept(entries)).problems == (
        f"Entry {place + 1} ({entries[place].action} {entries[place].subject}) was changed.",
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 8), st.data())
def test_an_edit_that_is_hashed_anew_breaks_the_next_entry_or_the_head(count: int, data: st.DataObject) -> None:
    entries = chain(count)
    place = data.draw(st.integers(0, count - 1))
    kept = head(entries)
    changed = replace(entries[place], actor="usr_evil")
    entries[place] = replace(changed, entry_hash=written_out(changed))
    if place < count - 1:
        assert verify(Kept(entries)).problems == (f"Entry {place + 2} does not follow the one before it.",)
    # Of the last entry only a head that was kept elsewhere can tell.
    else:
        assert verify(Kept(entries)).problems == ()
        assert verify(Kept(entries), [kept]).problems == (f"Entry {count} is not the one that was the head once.",)


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 9), st.data())
def test_a_deleted_entry_is_missed(count: int, data: st.DataObject) -> None:
    entries = chain(count)
    place = data.draw(st.integers(0, count - 2))
    del entries[place]
    found = verify(Kept(entries)).problems
    assert found[0] == f"Entry {place + 1} is missing: {place + 2} stands in its place."
    assert f"Entry {place + 2} does not follow the one before it." in found


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 9), st.data())
def test_a_tail_that_was_cut_off_shows_by_a_head_kept_elsewhere_only(count: int, data: st.DataObject) -> None:
    entries = chain(count)
    left = data.draw(st.integers(0, count - 1))
    assert verify(Kept(entries[:left])).problems == ()
    found = verify(Kept(entries[:left]), [head(entries)]).problems
    assert found == (f"The log once had entry {count}: its tail was cut off.",)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 8), st.randoms(use_true_random=False))
def test_another_order_is_found(count: int, random: object) -> None:
    entries = chain(count)
    shuffled = list(entries)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' own random
    assert (verify(Kept(shuffled)).problems == ()) == (shuffled == entries)


def test_a_log_written_anew_from_the_start_shows_by_the_head_only() -> None:
    kept = head(chain(3))
    forged = chain(3)
    for place, entry in enumerate(forged):
        changed = replace(
            entry, actor="usr_evil", previous_hash=forged[place - 1].entry_hash if place else "", entry_hash=""
        )
        forged[place] = replace(changed, entry_hash=written_out(changed))
    assert verify(Kept(forged)).problems == ()
    assert verify(Kept(forged), [kept]).problems == ("Entry 3 is not the one that was the head once.",)


def test_rows_of_the_books_that_changed_are_told_with_the_chain() -> None:
    found = verify(Kept(chain(2), ["orders ord_1 is not what the log says."]))
    assert found.problems == ("orders ord_1 is not what the log says.",) and found.entries == 2


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 10**12), st.text("0123456789abcdef", min_size=64, max_size=64))
def test_a_head_comes_back_from_its_file(tmp_path_factory: pytest.TempPathFactory, number: int, digest: str) -> None:
    file = tmp_path_factory.getbasetemp() / "heads" / ANCHOR_FILE
    keep_anchor(file, Anchor(entry_id=number, entry_hash=digest))
    assert read_anchor(file) == Anchor(entry_id=number, entry_hash=digest)
    assert [path.name for path in file.parent.iterdir()] == [ANCHOR_FILE]


@pytest.mark.parametrize(
    "content", ["", "12", "[]", "{}", '{"entry_id": 1}', '{"entry_id": "x", "entry_hash": "y"}', "{"]
)
def test_a_file_that_holds_no_head_is_not_taken_for_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / ANCHOR_FILE
    assert read_anchor(file) is None
    file.write_text(content)
    with pytest.raises(InvalidInput, match="holds no head") as told:
        read_anchor(file)
    assert "verify again" in told.value.hint
