"""Open the channels that are set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from core.adapters.notify.mail import Mail
from core.adapters.notify.webhook import Slack, Telegram
from core.ports.notifier import Notifier
from core.settings import Settings


def open_notifiers(settings: Settings, now: Callable[[], datetime]) -> Sequence[Notifier]:
    """Return a notifier per channel whose address is set; nothing set, nobody is told."""
    found: list[Notifier] = []
    if settings.smtp_url is not None:
        found.append(Mail(settings.smtp_url, settings.mail_from, settings.mail_to, now))
    if settings.slack_webhook_url is not None:
        found.append(Slack(settings.slack_webhook_url))
    if settings.telegram_token is not None:
        found.append(Telegram(settings.telegram_token, settings.telegram_chat, settings.telegram_url))
    return found
