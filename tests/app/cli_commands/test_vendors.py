"""`quantdesk vendors` and what it reads: every vendor, its keys, never a secret, never a connection."""

from __future__ import annotations

import json
import socket

import pytest

from app.bootstrap import list_vendors
from app.cli import main
from app.cli_commands.vendors import offer
from app.reference import settings_page
from core.adapters.transport.client import Timing
from core.adapters.vendors import open_vendor, vendor_terms
from core.errors import InvalidInput, UnknownName
from core.settings import vendor_variables

ALL = [
    "alpha_vantage",
    "binance",
    "coingecko",
    "fred",
    "geopolitical_risk",
    "interactive_brokers",
    "newsapi",
    "polygon",
    "reddit",
    "world_bank",
]
FREE = ["binance", "coingecko", "geopolitical_risk", "world_bank"]


@pytest.fixture(autouse=True)
def no_keys_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for terms in vendor_terms():
        for name in (*terms.keys, *vendor_variables(terms)):
            monkeypatch.delenv(name, raising=False)

    def connect(*arguments: object) -> None:
        raise AssertionError("listing vendors connects to nothing")

    monkeypatch.setattr(socket.socket, "connect", connect)


def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    assert main(["vendors", "--json"]) == 0
    return {entry["vendor"]: entry for entry in json.loads(capsys.readouterr().out)}


def test_every_vendor_is_listed_with_what_it_delivers(capsys: pytest.CaptureFixture[str]) -> None:
    found = listed(capsys)
    assert set(ALL) <= set(found)
    assert list(found) == sorted(found)
    assert set(found["polygon"]["delivers"]) == {"bars", "actions", "news", "instruments"}  # type: ignore[call-overload]
    assert [name for name in ALL if not found[name]["key_required"]] == FREE
    assert all(entry["limits"] for entry in found.values())


def test_a_person_reads_which_variable_to_set_and_what_works_without_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vendors"]) == 0
    shown = capsys.readouterr().out
    for terms in vendor_terms():
        assert terms.title in shown
        for name in terms.keys:
            assert name in shown
            assert terms.without_key in shown
    assert "quantdesk ingest" in shown.splitlines()[-1]


def test_a_key_is_shown_as_set_and_never_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRED_API_KEY", "a-fred-secret-of-32-characters-00")
    monkeypatch.setenv("REDDIT_CLIENT_ID", "only-half-of-it")
    for arguments in (["vendors"], ["vendors", "--json"]):
        assert main(arguments) == 0
        shown = capsys.readouterr().out
        assert "a-fred-secret" not in shown
        assert "only-half" not in shown
    found = listed(capsys)
    assert found["fred"]["keys_set"] == ["FRED_API_KEY"]
    assert found["reddit"]["keys_set"] == ["REDDIT_CLIENT_ID"]
    assert main(["vendors"]) == 0
    rows = {line.split()[0]: line.split()[1:3] for line in capsys.readouterr().out.splitlines()[1 : len(found) + 1]}
    assert rows["fred"] == ["needed", "yes"]
    assert rows["reddit"] == ["needed", "no"]
    assert rows["coingecko"] == ["optional", "no"]


def test_the_offer_names_the_vendors_that_need_no_key() -> None:
    words = offer(vendor_terms()).split()
    assert words[words.index("--vendors") + 1 :] == FREE


def test_another_rate_and_address_are_taken_over(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUANTDESK_POLYGON_REQUESTS_PER_MINUTE", "300")
    monkeypatch.setenv("QUANTDESK_POLYGON_URL", "https://proxy.example/polygon/")
    entry = listed(capsys)["polygon"]
    assert (entry["requests_per_minute"], entry["address"]) == (300.0, "https://proxy.example/polygon")
    monkeypatch.setenv("QUANTDESK_POLYGON_URL", "http://proxy.example")
    with pytest.raises(InvalidInput, match="https"):
        list_vendors()


def test_every_variable_of_every_vendor_is_in_the_settings_page() -> None:
    page = settings_page()
    for terms in vendor_terms():
        for name in (*terms.keys, *vendor_variables(terms)):
            assert f"`{name}`" in page


def test_an_unknown_vendor_is_told_which_there_are() -> None:
    timing = Timing(now=lambda: None, monotonic=lambda: 0.0, sleep=lambda s: None, random=lambda: 0.5)  # type: ignore[arg-type, return-value]
    with pytest.raises(UnknownName, match="polygon"):
        open_vendor("poligon", timing)


@pytest.mark.parametrize("name", ALL)
def test_a_vendor_is_opened_by_its_name(name: str) -> None:
    timing = Timing(now=lambda: None, monotonic=lambda: 0.0, sleep=lambda s: None, random=lambda: 0.5)  # type: ignore[arg-type, return-value]
    assert open_vendor(name, timing).terms.name == name
