"""Read what came back: status, body, clocks, and which error an answer stands for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from core.errors import (
    VendorError,
    VendorKeyRefused,
    VendorMalformed,
    VendorNotFound,
    VendorQuotaSpent,
    VendorRefused,
    VendorUnavailable,
)

_EXCERPT = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Hold one HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime

    @property
    def content_type(self) -> str:
        """Return the media type without its parameters."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    @property
    def vendor_time(self) -> datetime | None:
        """Return the time on the vendor's clock, None where it states none that can be read."""
        return _http_date(self.headers.get("date"))

    @property
    def retry_after_seconds(self) -> float | None:
        """Return how long the vendor asks to wait; a date is measured on the vendor's own clock, not on ours."""
        stated = self.headers.get("retry-after", "").strip()
        if not stated:
            return None
        try:
            return max(0.0, float(stated))
        except ValueError:
            moment = _http_date(stated)
            return (
                None if moment is None else max(0.0, (moment - (self.vendor_time or self.received_at)).total_seconds())
            )

    @property
    def excerpt(self) -> str:
        """Return the beginning of the body as one line, for a person."""
        return " ".join(self.body[: 4 * _EXCERPT].decode("utf-8", "replace").split())[:_EXCERPT]

    def json(self) -> Any:
        """Return the body as JSON; raises VendorMalformed for HTML, cut or empty bodies."""
        return read_json(self.body)


def read_json(body: bytes) -> Any:
    """Return a body as JSON; raises VendorMalformed for HTML, cut or empty bodies."""
    try:
        return json.loads(body)
    except (ValueError, UnicodeDecodeError) as error:
        start = body.lstrip()[:200].lower()
        what = (
            "HTML"
            if start.startswith((b"<!doctype html", b"<html"))
            else "nothing"
            if not start
            else "no complete JSON"
        )
        shown = " ".join(body[:200].decode("utf-8", "replace").split())[:80]
        raise VendorMalformed(f"JSON was expected and {what} came: {shown!r}.") from error


def error_of(reply: Reply, vendor: str) -> VendorError | None:
    """Return the error that a status stands for, None for success."""
    status, told = reply.status, reply.excerpt
    if 200 <= status < 300:
        return None
    said = f"{vendor} answered {status}: {told}" if told else f"{vendor} answered {status}"
    if status == 401:
        return VendorKeyRefused(f"{said}.")
    if status in (402, 403):
        return VendorQuotaSpent(f"{said}.", hint="The key's plan does not include this, or its allowance is used up.")
    if status in (404, 410):
        return VendorNotFound(f"{said}.")
    if status in (408, 418, 425, 429) or status >= 500:
        return VendorUnavailable(f"{said}.", after_seconds=reply.retry_after_seconds)
    if 300 <= status < 400:
        return VendorMalformed(f"{vendor} points to another address ({status}), which is not followed.")
    return VendorRefused(f"{said}.")


def _http_date(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
