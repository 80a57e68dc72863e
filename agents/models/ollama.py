"""Reach a model on this machine through langchain-ollama; only trusted hosts, no models that run elsewhere."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agents.models.provider import Provider
from core.errors import InvalidInput
from core.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


def provider(settings: Settings) -> Provider | None:
    """Return the provider if an address is set, else None.

    Raises InvalidInput when the address is neither loopback nor allow-listed, or the model runs in a cloud.
    """
    if not settings.ollama_address:
        return None
    address = settings.ollama_address if "://" in settings.ollama_address else f"http://{settings.ollama_address}"
    check_trusted(address, settings.ollama_model, settings.local_model_hosts)
    return Provider(
        name="ollama",
        kind="local",
        model=settings.ollama_model,
        build=lambda tripwire: _build(address, settings),
        # A model on this machine may have to be loaded first.
        first_byte_seconds=60.0,
    )


def check_trusted(address: str, model: str, allowed_hosts: str) -> None:
    """Raise InvalidInput unless the address may see private data: loopback, or named in the allow list."""
    host = (urlsplit(address).hostname or "").lower()
    allowed = {name.strip().lower() for name in allowed_hosts.split(",") if name.strip()}
    if host not in allowed and not _is_loopback(host):
        raise InvalidInput(
            f"The Ollama address {host!r} is not this machine, so it must not see private data.",
            hint="Use a loopback address, or name the host in QUANTDESK_LOCAL_MODEL_HOSTS if you trust it.",
        )
    if model.lower().endswith("cloud") or "-cloud" in model.lower():
        raise InvalidInput(
            f"The model {model!r} runs in Ollama's cloud, not on this machine.", hint="Choose a model without -cloud."
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _build(address: str, settings: Settings) -> BaseChatModel:
    from langchain_ollama import ChatOllama

    return ChatOllama(
        model=settings.ollama_model,
        base_url=address,
        temperature=0.0,
        client_kwargs={"timeout": 120.0, "trust_env": False, "follow_redirects": False},
    )
