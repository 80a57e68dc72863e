"""Keep answers of hot questions in Redis or Valkey, by the version of the data, so that a stale one cannot be found.

A write of prices, actions or instruments gives the data another version in its own transaction
(`ops.data_version`); an answer is kept only when the version was the same before and after it was read. Where a
question was asked later than everything stored became known, its day stands for its time, so that a live clock finds
answers too. Only public answers are kept. Without the server, or with a full or wrong one, every answer is read from
the database. The books are marked without it.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256
from time import monotonic as _monotonic
from time import perf_counter
from typing import Any, TypeVar

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.adapters.store.database import Database
from core.adapters.store.panel_files import read_panel, write_panel
from core.domain.as_of import AsOf
from core.domain.panel import Panel
from core.ports.market_data import Adjust, Bars, Needs, Purpose
from core.ports.query import CheckedSql, QueryResult, QueryRunner

TIMEOUT_S = 0.5
# How long a server that failed is left alone.
PAUSE_S = 30.0
KEPT_S = 86_400
# Larger answers come as fast from the panel files or the database.
MOST_BYTES = 1_000_000
# Relations of which every write changes the version.
COVERED = frozenset(
    f"market_data.{name}" for name in ("v_bars", "v_prices", "v_return_prices", "v_corporate_actions", "v_instruments")
)
_CLOCKS = re.compile(r"as_of|\bnow\b|current_|localtime|_timestamp\b|random", re.IGNORECASE)
# The years of the series hold the newest times of all their bars, a correction is known later than what it corrects.
_STATE = """
SELECT ops.data_version(), greatest(
    (SELECT max(known_at) FROM market_data.series_years), (SELECT max(known_at) FROM market_data.corporate_actions),
    (SELECT max(known_at) FROM market_data.instruments), (SELECT max(known_at) FROM market_data.group_memberships))
