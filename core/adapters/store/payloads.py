"""Keep what vendors replied, compressed, with the request that asked for it."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator
from datetime import datetime

from psycopg.types.json import Jsonb

from core.adapters.store.database import Database
from core.ports.vendor import Payload

_ENCODING = "deflate"
# How many replies are read from the server at a time.
_BATCH = 50


class PostgresPayloads:
    """Implement core.ports.vendor.PayloadStore in ops.raw_payloads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, payload: Payload) -> bool:
        """Keep a payload; one with the same request and content is kept once. Returns whether it is new."""
        request = json.dumps(dict(payload.request), sort_keys=True, default=str)
        digest = hashlib.sha256()
        for part in (payload.vendor, payload.kind, request):
            digest.update(part.encode() + b"\0")
        digest.update(payload.body)
        with self._database.transaction() as connection:
            done = connection.execute(
                "INSERT INTO ops.raw_payloads (payload_id, vendor, kind, request, content_type, encoding, body,"
                " received_at, vendor_time) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (
                    f"pay_{digest.hexdigest()[:40]}",
                    payload.vendor,
                    payload.kind,
                    Jsonb(json.loads(request)),
                    payload.content_type,
                    _ENCODING,
                    zlib.compress(payload.body, 6),
                    payload.received_at,
                    payload.vendor_time,
                ),
            )
            return done.rowcount == 1

    def read(self, vendor: str | None = None, since: datetime | None = None) -> Iterator[Payload]:
        """Yield kept payloads in the order they arrived."""
        after: tuple[datetime | None, str] = (since, "")
        while True:
            with self._database.transaction() as connection:
                rows = connection.execute(
                    "SELECT payload_id, vendor, kind, request, content_type, encoding, body, received_at, vendor_time"
                    " FROM ops.raw_payloads WHERE (%(vendor)s::text IS NULL OR vendor = %(vendor)s)"
                    " AND (%(at)s::timestamptz IS NULL OR (received_at, payload_id) > (%(at)s, %(id)s))"
                    " ORDER BY received_at, payload_id LIMIT %(limit)s",
                    {"vendor": vendor, "at": after[0], "id": after[1], "limit": _BATCH},
                ).fetchall()
            for _, name, kind, request, content_type, encoding, body, received_at, vendor_time in rows:
                yield Payload(
                    vendor=name,
                    kind=kind,
                    request=request,
                    content_type=content_type,
                    body=zlib.decompress(body) if encoding == _ENCODING else bytes(body),
                    received_at=received_at,
                    vendor_time=vendor_time,
                )
            if len(rows) < _BATCH:
                return
            after = (rows[-1][7], rows[-1][0])
