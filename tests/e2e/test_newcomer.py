"""Walk a newcomer's first half hour in headless Chromium; every number is computed again from the wheel's own file."""

from __future__ import annotations

import importlib.util
import re
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pandas
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def prices() -> Any:
    """Give the daily total-return closes that the skfolio wheel ships, read without our code."""
    found = importlib.util.find_spec("skfolio")
    assert found is not None and found.submodule_search_locations is not None
    file = Path(found.submodule_search_locations[0]) / "datasets" / "data" / "sp500_dataset.csv.gz"
    return pandas.read_csv(file, index_col=0, parse_dates=True)


def number_after(text: str, words: str) -> float:
    """Return the first number after some words."""
    match = re.search(rf"{words}[^\d\n-]*(-?[\d,]+(?:\.\d+)?)", text)
    assert match, f"no {words!r} in {text[:600]!r}"
    return float(match[1].replace(",", ""))


def position(owner: Any, symbol: str) -> Decimal:
    rows = owner.get("/api/positions")["positions"]
    return next((Decimal(row["quantity"]) for row in rows if row["symbol"] == symbol), Decimal(0))


def today(owner: Any) -> str:
    return str(owner.get("/api/clock")["now"][:10])


def test_answers_state_the_numbers_that_the_data_give(visitor, owner, prices):
    known = prices[: today(owner)]
    guest = visitor()
    guest.sign_in("/chat/")

    said = guest.ask("How did AAPL do in 2008?")
    total = prices["AAPL"]["2008"].iloc[-1] / prices["AAPL"][:"2007"].iloc[-1] - 1
    assert round(100 * total, 2) == -56.91
    assert "AAPL returned -56.91%" in said.splitlines()[0] or "AAPL returned -56.91%" in said[:400]
    drop = prices["AAPL"]["2007-12-31":"2008-12-31"]
    assert number_after(said, "maximum drawdown of") == pytest.approx(100 * (drop / drop.cummax() - 1).min(), abs=0.005)

    said = guest.ask("compare MSFT and JPM volatility since 2015")
    for symbol in ("MSFT", "JPM"):
        volatility = 100 * known[symbol].pct_change()["2015":].std() * 252**0.5
        assert re.search(rf"{symbol}.*{volatility:.2f}%", said), said[:600]

    said = guest.ask("backtest a 50/200 SMA crossover on AAPL")
    close = known["AAPL"]
    wanted = (close.rolling(50).mean() > close.rolling(200).mean()).astype(float)
    after_fill = wanted.shift(1).fillna(0)
    fills = after_fill.diff().abs().fillna(0)
    growth = ((1 + after_fill.shift(1).fillna(0) * close.pct_change().fillna(0)) * (1 - 0.0003 * fills)).cumprod()
    assert number_after(said, "total return") == pytest.approx(100 * (growth.iloc[-1] - 1), rel=1e-4)
    assert number_after(said, "maximum drawdown") == pytest.approx(100 * (growth / growth.cummax() - 1).min(), abs=0.01)
    entries = int((after_fill.diff() > 0).sum())
    assert f"{entries} trades" in said


def test_simulation_starts_from_the_value_of_the_book(visitor, owner, prices):
    guest = visitor()
    guest.sign_in("/chat/")
    said = guest.ask("simulate my portfolio for 3 months")
    closes = prices[: today(owner)].iloc[-1]
    held = owner.get("/api/positions")
    value = float(held["cash"]) + sum(float(row["quantity"]) * closes[row["symbol"]] for row in held["positions"])
    assert number_after(said, r"from \$") == pytest.approx(value, abs=0.02)
    assert "63 sessions" in said and "10,000 paths" in said
    low, high = number_after(said, r"paths end between \$"), number_after(said, r"paths end between \$[\d,.]+ and \$")
    assert low < number_after(said, r"median \$") < high
    assert 0 < number_after(said, "probability of a loss") < 100
    assert guest.overflow() == 0


