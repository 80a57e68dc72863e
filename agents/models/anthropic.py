"""Reach Claude through langchain-anthropic."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from agents.models.provider import MOST_OUTPUT_TOKENS, Provider
from core.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from agents.models.egress import Tripwire


def provider(settings: Settings) -> Provider | None:
    """Return the provider if a key is set, else None."""
    if settings.anthropic_api_key is None or not settings.anthropic_api_key.get_secret_value():
        return None
    return Provider(
        name="anthropic",
        kind="cloud",
        model=settings.anthropic_model,
        build=lambda tripwire: _build(settings, tripwire),
    )


def _build(settings: Settings, tripwire: Tripwire) -> BaseChatModel:
    import anthropic
    import httpx2
    from langchain_anthropic import ChatAnthropic

    class WatchedChatAnthropic(ChatAnthropic):
        """Send through an HTTP client whose requests are watched."""

        @cached_property
        def _async_client(self) -> anthropic.AsyncClient:
            params = dict(self._client_params)
            client = httpx2.AsyncClient(
                event_hooks={"request": [tripwire.check]}, timeout=params.get("timeout"), trust_env=False
            )
            return anthropic.AsyncClient(**params, http_client=client)

    assert settings.anthropic_api_key is not None
    return WatchedChatAnthropic(
        model=settings.anthropic_model,
        api_key=settings.anthropic_api_key,
        base_url=settings.anthropic_base_url or "https://api.anthropic.com",
        max_tokens=MOST_OUTPUT_TOKENS,
        max_retries=0,
        timeout=60.0,
        # The rules and tools are the same in every request: read again from their cache they cost a tenth.
        model_kwargs={"cache_control": {"type": "ephemeral"}},
    )
