"""Read the environment once into one frozen Settings; nothing else reads it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import InvalidInput

if TYPE_CHECKING:
    from core.ports.vendor import VendorTerms

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def is_loopback(host: str | None) -> bool:
    """Say whether a host of an address is this machine."""
    return host in _LOOPBACK


def default_home() -> Path:
    """Return the platform's user-data folder for quantdesk."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "quantdesk"
    data_home = os.environ.get("XDG_DATA_HOME")
    return (Path(data_home) if data_home else Path.home() / ".local" / "share") / "quantdesk"


class Settings(BaseSettings):
    """Hold every setting; each is read from the environment variable named in its field (see docs/settings.md)."""

    # Fields can be given by name in code; the prefix keeps their bare names (HOME, TOKEN) out of the environment.
    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True, env_prefix="QUANTDESK_")

    home: Path = Field(
        default_factory=default_home,
        validation_alias="QUANTDESK_HOME",
        description="Folder of the embedded database, Temporal's file, logs, reports and chat files.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="PostgreSQL server to use instead of the embedded one (postgresql://user:password@host/database).",
    )
    database_reader_password: SecretStr | None = Field(
        default=None,
        validation_alias="DATABASE_READER_PASSWORD",
        description="Password of the two read-only roles that questions run with, for a server that asks for one.",
    )
    temporal_address: str | None = Field(
        default=None,
        validation_alias="TEMPORAL_ADDRESS",
        description="Temporal server (host:port) to use instead of the embedded development server.",
    )
    temporal_namespace: str = Field(
        default="default", validation_alias="TEMPORAL_NAMESPACE", description="Temporal namespace."
    )
    redis_url: SecretStr | None = Field(
        default=None,
        validation_alias="REDIS_URL",
        description="Redis or Valkey server that keeps answers on prices until the data changes; never needed.",
    )
    web_host: str = Field(
        default="127.0.0.1",
        validation_alias="QUANTDESK_HOST",
        description="Address the web process listens on; loopback unless a container needs otherwise.",
    )
    web_port: int = Field(
        default=8000, validation_alias="QUANTDESK_PORT", ge=1, le=65535, description="Port of the web process."
    )
    token: SecretStr | None = Field(
        default=None,
        validation_alias="QUANTDESK_TOKEN",
        description="Personal API key the command line signs in with (`quantdesk user key create`).",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", validation_alias="QUANTDESK_LOG_LEVEL", description="Least severity that is logged."
    )
    approval_expiry_minutes: int = Field(
        default=24 * 60,
        validation_alias="QUANTDESK_APPROVAL_EXPIRY_MINUTES",
        ge=1,
        description="Minutes by the database clock after which an undecided proposal expires.",
    )
    paper_participation: Decimal = Field(
        default=Decimal(0),
        validation_alias="QUANTDESK_PAPER_PARTICIPATION",
        ge=0,
        le=1,
        description="Share of a bar's volume that the paper venue fills of one order at most; 0 fills any size.",
    )
    dividend_withholding_ratio: Decimal = Field(
        default=Decimal(0),
        validation_alias="QUANTDESK_DIVIDEND_WITHHOLDING_RATIO",
        ge=0,
        le=1,
        description="Share of dividends received that is booked as withheld tax.",
    )
    anthropic_api_key: SecretStr | None = Field(
        default=None, validation_alias="ANTHROPIC_API_KEY", description="Key for Claude; public questions only."
    )
    anthropic_base_url: str | None = Field(
        default=None, validation_alias="ANTHROPIC_BASE_URL", description="Other address of the Anthropic API."
    )
    anthropic_model: str = Field(
        default="claude-sonnet-4-6", validation_alias="QUANTDESK_ANTHROPIC_MODEL", description="Claude model to use."
    )
    openai_api_key: SecretStr | None = Field(
        default=None, validation_alias="OPENAI_API_KEY", description="Key for OpenAI; public questions only."
    )
    openai_base_url: str | None = Field(
        default=None, validation_alias="OPENAI_BASE_URL", description="Other address of the OpenAI API."
    )
    openai_model: str = Field(
        default="gpt-5.3", validation_alias="QUANTDESK_OPENAI_MODEL", description="OpenAI model to use."
    )
    ollama_address: str | None = Field(
        default=None,
        validation_alias="OLLAMA_HOST",
        description="Address of a local Ollama server (loopback or allow-listed); may see private data.",
    )
    ollama_model: str = Field(
        default="qwen3:8b", validation_alias="QUANTDESK_OLLAMA_MODEL", description="Local model to use."
    )
    local_model_hosts: str = Field(
        default="",
        validation_alias="QUANTDESK_LOCAL_MODEL_HOSTS",
        description="Further hosts, separated by commas, trusted with private data as if they were this machine.",
    )
    model_usd_per_question: Decimal = Field(
        default=Decimal("0.50"),
        validation_alias="QUANTDESK_MODEL_USD_PER_QUESTION",
        ge=0,
        description="US dollars that cloud models may cost for one question.",
    )
    model_usd_per_person_day: Decimal = Field(
        default=Decimal("5"),
        validation_alias="QUANTDESK_MODEL_USD_PER_PERSON_DAY",
        ge=0,
        description="US dollars that cloud models may cost one person a day.",
    )
    model_usd_per_day: Decimal = Field(
        default=Decimal("20"),
        validation_alias="QUANTDESK_MODEL_USD_PER_DAY",
        ge=0,
        description="US dollars that cloud models may cost a day, for everybody; 0 asks none.",
    )
    mlflow_tracking_uri: str | None = Field(
        default=None,
        validation_alias="MLFLOW_TRACKING_URI",
        description="MLflow tracking store; unset means the desk's own database.",
    )
    ingest_time: str = Field(
        default="05:00",
        validation_alias="QUANTDESK_INGEST_TIME",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="Time of day of the scheduled ingest on exchange days (`quantdesk ingest --schedule on`).",
    )
    ingest_time_zone: str = Field(
        default="America/New_York",
        validation_alias="QUANTDESK_INGEST_TIME_ZONE",
        description="Time zone of the scheduled ingest.",
    )
    interactive_brokers_address: str | None = Field(
        default=None,
        validation_alias="INTERACTIVE_BROKERS_ADDRESS",
        pattern=r"^[^:\s]+:\d{1,5}$",
        description="API of Trader Workstation or IB Gateway (host:port; 127.0.0.1:4002 is the gateway's for paper):"
        " orders, and daily bars for the ingest.",
    )
    binance_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="BINANCE_API_KEY",
        description="Key for orders in coins at Binance's spot market.",
    )
    binance_api_secret: SecretStr | None = Field(
        default=None, validation_alias="BINANCE_API_SECRET", description="Secret of that key; it signs every request."
    )
    binance_address: str = Field(
        default="https://testnet.binance.vision",
        validation_alias="BINANCE_ADDRESS",
        pattern=r"^(https://\S+|http://127\.0\.0\.1(:\d{1,5})?)$",
        description="Where those orders go: the test network unless set (https://api.binance.com trades real money).",
    )
    smtp_url: SecretStr | None = Field(
        default=None,
        validation_alias="QUANTDESK_SMTP_URL",
        description="Mail server for notices: smtp://user:password@host:587 (STARTTLS) or smtps://...:465; `quantdesk"
        " notify test` tries it. Sent are failed ingests, late sources and alarms.",
    )
    mail_from: str | None = Field(
        default=None,
        validation_alias="QUANTDESK_MAIL_FROM",
        description="Sender of mailed notices; the first recipient unless set.",
    )
    mail_to: str | None = Field(
        default=None, validation_alias="QUANTDESK_MAIL_TO", description="Who gets notices by mail, separated by commas."
    )
    slack_webhook_url: SecretStr | None = Field(
        default=None,
        validation_alias="QUANTDESK_SLACK_WEBHOOK_URL",
        description="Incoming webhook of Slack that gets notices.",
    )
    telegram_token: SecretStr | None = Field(
        default=None, validation_alias="QUANTDESK_TELEGRAM_TOKEN", description="Token of the Telegram bot for notices."
    )
    telegram_chat: str | None = Field(
        default=None,
        validation_alias="QUANTDESK_TELEGRAM_CHAT",
        description="Chat (number or @name) that the Telegram bot writes notices to.",
    )
    telegram_url: str | None = Field(
        default=None,
        validation_alias="QUANTDESK_TELEGRAM_URL",
        description="Other address of Telegram's bot API.",
    )
    crash_at: str | None = Field(
        default=None,
        validation_alias="QUANTDESK_CRASH_AT",
        description="For crash tests: kill this process at the named step of the money path.",
    )


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """Return the settings of this process, read from the environment at the first call."""
    return Settings()


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorAccess:
    """Hold how one vendor is reached: address, the secrets that are set, rate and time limit."""

    base_url: str
    secrets: Mapping[str, SecretStr]
    requests_per_minute: float
    timeout_seconds: float


