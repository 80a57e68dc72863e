"""Show and test the channels over which people are told of failed ingests, late sources and alarms."""

from __future__ import annotations

import argparse

from app.cli_commands.connection import read_settings
from app.cli_commands.output import Output

_SETTINGS = {
    "mail": ("smtp_url", "QUANTDESK_SMTP_URL and QUANTDESK_MAIL_TO"),
    "slack": ("slack_webhook_url", "QUANTDESK_SLACK_WEBHOOK_URL"),
    "telegram": ("telegram_token", "QUANTDESK_TELEGRAM_TOKEN and QUANTDESK_TELEGRAM_CHAT"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("what", choices=("show", "test"), help="show which channels are set; test: send a notice now")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Show which channels are set, or send a test over each; returns 1 when none is set or one failed."""
    settings = read_settings(arguments)
    channels = {channel: getattr(settings, field) is not None for channel, (field, _) in _SETTINGS.items()}
    if arguments.what == "show":
        if output.as_json:
            output.document(channels)
        else:
            shown = [(name, "yes" if channels[name] else "no", needs) for name, (_, needs) in _SETTINGS.items()]
            output.table(("channel", "set", "settings"), shown)
        return None
    from app.bootstrap import send_test

    deliveries = send_test(settings)
    if output.as_json:
        output.document([{"channel": sent.channel, "sent": not sent.error, "error": sent.error} for sent in deliveries])
    elif deliveries:
        rows = [(sent.channel, "no" if sent.error else "yes", sent.error or "") for sent in deliveries]
        output.table(("channel", "sent", "error"), rows)
    if not deliveries:
        output.remark("No channel is set, so nobody is told. `quantdesk notify show` names the settings.")
    return 1 if not deliveries or any(found.error for found in deliveries) else None
