"""Ask the models in their order: cloud before local for public work, local alone for private; none is left: offline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from agents.models import anthropic, ollama, openai
from agents.models.provider import Breaker, Envelope, ModelFailed, Provider, Reply
from core.domain.facts import Label
from core.errors import BudgetExceeded, PrivacyRefused
from core.settings import Settings

if TYPE_CHECKING:
    from agents.models.sending import Sender


def configured_providers(settings: Settings) -> tuple[Provider, ...]:
    """Return the providers that are set up, in the order they are asked: anthropic, openai, ollama."""
    found = (anthropic.provider(settings), openai.provider(settings), ollama.provider(settings))
    return tuple(provider for provider in found if provider is not None)


class Chain:
    """Ask providers in order until one replies; each has a breaker of its own."""

    def __init__(self, providers: Sequence[Provider], sender: Sender, *, clock: Callable[[], float]) -> None:
        self._providers = tuple(providers)
        self._sender = sender
        self._clock = clock
        self._breakers = {provider.name: Breaker() for provider in self._providers}

    def cleared(self, label: Label) -> tuple[Provider, ...]:
        """Return the providers that may see this label and are not paused."""
        return tuple(
            provider
            for provider in self._providers
            if (label == "public" or provider.clearance == "private")
            and self._breakers[provider.name].allows(self._clock())
        )

    async def ask(
        self, envelope: Envelope, *, tell: Callable[[str], None] = lambda _: None
    ) -> tuple[Provider, Reply] | None:
        """Return the first reply and who gave it; None when nobody cleared for the label replied.

        `tell` gets a sentence for each provider that was asked in vain.
        """
        for provider in self.cleared(envelope.label):
            breaker = self._breakers[provider.name]
            if not breaker.begin(self._clock()):
                continue
            try:
                reply = await self._sender.send(provider, envelope)
            except ModelFailed as error:
                breaker.failed(self._clock())
                tell(error.message)
            except BudgetExceeded as error:
                # The provider is well; whoever costs nothing may still be asked.
                tell(error.message)
            except PrivacyRefused as error:
                tell(error.message)
                if envelope.label == "public":
                    # The alarm rang: this turn goes to no other cloud either.
                    return await self.ask(replace(envelope, label="private"), tell=tell)
                return None
            else:
                breaker.succeeded()
                return provider, reply
        return None
