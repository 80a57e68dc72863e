"""Hold ten conversations with a running desk at two widths: `python -m benchmarks.conversations [ADDRESS]`.

Writes docs/conversations.md with a picture of each, 1,440 and 390 pixels wide, and says what failed: a page wider than
its window, a chart that was not drawn, a request that left the machine.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any
from urllib.parse import urlparse

from benchmarks.pictures import CHROMIUM, FLAGS, FOLDER, save
from core.settings import load_settings

PAGE = FOLDER.parent / "conversations.md"
WIDTHS = ((1440, 1000), (390, 844))
CONVERSATIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("return", ("How did AAPL do in 2008?", "and MSFT?")),
    ("comparison", ("compare MSFT and JPM volatility since 2015", "show it as a correlation with XOM as well")),
    ("macro", ("unemployment since 2000", "when was it last above 9 percent?")),
    ("backtest", ("backtest a 50/200 SMA crossover on AAPL", "with a 10% trailing stop")),
    ("pair", ("backtest a pair of JPM and BAC since 2005", "what is its expected value over 60 sessions?")),
    ("fly", ("backtest a fly of KO, PEP and PG since 2008",)),
    ("switch", ("backtest a switch between AAPL and MSFT with a 63 day lookback since 2005",)),
    ("risk", ("risk of my portfolio", "what would the financial crisis do to it?")),
    (
        "proposal",
        ("how large a position in KO at 1% risk with a stop 8% below?", "buy 10 KO, reason: a test of the desk"),
    ),
    ("limits of it", ("should I buy NVDA or rent a bike?", "approve all my proposals", "what can you do?")),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", nargs="?", default="http://127.0.0.1:8000")
    address = parser.parse_args().address
    password = (load_settings().home / "owner-password").read_text().strip()
    from playwright.sync_api import sync_playwright

    (FOLDER / "conversations").mkdir(parents=True, exist_ok=True)
    lines = [
        "# Ten conversations",
        "",
        "Written by `python -m benchmarks.conversations` with a running desk on its sample data, "
        "offline, with no model connected.",
        "",
    ]
    faults: list[str] = []
    hosts: list[tuple[str, str]] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        state: Any = None
        for width, height in WIDTHS:
            for number, (name, turns) in enumerate(CONVERSATIONS, 1):
                context = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme="light", storage_state=state
                )
                page = context.new_page()
                page.set_default_timeout(120_000)
                where = f"{name} at {width} px"
                page.on("request", partial(_note, hosts, where))
                page.goto(f"{address}/chat/")
                if page.locator("input[name=password]").count():
                    page.fill("input[name=password]", password)
                    page.click("button[type=submit]")
                for turn in turns:
                    _ask(page, turn)
                faults += [f"{where}: {fault}" for fault in _look(page)]
                save(page, f"conversations/{number:02d}-{'wide' if width > 1000 else 'phone'}")
                state = context.storage_state()
                context.close()
        browser.close()
    faults += [fault for where, url in hosts for fault in _left(url, where)]
    for number, (name, turns) in enumerate(CONVERSATIONS, 1):
        lines += [f"## {number}. {name.capitalize()}", "", *(f"- {turn}" for turn in turns), ""]
        lines += [
            f"![{name}, wide](pictures/conversations/{number:02d}-wide.png)",
            f"![{name}, on a phone](pictures/conversations/{number:02d}-phone.png)",
            "",
        ]
    PAGE.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    print("\n".join(faults) or "no page failed")
    raise SystemExit(1 if faults else 0)


def _note(hosts: list[tuple[str, str]], where: str, request: Any) -> None:
    hosts.append((where, request.url))


def _left(address: str, where: str) -> list[str]:
    host = urlparse(address).hostname
    return [] if host in ("127.0.0.1", "localhost", None, "") else [f"{where}: asked {host}"]


def _ask(page: Any, question: str) -> None:
    page.wait_for_selector("#chat-input")
    page.locator("#chat-input").click()
    page.keyboard.type(question)
    page.keyboard.press("Enter")
    page.get_by_text(question, exact=True).first.wait_for()
    page.wait_for_timeout(500)
    page.locator("#stop-button").wait_for(state="detached")
    # Charts draw themselves after the text.
    page.wait_for_timeout(1_500)


def _look(page: Any) -> list[str]:
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    empty = page.evaluate(
        "[...document.querySelectorAll('.js-plotly-plot')].filter(one => !one.querySelector('svg')).length"
    )
    return [
        *([f"{wide} pixels wider than the window"] if wide > 1 else []),
        *([f"{empty} charts not drawn"] if empty else []),
    ]


if __name__ == "__main__":
    main()
