"""Take the pictures of docs/pictures from a running desk: `python -m benchmarks.pictures [ADDRESS]`.

Reads the owner's password from the desk's folder (QUANTDESK_HOME), asks two questions, writes a proposal and a report.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

from core.settings import load_settings

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
LARGEST_BYTES = 150_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", nargs="?", default="http://127.0.0.1:8000")
    address = parser.parse_args().address
    password = (load_settings().home / "owner-password").read_text().strip()
    from playwright.sync_api import sync_playwright

    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light").new_page()
        page.set_default_timeout(120_000)
        page.goto(f"{address}/chat/")
        page.fill("input[name=password]", password)
        page.click("button[type=submit]")
        _ask(page, "How did AAPL do in 2008?")
        page.wait_for_selector(".js-plotly-plot .scatterlayer path")
        page.get_by_text("AAPL returned").first.scroll_into_view_if_needed()
        page.wait_for_timeout(1_000)
        save(page, "chat")
        page.get_by_label("New Chat").or_(page.locator("#new-chat-button")).first.click()
        if page.get_by_role("button", name="Confirm").count():
            page.get_by_role("button", name="Confirm").click()
        _ask(page, "propose buying 10 MSFT")
        _open(page, f"{address}/")
        save(page, "dashboard")
        _open(page, f"{address}/proposals")
        page.locator("li a", has_text="MSFT").first.click()
        page.wait_for_url("**/proposals/prp_*")
        _loaded(page)
        save(page, "proposals")
        _open(page, f"{address}/reports")
        page.get_by_role("button", name="Make start-of-day report").click()
        page.wait_for_url("**/reports/rpt_*")
        _loaded(page)
        page.frame_locator("iframe").locator("h1").wait_for()
        page.wait_for_timeout(1_000)
        save(page, "report")
        phone = browser.new_context(
            viewport={"width": 390, "height": 844}, color_scheme="light", storage_state=page.context.storage_state()
        ).new_page()
        phone.set_default_timeout(120_000)
        _open(phone, f"{address}/")
        save(phone, "phone")
        browser.close()


def _ask(page: Any, question: str) -> None:
    page.wait_for_selector("#chat-input")
    page.locator("#chat-input").click()
    page.keyboard.type(question)
    page.keyboard.press("Enter")
    page.get_by_text("Copy as command:").last.wait_for()


def _open(page: Any, address: str) -> None:
    page.goto(address)
    _loaded(page)


def _loaded(page: Any) -> None:
    page.wait_for_function("document.querySelector('.qd-page') && !document.querySelector('.qd-wait')")
    # Charts draw themselves in steps after their data came.
    page.wait_for_timeout(1_500)


def save(page: Any, name: str) -> None:
    """Write a window as a small PNG: at most 1,000 pixels wide, 256 colours."""
    from PIL import Image

    page.mouse.move(5, 5)
    page.wait_for_timeout(300)
    taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    if taken.width > 1_000:
        taken = taken.resize((1_000, round(taken.height * 1_000 / taken.width)), Image.Resampling.LANCZOS)
    file = FOLDER / f"{name}.png"
    taken.quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)
    size = file.stat().st_size
    print(f"{file.name}: {size:,} bytes")
    assert size <= LARGEST_BYTES, f"{file} is larger than {LARGEST_BYTES:,} bytes"


if __name__ == "__main__":
    main()
