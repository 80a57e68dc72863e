"""Reach OpenAI through langchain-openai; nothing is stored on their side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.models.provider import MOST_OUTPUT_TOKENS, Provider
from core.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from agents.models.egress import Tripwire


def provider(settings: Settings) -> Provider | None:
    """Return the provider if a key is set, else None."""
    if settings.openai_api_key is None or not settings.openai_api_key.get_secret_value():
        return None
    return Provider(
        name="openai", kind="cloud", model=settings.openai_model, build=lambda tripwire: _build(settings, tripwire)
    )


def _build(settings: Settings, tripwire: Tripwire) -> BaseChatModel:
    import httpx2
    from langchain_openai import ChatOpenAI

    assert settings.openai_api_key is not None
    return ChatOpenAI(
        model=settings.openai_model,
        api_key=settings.openai_api_key,
        base_url=settings.openai_base_url or "https://api.openai.com/v1",
        max_retries=0,
        timeout=60.0,
        store=False,
        max_completion_tokens=MOST_OUTPUT_TOKENS,
        http_async_client=httpx2.AsyncClient(event_hooks={"request": [tripwire.check]}, timeout=60.0, trust_env=False),
    )
