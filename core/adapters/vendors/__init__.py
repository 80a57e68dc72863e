"""Find vendors by file name: a module with `TERMS` and `open_vendor(transport)` is one."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from core.errors import UnknownName

if TYPE_CHECKING:
    from core.adapters.transport.client import Timing
    from core.ports.vendor import Vendor, VendorTerms


def vendor_terms() -> tuple[VendorTerms, ...]:
    """Return the terms of every vendor that is reached over a network, by name."""
    return tuple(module.TERMS for module in _modules().values())


def open_vendor(name: str, timing: Timing) -> Vendor:
    """Return a vendor, reached as the settings say; raises UnknownName with those there are."""
    from core.adapters.transport.client import Transport
    from core.settings import read_vendor_access

    module = _modules().get(name)
    if module is None:
        raise UnknownName("vendor", name, sorted(_modules()))
    vendor: Vendor = module.open_vendor(Transport(module.TERMS, read_vendor_access(module.TERMS), timing))
    return vendor


class NetworkVendors:
    """Know the vendors that are reached over a network, and open them on the machine's own time."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing

    def terms(self) -> Sequence[VendorTerms]:
        """Return the terms of every vendor."""
        return vendor_terms()

    def has_key(self, terms: VendorTerms) -> bool:
        """Say whether everything that the vendor needs to be asked is set."""
        from core.settings import read_vendor_access

        return not terms.key_required or set(terms.keys) <= set(read_vendor_access(terms).secrets)

    def open(self, name: str) -> Vendor:
        """Return a vendor; raise UnknownName."""
        return open_vendor(name, self._timing)


@lru_cache(maxsize=1)
def _modules() -> dict[str, ModuleType]:
    names = sorted(file.stem for file in Path(__file__).resolve().parent.glob("[a-z]*.py"))
    found = {name: importlib.import_module(f"{__name__}.{name}") for name in names}
    return {name: module for name, module in found.items() if hasattr(module, "TERMS")}
