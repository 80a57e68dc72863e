"""Watch the final bytes on their way out: an alarm behind the labels, never the control itself."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Collection, Iterable
from typing import Protocol
from urllib.parse import quote

_DESK_IDS = re.compile(rb"\b(?:prp|ord|fil|apr|usr)_[0-9a-f]{16,}\b")
_SHORTEST = 5


class Request(Protocol):
    """Be a request of httpx or httpx2: both SDK generations look alike here."""

    url: object

    async def aread(self) -> bytes:
        """Return the body."""
        ...


class Tripwire:
    """Scan requests to a cloud for private values in any usual encoding; remember a hit and block the request."""

    def __init__(self, private_values: Callable[[], Collection[str]] | None = None, *, armed: bool = True) -> None:
        self._private_values = private_values or (lambda: ())
        self.armed = armed
        self.hits: list[str] = []

    def scan(self, body: bytes) -> str | None:
        """Return a name for what was found in the bytes, or None."""
        if _DESK_IDS.search(body):
            return "an id of the books"
        lowered = body.lower()
        for value in self._private_values():
            if len(value) >= _SHORTEST and any(form in lowered for form in encodings(value)):
                return "a private value"
        return None

    async def check(self, request: Request) -> None:
        """Stop a request that carries a private value; an HTTP client's request hook."""
        from core.errors import PrivacyRefused

        if not self.armed:
            return
        found = self.scan(await request.aread() + b"\n" + str(request.url).encode())
        if found:
            self.hits.append(found)
            raise PrivacyRefused(f"The request held {found} and was not sent.", rule="egress")


def encodings(value: str) -> Iterable[bytes]:
    """Yield a value as it may stand in a request: as written, JSON-escaped, URL-encoded, in base64, with commas."""
    import json

    forms = {value, json.dumps(value)[1:-1], quote(value), quote(value, safe="")}
    if re.fullmatch(r"-?\d+(?:\.\d+)?", value):
        number = float(value)
        forms |= {f"{number:,.2f}", f"{number:.2f}", f"{number:,}"} if abs(number) >= 1000 else set()
    for form in forms:
        yield form.lower().encode()
    raw = value.encode()
    for shift in range(3):
        # Base64 of a value inside a longer text depends on its offset; its middle does not.
        padded = base64.b64encode(b"\0" * shift + raw)
        core = padded[4 if shift else 0 : -4]
        if len(core) >= 8:
            yield core.lower()
