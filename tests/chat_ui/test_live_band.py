"""An account that is switched to real money says so in red wherever its orders could be made, in a real browser."""

from __future__ import annotations

import importlib.util
import re
import signal
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from app.auth.opening import open_accounts
from app.bootstrap import open_parts
from core.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.browser]  # starts the whole web process
CHROMIUM = "/usr/bin/chromium"
PASSWORD = "correct horse battery"
ACCOUNT = "U7654321"
PAGES = ("/", "/proposals", "/analysis", "/data", "/news", "/reports", "/runs/none")


def _chat_tests() -> ModuleType:
    spec = importlib.util.spec_from_file_location("chat_tests", Path(__file__).with_name("test_chat.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def live_dsn(postgres_dsn, sample_template):
    """Give the samples with one account of real money that a person has not switched yet."""
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS qd_live_band WITH (FORCE)")
        connection.execute(f'CREATE DATABASE qd_live_band TEMPLATE "{sample_template}"'.encode())
    dsn = urlunsplit(urlsplit(postgres_dsn)._replace(path="/qd_live_band"))
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "INSERT INTO execution.accounts (account_id, name, broker, is_real_money, opened_at)"
            " VALUES (%s, 'Real', 'ib', true, '2022-10-01Z')",
            (ACCOUNT,),
        )
        connection.execute(
            "INSERT INTO execution.cash_ledger (account_id, movement, amount, booked_at)"
            " VALUES (%s, 'deposit', 100000, '2022-10-03 12:00Z')",
            (ACCOUNT,),
        )
    yield dsn
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE qd_live_band WITH (FORCE)")


@pytest.fixture(scope="module")
def live_server(live_dsn, tmp_path_factory):
    home = tmp_path_factory.mktemp("live")
    parts = open_parts(Settings(home=home), live_dsn)
    open_accounts(parts.account_stores).add_user("owner", PASSWORD, ["read", "trade", "approve", "admin"])
    parts.database.close()
    server = _chat_tests().Server(live_dsn, home)
    yield server
    server.end(signal.SIGTERM)


def switch(dsn: str, *, on: bool) -> None:
    """Turn the switch as the owner does; the database lets nobody else."""
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "UPDATE execution.accounts SET is_live = %s, changed_by = (SELECT user_id FROM desk.users"
            " WHERE name = 'owner') WHERE account_id = %s",
            (on, ACCOUNT),
        )


def is_red(colour: str) -> bool:
    """Say whether a colour as the browser computed it is a strong red."""
    red, green, blue = (int(part) for part in re.findall(r"\d+", colour)[:3])
    return red >= 150 and max(green, blue) * 2 < red


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.parametrize("width", [1440, 390])
def test_real_money_is_red_on_every_page_and_on_the_card_in_the_chat(browser, live_server, live_dsn, width):
    switch(live_dsn, on=False)
    page: Any = browser.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(60_000)
    page.goto(f"{live_server.base}/login")
    page.fill("input[name=password]", PASSWORD)
    page.click("button")
    page.wait_for_url(lambda url: "/login" not in url)

    page.goto(live_server.base + "/")
    page.locator(".qd-clock").wait_for()
    assert page.locator(".qd-real").count() == 0, "what is not switched on is not called live"

    switch(live_dsn, on=True)
    for path in PAGES:
        page.goto(live_server.base + path)
        band = page.locator(".qd-clock .qd-real")
        band.wait_for()
        assert band.inner_text() == f"REAL MONEY: {ACCOUNT} switched to live", path
        assert is_red(band.evaluate("node => getComputedStyle(node).backgroundColor")), path
        box = band.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["y"] < 300, (
            f"{path}: in sight without scrolling"
        )

    page.goto(f"{live_server.base}/chat/")
    page.locator("#chat-input").click()
    page.keyboard.type("Propose buying 5 KO")
    page.keyboard.press("Enter")
    card = page.get_by_text("REAL MONEY: this account is no paper account.")
    card.wait_for()
    assert "\N{LARGE RED CIRCLE}" in card.locator("xpath=..").inner_text()
    assert page.get_by_text(ACCOUNT).first.is_visible()
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")

    switch(live_dsn, on=False)
    page.goto(live_server.base + "/")
    page.locator(".qd-clock").wait_for()
    assert page.locator(".qd-real").count() == 0
    page.close()


@pytest.mark.parametrize(
    ("colour", "red"),
    [("rgb(179, 38, 30)", True), ("rgb(255, 0, 0)", True), ("rgb(0, 128, 0)", False), ("rgb(255, 255, 255)", False)],
)
def test_the_test_knows_red(colour, red):
    assert is_red(colour) is red