def test_a_proposal_is_approved_filled_and_seen_on_the_dashboard(visitor, owner, prices):
    before = position(owner, "MSFT")
    guest = visitor()
    guest.sign_in("/chat/")
    said = guest.ask("propose buying 10 MSFT")
    assert "Trade proposal: pending" in said and "digest" in said
    assert re.search(r"BUY\s+10\s+MSFT", said)
    page = guest.page
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("button", name="Go to the next session").wait_for()
    assert "Approved by owner." in page.inner_text("body")
    assert page.get_by_role("button", name="Approve").count() == 0
    assert position(owner, "MSFT") == before
    page.get_by_role("button", name="Go to the next session").click()
    page.get_by_text("Filled.", exact=True).wait_for()
    page.get_by_text(re.compile(r"buy 10 MSFT at")).wait_for()
    chat = page.inner_text("body")
    # The wheel has closes only: the paper venue fills at the next close, 2 bps worse, and takes 1 bp.
    price = Decimal(str(prices["MSFT"][today(owner)])) * Decimal("1.0002")
    cents = price.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    fee = (10 * price / 10_000).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    assert f"buy 10 MSFT at ${cents} on {today(owner)}, fee ${fee}" in chat
    assert f"position: {before + 10} MSFT" in chat
    assert position(owner, "MSFT") == before + 10

    text = guest.open("/")
    row = page.locator("tr", has_text="MSFT").first.inner_text()
    assert str(before + 10) in re.split(r"\s+", row), row
    assert "Trading on" in text
    worth = (before + 10) * Decimal(str(prices["MSFT"][today(owner)]))
    assert f"{worth:,.2f}" in row


def test_a_report_is_made_and_opened(visitor, owner):
    guest = visitor()
    guest.sign_in("/reports")
    guest.loaded()
    guest.page.get_by_role("button", name="Make start-of-day report").click()
    guest.page.wait_for_url("**/reports/rpt_*")
    guest.loaded()
    inside = guest.page.frame_locator("iframe")
    inside.locator("h1").wait_for()
    text = inside.locator("body").inner_text()
    nav = f"{Decimal(str(owner.get('/api/positions')['nav'])):,.2f}"
    assert nav in text
    assert "MSFT" in text and "replay" in text.lower()
    inside.locator("a.n").first.click()
    guest.page.wait_for_url("**/runs/**")
    assert "How it was computed" in guest.loaded()
    guest.page.get_by_role("button", name="Run it again and compare").click()
    guest.page.get_by_text("bit for bit").wait_for()


@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_fits_and_shows_what_it_is_for(width, visitor, desk, owner):
    proposal = owner.get("/api/proposals")[0]["proposal_id"]
    reports = owner.get("/api/reports") or [owner.post("/api/reports", {"kind": "sod"})]
    run = owner.post("/api/tools/performance", {"symbols": ["KO"], "start": "2010-01-01"})["run"]
    expected = {
        "/": ("Net asset value", "Waiting for a decision", "MSFT"),
        "/proposals": ("Proposals", "MSFT"),
        f"/proposals/{proposal}": ("Exactly what would be sent", "Digest"),
        "/data": ("skfolio",),
        "/reports": ("Start of day", "digest"),
        f"/reports/{reports[0]['report_id']}": ("Open to print",),
        f"/runs/{run}": ("How it was computed", "performance", "KO"),
    }
    guest = visitor(width)
    guest.sign_in("/")
    for path, words in expected.items():
        text = guest.open(path)
        assert "Replay" in text, path
        for word in words:
            assert word.lower() in text.lower(), f"{word!r} on {path}"
        assert guest.overflow() <= 0, f"{path} is {guest.overflow()} px too wide at {width}"
    guest.page.goto(f"{desk.address}/chat/")
    guest.page.wait_for_selector("#chat-input")
    guest.page.get_by_text("How did AAPL do in 2008?").first.wait_for()
    assert guest.overflow() <= 0
