"""Settings come from the environment once, are frozen and never print a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from core.errors import InvalidInput
from core.ports.vendor import VendorTerms
from core.settings import Settings, default_home, read_vendor_access, vendor_variables


def test_the_defaults_need_no_environment() -> None:
    settings = Settings()
    assert settings.web_host == "127.0.0.1"
    assert settings.database_url is None
    assert settings.anthropic_api_key is None


def test_the_home_folder_is_the_platforms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert default_home() == tmp_path / "quantdesk"
    monkeypatch.setenv("QUANTDESK_HOME", str(tmp_path / "mine"))
    assert Settings().home == tmp_path / "mine"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().web_port = 1  # type: ignore[misc]


def test_secrets_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-value")
    monkeypatch.setenv("DATABASE_URL", "postgresql://desk:hunter2@db/quantdesk")
    shown = repr(Settings()) + str(Settings().model_dump())
    assert "very-secret" not in shown
    assert "hunter2" not in shown


def test_every_setting_is_described() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.validation_alias, name


def test_a_bad_port_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANTDESK_PORT", "99999")
    with pytest.raises(ValidationError, match="QUANTDESK_PORT"):
        Settings()


def test_bare_names_of_fields_are_not_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    for name, value in {
        "HOME": str(tmp_path),
        "TOKEN": "someone else's",
        "WEB_PORT": "1",
        "LOG_LEVEL": "nonsense",
    }.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.home != tmp_path
    assert settings.home.is_relative_to(tmp_path)
    assert settings.token is None
    assert (settings.web_port, settings.log_level) == (8000, "INFO")


def _terms(name: str = "acme", keys: tuple[str, ...] = ("ACME_KEY",)) -> VendorTerms:
    return VendorTerms(
        name=name,
        title="Acme",
        delivers={"bars": "bars"},
        base_url="https://acme.example/v1/",
        requests_per_minute=5,
        limits="Five a minute.",
        keys=keys,
        without_key="the rest.",
    )


def test_a_vendor_is_reached_as_it_declares_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    access = read_vendor_access(_terms())
    assert (access.base_url, access.requests_per_minute, access.timeout_seconds) == ("https://acme.example/v1", 5, 30.0)
    assert access.secrets == {}
    monkeypatch.setenv("QUANTDESK_ACME_URL", "http://127.0.0.1:8123")
    monkeypatch.setenv("QUANTDESK_ACME_REQUESTS_PER_MINUTE", "300")
    monkeypatch.setenv("QUANTDESK_ACME_TIMEOUT_SECONDS", "2.5")
    monkeypatch.setenv("ACME_KEY", "acme-secret-value")
    access = read_vendor_access(_terms())
    assert (access.base_url, access.requests_per_minute, access.timeout_seconds) == ("http://127.0.0.1:8123", 300, 2.5)
    assert access.secrets["ACME_KEY"].get_secret_value() == "acme-secret-value"
    assert "acme-secret-value" not in repr(access)


def test_a_key_never_leaves_the_machine_unencrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANTDESK_ACME_URL", "http://acme.example")
    with pytest.raises(InvalidInput, match="https"):
        read_vendor_access(_terms())


@pytest.mark.parametrize("url", ["acme.example", "acme.example:443", "ftp://acme.example", "https://", "/v1", "//x"])
def test_an_address_that_no_request_could_reach_is_refused_at_once(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("QUANTDESK_ACME_URL", url)
    with pytest.raises(InvalidInput, match=r"QUANTDESK_ACME_URL is .*expected an https address"):
        read_vendor_access(_terms())


@pytest.mark.parametrize("value", ["0", "-5", "many", "nan", "inf"])
def test_a_rate_must_be_a_number_above_nothing(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("QUANTDESK_ACME_REQUESTS_PER_MINUTE", value)
    with pytest.raises(InvalidInput, match="QUANTDESK_ACME_REQUESTS_PER_MINUTE"):
        read_vendor_access(_terms())


def test_every_variable_of_a_vendor_is_described() -> None:
    variables = vendor_variables(_terms())
    assert set(variables) == {
        "QUANTDESK_ACME_URL",
        "QUANTDESK_ACME_REQUESTS_PER_MINUTE",
        "QUANTDESK_ACME_TIMEOUT_SECONDS",
    }
    assert all(variables.values())
