"""Price model calls in US dollars from a dated table; a cloud model that is not in it costs as the dearest one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_core.messages.ai import UsageMetadata

    from agents.models.provider import Envelope, Provider

PRICES_OF = date(2026, 11, 1)
_MILLION = Decimal(1_000_000)
# What providers add to a request of their own, such as the rules of tool use.
ADDED_TOKENS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Hold US dollars for a million tokens; reading a cached prefix is cheaper, writing one dearer than input."""

    input_usd: Decimal
    output_usd: Decimal
    cache_read_usd: Decimal
    cache_write_usd: Decimal


def _price(read: str, write: str, *, cached: str, caching: str) -> Price:
    return Price(
        input_usd=Decimal(read),
        output_usd=Decimal(write),
        cache_read_usd=Decimal(cached),
        cache_write_usd=Decimal(caching),
    )


# The providers' list prices on PRICES_OF, by the beginning of the model's name.
PRICES: dict[str, Price] = {
    "claude-opus": _price("5", "25", cached="0.5", caching="6.25"),
    "claude-sonnet": _price("3", "15", cached="0.3", caching="3.75"),
    "claude-haiku": _price("1", "5", cached="0.1", caching="1.25"),
    "gpt-5": _price("1.75", "14", cached="0.175", caching="1.75"),
}
FREE = _price("0", "0", cached="0", caching="0")


def price_of(provider: Provider) -> Price:
    """Return the price of a provider's model: nothing on this machine, the dearest known for an unknown one."""
    if provider.kind == "local":
        return FREE
    named = [price for name, price in PRICES.items() if provider.model.startswith(name)]
    return named[0] if named else max(PRICES.values(), key=lambda price: price.output_usd)


def worst_cost(provider: Provider, envelope: Envelope) -> Decimal:
    """Return the most a call can cost: a token is at least one byte, and the reply may be as long as it is allowed."""
    price = price_of(provider)
    tokens = len(envelope.content().encode()) + ADDED_TOKENS
    dearest = max(price.input_usd, price.cache_write_usd)
    return (tokens * dearest + provider.most_output_tokens * price.output_usd) / _MILLION


def cost_of(provider: Provider, usage: UsageMetadata | None) -> Decimal:
    """Return what a call cost by the provider's own count of tokens; zero when it gave none."""
    if usage is None:
        return Decimal(0)
    price = price_of(provider)
    details = usage.get("input_token_details") or {}
    read, written = details.get("cache_read") or 0, details.get("cache_creation") or 0
    plain = max(0, usage["input_tokens"] - read - written)
    return (
        plain * price.input_usd
        + read * price.cache_read_usd
        + written * price.cache_write_usd
        + usage["output_tokens"] * price.output_usd
    ) / _MILLION