"""
_DIGEST_BYTES = 32
_log = structlog.get_logger("cache")
T = TypeVar("T")


class Answers:
    """Keep answers at the server of an address; what fails there is told once and costs time only."""

    def __init__(self, url: str, database: Database, *, monotonic: Callable[[], float] = _monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._resume = -1.0
        self._told = False
        self._state: tuple[str, datetime | None] = ("", None)
        self._server: redis.Redis | None = None
        try:
            self._server = redis.Redis.from_url(
                url, socket_connect_timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 1)
            )
        except ValueError as error:
            self._fail(error)

    def answer(
        self,
        question: Sequence[object],
        as_of: AsOf,
        read: Callable[[], T],
        encode: Callable[[T], bytes],
        decode: Callable[[bytes], T],
    ) -> T:
        """Return the answer that is kept for this version of the data, or read it and keep it; `read` may raise."""
        if self._server is None or self._monotonic() < self._resume:
            return read()
        version, settled = self._read_state()
        moment: object = as_of
        if settled is not None and as_of.recorded is None and as_of.known >= settled:
            moment = as_of.known.astimezone(UTC).date()
        key = f"quantdesk:1:{version}:{sha256(repr((question, moment)).encode()).hexdigest()[:32]}"
        kept = self._load(key)
        if kept is not None:
            try:
                return decode(kept)
            except (ValueError, KeyError, TypeError, EOFError) as error:
                self._fail(error)
        found = read()
        content = encode(found)
        if len(content) <= MOST_BYTES and self._read_state()[0] == version:
            self._keep(key, content)
        return found

    def close(self) -> None:
        """Close the connections to the server."""
        if self._server is not None:
            self._server.close()

    def _read_state(self) -> tuple[str, datetime | None]:
        """Return the version of the data and when the last of it became known."""
        with self._database.transaction() as connection:
            row = connection.execute("SELECT ops.data_version()").fetchone()
            if row is None or row[0] != self._state[0]:
                row = connection.execute(_STATE).fetchone()
                assert row is not None
                self._state = (row[0], row[1])
            return self._state

    def _load(self, key: str) -> bytes | None:
        """Return what is kept, None when there is nothing or something that was not kept under this key."""
        server = self._server
        assert server is not None
        try:
            kept = server.get(key)
        except (redis.RedisError, OSError) as error:
            self._fail(error)
            return None
        if not isinstance(kept, bytes) or sha256(key.encode() + kept[_DIGEST_BYTES:]).digest() != kept[:_DIGEST_BYTES]:
            return None
        return kept[_DIGEST_BYTES:]

    def _keep(self, key: str, content: bytes) -> None:
        server = self._server
        assert server is not None
        if self._monotonic() < self._resume:
            return
        try:
            server.set(key, sha256(key.encode() + content).digest() + content, ex=KEPT_S)
        except (redis.RedisError, OSError) as error:
            self._fail(error)
        else:
            self._told = False

    def _fail(self, error: Exception) -> None:
        self._resume = self._monotonic() + PAUSE_S
        if not self._told:
            # The error's own text may hold the address with its password.
            _log.warning(
                "the cache at REDIS_URL is left out; answers come from the database", reason=type(error).__name__
            )
        self._told = True


class CachedBars:
    """Read daily bars through the kept answers."""

    def __init__(self, bars: Bars, answers: Answers) -> None:
        self._bars = bars
        self._answers = answers

    def panel(
        self,
        instrument_ids: Sequence[int],
        *,
        purpose: Purpose,
        as_of: AsOf,
        start: date | None = None,
        end: date | None = None,
        needs: Needs = "close",
    ) -> Panel:
        """Return the bars of the window as `Bars.panel` does."""
        question = ("panel", tuple(map(int, instrument_ids)), purpose, start, end, needs)
        return self._panel(
            question,
            as_of,
            lambda: self._bars.panel(instrument_ids, purpose=purpose, as_of=as_of, start=start, end=end, needs=needs),
        )

    def bars(
        self,
        instrument_ids: Sequence[int],
        *,
        as_of: AsOf,
        adjust: Adjust,
        start: date | None = None,
        end: date | None = None,
        needs: Needs = "close",
    ) -> Panel:
        """Return bars on one stated basis as `Bars.bars` does."""
        question = ("bars", tuple(map(int, instrument_ids)), adjust, start, end, needs)
        return self._panel(
            question,
            as_of,
            lambda: self._bars.bars(instrument_ids, as_of=as_of, adjust=adjust, start=start, end=end, needs=needs),
        )

    def last_session(self, instrument_ids: Sequence[int], *, as_of: AsOf) -> date | None:
        """Return the newest session of any of the instruments that was known then."""
        return self._answers.answer(
            ("last_session", tuple(map(int, instrument_ids))),
            as_of,
            lambda: self._bars.last_session(instrument_ids, as_of=as_of),
            lambda found: found.isoformat().encode() if found else b"",
            lambda kept: date.fromisoformat(kept.decode()) if kept else None,
        )

    def _panel(self, question: Sequence[object], as_of: AsOf, read: Callable[[], Panel]) -> Panel:
        def encode(panel: Panel) -> bytes:
            file = io.BytesIO()
            write_panel(file, panel)
            return file.getvalue()

        return self._answers.answer(
            question, as_of, read, encode, lambda kept: replace(read_panel(io.BytesIO(kept)), as_of=as_of)
        )


class CachedQueries:
    """Run checked SQL through the kept answers.

    What is kept are public statements with parameters (those of the semantic layer) on the relations whose writes
    change the version; free SQL is not, because it may make something of the time that its text does not show.
    """

    def __init__(self, query: QueryRunner, answers: Answers) -> None:
        self._query = query
        self._answers = answers

    def run(
        self,
        statement: CheckedSql,
        parameters: Mapping[str, Any] | None = None,
        *,
        as_of: AsOf,
        max_rows: int = 1000,
    ) -> QueryResult:
        """Return at most max_rows rows as `QueryRunner.run` does; `milliseconds` is what this answer took."""

        def read() -> QueryResult:
            return self._query.run(statement, parameters, as_of=as_of, max_rows=max_rows)

        if (
            parameters is None
            or statement.label != "public"
            or not COVERED.issuperset(statement.relations)
            or _CLOCKS.search(statement.text)
        ):
            return read()
        started = perf_counter()

        def decode(kept: bytes) -> QueryResult:
            columns, types, rows, truncated = json.loads(kept)
            return QueryResult(
                columns=tuple(columns),
                types=tuple(types),
                rows=tuple(map(tuple, rows)),
                truncated=truncated,
                sql=statement.text,
                milliseconds=(perf_counter() - started) * 1000,
            )

        return self._answers.answer(
            ("sql", statement.text, tuple(parameters.values()), max_rows),
            as_of,
            read,
            lambda found: json.dumps([found.columns, found.types, found.rows, found.truncated]).encode(),
            decode,
        )

    def notes(self) -> tuple[str, ...]:
        """Return what the reader of a result must know about how it was read."""
        return self._query.notes()
