"""Take secrets out of addresses and texts before anybody reads them."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

HIDDEN = "***"
_SECRET_NAMES = frozenset(
    {
        "apikey",
        "api_key",
        "key",
        "token",
        "access_token",
        "secret",
        "signature",
        "x_cg_demo_api_key",
        "x_cg_pro_api_key",
    }
)


def redact_url(url: str) -> str:
    """Return an address whose passwords and key parameters are hidden."""
    parts = urlsplit(url)
    host = parts.netloc.rsplit("@", 1)[-1]
    query = urlencode(
        [
            (name, HIDDEN if name.lower() in _SECRET_NAMES else value)
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        ],
        safe=f"{HIDDEN},:",
    )
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return a text in which the given secrets are hidden, as they are and as they look inside an address."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, HIDDEN).replace(quote(secret, safe=""), HIDDEN)
    return text
