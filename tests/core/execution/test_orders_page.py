"""The table in docs/orders.md is the one the code goes by."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from core.domain.books import OrderState
from core.execution.orders import OrderEvent, move

PAGE = Path(__file__).resolve().parents[3] / "docs" / "orders.md"


def written_table():
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(("| state ", "| `"))]
    start = next(number for number, line in enumerate(lines) if line.startswith("| state "))
    events = re.findall(r"`(\w+)`", lines[start])
    found = {}
    for line in lines[start + 1 : start + 1 + len(get_args(OrderState))]:
        state, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        for event, cell in zip(events, cells, strict=True):
            found[state.strip("`"), event] = cell
    return found


def test_the_page_says_what_every_event_does_in_every_state():
    written = written_table()
    assert set(written) == {(state, event) for state in get_args(OrderState) for event in get_args(OrderEvent)}
    for (state, event), cell in written.items():
        done = move(state, event)
        assert (cell.rstrip("!") or state, cell.endswith("!")) == (done.after, done.alarming), (state, event)


def test_the_page_names_every_limit():
    from dataclasses import fields

    from core.risk.limits import Limits

    text = PAGE.read_text(encoding="utf-8")
    assert [field.name for field in fields(Limits) if f"`{field.name}`" not in text] == []
