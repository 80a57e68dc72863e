"""List the data vendors: what each delivers, whether it needs a key, whether that is set, what works without it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.cli_commands.output import Output

if TYPE_CHECKING:
    from core.ports.vendor import VendorTerms
    from core.settings import VendorAccess


def configure(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the common options are enough."""


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Print every vendor; nothing is asked of them."""
    from app.bootstrap import list_vendors

    found = list_vendors()
    if output.as_json:
        output.document([_document(terms, access) for terms, access in found])
        return None
    output.table(
        ("vendor", "key", "set", "requests a minute", "delivers"),
        [
            (
                terms.name,
                _key(terms),
                _state(terms, access),
                f"{access.requests_per_minute:g}",
                ", ".join(terms.delivers),
            )
            for terms, access in found
        ],
    )
    for terms, access in found:
        output.text(f"\n{terms.name}: {terms.title}")
        for topic, meaning in terms.delivers.items():
            output.text(f"  {topic}: {meaning}")
        output.text(f"  limits: {terms.limits}")
        missing = [name for name in terms.keys if name not in access.secrets]
        if missing:
            output.text(f"  set {' and '.join(missing)} to use it; without: {terms.without_key}")
    output.text(f"\nWithout any key: {offer([terms for terms, _ in found])}")
    return None


def offer(vendors: Sequence[VendorTerms]) -> str:
    """Return the command that fills the desk from the vendors that need no key."""
    free = [terms.name for terms in vendors if not terms.keys or not terms.key_required]
    return f"quantdesk ingest --mode backfill --days 365 --vendors {' '.join(free)}"


def _key(terms: VendorTerms) -> str:
    return "none" if not terms.keys else "needed" if terms.key_required else "optional"


def _state(terms: VendorTerms, access: VendorAccess) -> str | None:
    return None if not terms.keys else "yes" if set(terms.keys) <= set(access.secrets) else "no"


def _document(terms: VendorTerms, access: VendorAccess) -> dict[str, object]:
    return {
        "vendor": terms.name,
        "title": terms.title,
        "delivers": dict(terms.delivers),
        "keys": list(terms.keys),
        "key_required": bool(terms.keys) and terms.key_required,
        "keys_set": [name for name in terms.keys if name in access.secrets],
        "without_key": terms.without_key,
        "requests_per_minute": access.requests_per_minute,
        "address": access.base_url,
        "limits": terms.limits,
    }
