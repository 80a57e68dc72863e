"""The news page: what its lists say, that texts stay texts, and how it looks on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.web.pages.news import articles_html, sources_html
from core.data.freshness import SourceFreshness
from core.data.news_monitor import NewsItem

NOW = datetime(2024, 3, 8, 15, 30, tzinfo=UTC)
CHROMIUM = Path("/usr/bin/chromium")


def article(**changes: Any) -> NewsItem:
    told: dict[str, Any] = {
        "article_id": "a", "known_at": NOW, "headline": "AAPL rises", "publisher": "The Wire", "source": "polygon",
        "symbols": ("AAPL", "MSFT"), "sentiment": "positive", "sentiment_score": 0.6, "sentiment_method": "lexicon",
    }  # fmt: skip
    return NewsItem(**{**told, **changes})


def source(**changes: Any) -> SourceFreshness:
    told: dict[str, Any] = {"topic": "news", "source": "polygon", "last_known_at": NOW, "silent_days": 0,
                            "cadence_days": 1.0, "late": False}  # fmt: skip
    return SourceFreshness(**{**told, **changes})


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_an_article_says_when_of_whom_how_it_sounds_and_from_where() -> None:
    page = articles_html([article()])
    assert words(page) == "2024-03-08 15:30 AAPL MSFT positive 0.60 AAPL rises The Wire · polygon"
    assert 'class="qd-badge good" title="scored by lexicon"' in page


def test_an_article_that_nobody_scored_says_so() -> None:
    page = articles_html([article(sentiment=None, sentiment_score=None, sentiment_method=None, symbols=())])
    assert "not scored" in words(page)
    assert "good" not in page and "alarm" not in page
    assert 'qd-badge alarm"' in articles_html([article(sentiment="negative", sentiment_method=None)])


@pytest.mark.parametrize("field", ["headline", "publisher", "source", "sentiment_method"])
def test_the_texts_of_others_stay_texts(field: str) -> None:
    page = articles_html([article(**{field: '"><script>alert(1)</script>'})])
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "href" not in page, "an address from outside is no link"


def test_the_order_of_the_articles_is_kept() -> None:
    page = articles_html([article(headline=f"item {number}") for number in range(3)])
    assert re.findall(r"item \d", page) == ["item 0", "item 1", "item 2"]
    assert page.count("<li>") == 3


def test_each_source_says_its_last_day_its_usual_pause_and_whether_it_is_late() -> None:
    page = sources_html(
        [
            source(late=True, silent_days=9),
            source(topic="bars of stocks", source="samples"),
            source(topic="macro series", source="file", late=None, cadence_days=None),
            source(cadence_days=7.0),
        ]
    )
    boxes = [words(box) for box in page.split("<h3>")[1:]]
    assert boxes[0].startswith("polygon late news last 2024-03-08 15:30 UTC, 9 days ago usually every 1 day")
    assert boxes[1].startswith("samples fresh bars of stocks") and boxes[1].endswith("expected every session")
    assert "too few days to say" in boxes[2] and "no usual pause known" in boxes[2]
    assert boxes[3].endswith("usually every 7 days")
    assert page.count('qd-badge watch"') == 1


@pytest.fixture
def phone() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed at /usr/bin/chromium")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        yield opened.new_page(viewport={"width": 390, "height": 844})
        opened.close()


@pytest.mark.browser
def test_on_a_phone_nothing_overflows_and_a_symbol_filters(phone: Any, stage: Any) -> None:
    phone.goto(stage.address + "/news")
    phone.wait_for_function("document.querySelector('.qd-page') && !document.querySelector('.qd-wait')")
    width = phone.evaluate("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)")
    assert width <= 390
    wider = phone.evaluate(
        "[...document.querySelectorAll('.qd-page *')].filter(e => e.getBoundingClientRect().right > 391).length"
    )
    assert wider == 0
    assert phone.locator(".qd-news li").count() == 2
    assert phone.locator(".qd-topics .watch").inner_text() == "late"
    phone.locator("input[type=search]").fill("aapl")
    phone.locator("input[type=search]").press("Enter")
    phone.wait_for_function("document.querySelectorAll('.qd-news li').length === 1")
    assert "AAPL rises" in phone.locator(".qd-news").inner_text()
