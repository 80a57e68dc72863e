"""Pages in headless Chromium: they fit, stay on loopback, and change nothing without a signed-in person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.web import components
from app.web.pages.reports import framed
from core.domain.principal import Principal
from core.errors import Unavailable

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
FIRST_RUN = "/runs/run_00000000000000000000000000000001"
FIRST_PROPOSAL = "/proposals/prp_00000000000000000000000000000001"
PAGES = [
    "/",
    "/proposals",
    FIRST_PROPOSAL,
    "/analysis",
    "/analysis?symbol=AAPL&period=3y",
    "/data",
    "/news",
    "/reports",
    FIRST_RUN,
]
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed at /usr/bin/chromium")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield opened
        opened.close()


class Watched:
    """Open pages and note what the browser complains about and where it goes."""

    def __init__(self, browser: Any, stage: Any, size: str = "desktop", **context: Any) -> None:
        width, height = SIZES[size]
        self.context = browser.new_context(viewport={"width": width, "height": height}, **context)
        self.page = self.context.new_page()
        self.stage = stage
        self.outside: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self._note(request.url))
        self.page.on("console", lambda message: self._complain(message))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, url: str) -> None:
        if not url.startswith(
            (self.stage.address, "data:", "blob:", "about:", self.stage.address.replace("http", "ws"))
        ):
            self.outside.append(url)

    def _complain(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def open(self, path: str) -> Any:
        self.page.goto(self.stage.address + path)
        self.page.wait_for_function("document.querySelector('.qd-page') && !document.querySelector('.qd-wait')")
        return self.page


@pytest.fixture
def desktop(browser: Any, stage: Any) -> Iterator[Watched]:
    watched = Watched(browser, stage)
    yield watched
    watched.context.close()


@pytest.fixture(scope="module")
def seeded(stage: Any) -> Any:
    """Make one run to look at."""
    if not stage.results.results:
        stage.results("portfolio", {})
    return stage


@pytest.mark.parametrize("size", SIZES)
def test_every_page_fits_and_stays_on_loopback(size: str, browser: Any, seeded: Any) -> None:
    watched = Watched(browser, seeded, size)
    try:
        for path in PAGES:
            page = watched.open(path)
            width = page.evaluate("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)")
            assert width <= SIZES[size][0], f"{path} is {width} px wide"
            assert page.locator("text=Replay").first.is_visible(), path
            assert page.locator(".qd-nav a").count() == 7
            ticks = page.locator(".xtick text, .ytick text").all_text_contents()
            assert not [tick for tick in ticks if re.search(r"\de[+-]?\d", tick)], path
        assert watched.outside == []
        assert watched.complaints == []
    finally:
        watched.context.close()


def test_dark_follows_the_system(browser: Any, seeded: Any) -> None:
    watched = Watched(browser, seeded, color_scheme="dark")
    try:
        page = watched.open("/")
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert sum(int(part) for part in re.findall(r"\d+", paper)[:3]) < 120
    finally:
        watched.context.close()


def test_every_number_of_a_table_leads_to_its_explanation(desktop: Watched) -> None:
    page = desktop.open("/")
    link = page.locator("table.facts a.n").first
    fact, shown = link.get_attribute("data-fact"), link.inner_text()
    assert fact is not None and fact.startswith("run_")
    page.locator("dl.tiles a.n").first.click()
    page.wait_for_selector(".qd-value")
    assert page.locator(".qd-value").inner_text() == "$56,235.40"
    assert "portfolio" in page.locator(".qd-pairs").first.inner_text()
    assert shown


def test_a_failure_is_a_sentence_in_its_card_and_the_page_stands(desktop: Watched) -> None:
    desktop.stage.fail = Unavailable("The database cannot be reached.", hint="Check `quantdesk status`.")
    try:
        page = desktop.open("/")
        assert page.locator(".qd-notice.alarm").first.inner_text().startswith("The database cannot be reached.")
        assert page.locator("text=Waiting for a decision").is_visible()
    finally:
        desktop.stage.fail = None


def test_a_defect_is_a_sentence_too(desktop: Watched) -> None:
    desktop.stage.fail = ZeroDivisionError("a defect")
    try:
        page = desktop.open("/data")
        text = page.locator(".qd-notice.alarm").first.inner_text()
        assert text.startswith("This could not be shown (ZeroDivisionError).")
        assert page.locator("text=Sessions stored by year").is_visible()
    finally:
        desktop.stage.fail = None


def test_what_takes_too_long_is_a_sentence_and_not_an_endless_wait(
    desktop: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(components, "_LONGEST_SECONDS", 0.5)
    desktop.stage.gate.clear()
    try:
        page = desktop.open("/")
        assert page.locator(".qd-notice.alarm").first.inner_text().startswith("This takes longer than the page waits.")
    finally:
        desktop.stage.gate.set()


def test_the_topics_of_the_session_map_can_be_chosen(desktop: Watched) -> None:
    page = desktop.open("/data")
    # Rows held back for review are chosen by tabs of their own further down.
    assert page.locator(".qd-tabs").first.locator("button").all_inner_texts() == ["Stocks", "Crypto"]
    assert "2022-06-01: 1 of 2" in page.locator(".qd-year + .qd-note").inner_text()
    page.locator(".qd-tabs button:has-text('Crypto')").click()
    page.wait_for_selector(".qd-tabs button[aria-pressed='true']:has-text('Crypto')")
    assert "2022-11-28: 0 of 1" in page.locator(".qd-year + .qd-note").inner_text()


def test_what_a_model_wrote_is_shown_as_text_in_its_own_box(desktop: Watched) -> None:
    page = desktop.open(FIRST_PROPOSAL)
    box = page.locator(".qd-words")
    assert "not checked by the desk" in box.inner_text()
    assert "<script>alert(1)</script>" in box.inner_text()
    assert page.locator(".qd-words script").count() == 0


def test_a_person_without_the_scope_sees_no_approve_button(desktop: Watched) -> None:
    stage = desktop.stage
    signed_in = stage.principal
    stage.principal = Principal(id="usr_2", name="reader", kind="person", scopes=frozenset({"read"}))
    try:
        page = desktop.open(FIRST_PROPOSAL)
        assert page.locator("button:has-text('Approve')").count() == 0
        assert "Only a signed-in person" in page.locator(".qd-notice").first.inner_text()
    finally:
        stage.principal = signed_in


def test_an_ended_session_cannot_decide_on_a_page_that_is_still_open(desktop: Watched) -> None:
    stage = desktop.stage
    page = desktop.open(FIRST_PROPOSAL)
    signed_in, stage.principal = stage.principal, None
    try:
        page.locator("button:has-text('Approve')").click()
        page.wait_for_selector(".q-notification:has-text('not signed in')")
        assert stage.proposals.decided == {}
    finally:
        stage.principal = signed_in


def test_approve_takes_the_decision_once_and_shows_who_and_when(desktop: Watched) -> None:
    stage = desktop.stage
    page = desktop.open(FIRST_PROPOSAL)
    page.locator("input[aria-label='Reason']").fill("Within the plan")
    page.locator("button:has-text('Approve')").click()
    page.wait_for_selector(".qd-badge:has-text('approved')")
    decision = stage.proposals.decided["prp_00000000000000000000000000000001"]
    assert (decision.decision, decision.face, decision.decided_by) == ("approved", "web", "usr_1")
    assert decision.reason == "Within the plan"
    assert decision.digest == "ab" * 32
    assert page.locator("button:has-text('Approve')").count() == 0
    card = page.locator(".qd-card:has-text('Decision')").last.inner_text()
    assert "owner (you)" in card
    assert "it fills at the next session's open or close: press Advance one session." in card


def test_halt_and_resume(desktop: Watched) -> None:
    page = desktop.open("/")
    page.locator("button:has-text('Halt trading')").click()
    page.wait_for_selector("text=Trading is halted: halted by owner")
    assert desktop.stage.switch.reason is not None
    page.locator("button:has-text('Resume trading')").click()
    page.wait_for_selector("text=Trading on")
    assert desktop.stage.switch.reason is None


def test_the_clock_advances_on_request(desktop: Watched) -> None:
    page = desktop.open("/proposals")
    before = desktop.stage.advanced
    with page.expect_navigation():
        page.locator("button:has-text('Advance one session')").click()
    assert desktop.stage.advanced == before + 1


@pytest.mark.parametrize("size", SIZES)
def test_a_report_is_made_read_and_printed(size: str, browser: Any, seeded: Any) -> None:
    watched = Watched(browser, seeded, size)
    try:
        page = watched.open("/reports")
        page.locator("button:has-text('Make start-of-day report')").click()
        page.wait_for_url("**/reports/rpt_*")
        page.wait_for_selector("iframe")
        frame = page.frame_locator("iframe")
        frame.locator("h1").wait_for()
        assert "What to watch" in frame.locator("h2").first.inner_text()
        inside = page.evaluate(
            "(() => { const d = document.querySelector('iframe').contentDocument.documentElement;"
            " return [d.scrollWidth, d.clientWidth]; })()"
        )
        assert inside[0] <= inside[1]
        assert watched.outside == []
        assert watched.complaints == []
        paper = "getComputedStyle(document.querySelector('iframe').contentDocument.body).backgroundColor"
        assert page.evaluate(paper) == "rgb(255, 255, 255)"
        page.evaluate("document.body.classList.add('body--dark')")
        page.wait_for_function(paper + " === 'rgb(18, 23, 29)'")
        frame.locator("a.n").first.click()
        page.wait_for_url("**/runs/**")
        assert page.locator(".qd-page").is_visible()
    finally:
        watched.context.close()


def test_an_unknown_id_is_a_sentence(desktop: Watched) -> None:
    for path in ("/reports/rpt_none", "/runs/run_none", "/runs/nonsense", "/proposals/prp_none"):
        page = desktop.open(path)
        text = page.locator(".qd-notice").first.inner_text()
        assert "Unknown" in text or "is not the id" in text, path


def test_links_within_a_framed_report_stay_in_the_frame():
    page = '<a href="#risk">Risk</a> <a href="/runs/fct_1" target="_top">1</a>'
    assert framed(page) == '<a href="about:srcdoc#risk">Risk</a> <a href="/runs/fct_1" target="_top">1</a>'