def vendor_variables(terms: VendorTerms) -> dict[str, str]:
    """Return the environment variables of a vendor beside its keys, each with what it means.

    They are the address (of a vendor reached over the web), the rate and the time limit.
    """
    stem = f"QUANTDESK_{terms.name.upper()}"
    address = {f"{stem}_URL": f"Address of {terms.title} instead of {terms.base_url} (a proxy, a stand-in)."}
    return {
        **(address if terms.base_url else {}),
        f"{stem}_REQUESTS_PER_MINUTE": f"Requests a minute that your plan of {terms.title} allows. {terms.limits}",
        f"{stem}_TIMEOUT_SECONDS": f"Seconds after which a request to {terms.title} is given up.",
    }


def read_vendor_access(terms: VendorTerms) -> VendorAccess:
    """Return how a vendor is reached, from the environment; raises InvalidInput for a value that does not fit."""
    *url, rate, timeout = vendor_variables(terms)
    base_url = os.environ.get(url[0], "").strip() or terms.base_url if url else ""
    parts = urlsplit(base_url)
    # Over http a key would cross the network in the clear.
    fits = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
    if url and not (fits and parts.hostname):
        raise InvalidInput(f"{url[0]} is {base_url!r}, expected an https address (http is for this machine only).")
    return VendorAccess(
        base_url=base_url.rstrip("/"),
        secrets={name: SecretStr(os.environ[name]) for name in terms.keys if os.environ.get(name)},
        requests_per_minute=_positive(rate, terms.requests_per_minute),
        timeout_seconds=_positive(timeout, terms.timeout_seconds),
    )


def _positive(variable: str, otherwise: float) -> float:
    stated = os.environ.get(variable, "").strip()
    if not stated:
        return otherwise
    try:
        value = float(stated)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise InvalidInput(f"{variable} is {stated!r}, expected a number above 0.")
    return value


def hand_to_library(name: str, value: str) -> None:
    """Set an environment variable for a library that can be configured in no other way."""
    os.environ[name] = value
