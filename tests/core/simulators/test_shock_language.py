"""The language of shocks: what it reads, and that each error points at its column."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.simulators.shock_language import EXAMPLE, parse_shocks


@pytest.mark.parametrize(
    ("text", "expected", "sessions"),
    [
        ("SPY -10%", [("SPY", "return", -0.10)], 1),
        ("SPY +2.5 %", [("SPY", "return", 0.025)], 1),
        ("spy - 10 percent", [("spy", "return", -0.10)], 1),
        ("SPY −10%", [("SPY", "return", -0.10)], 1),
        ("SPY-10%", [("SPY", "return", -0.10)], 1),
        ("DGS10 +100bp", [("DGS10", "change", 0.01)], 1),
        ("DGS10 +100 bps", [("DGS10", "change", 0.01)], 1),
        ("DGS10 -25 basis points", [("DGS10", "change", -0.0025)], 1),
        ("DGS10 +0.5pp", [("DGS10", "change", 0.005)], 1),
        ("DGS10 +1 percentage point", [("DGS10", "change", 0.01)], 1),
        ("VIX x2", [("VIX", "multiple", 2.0)], 1),
        ("VIX × 1.5", [("VIX", "multiple", 1.5)], 1),
        ("VIX x .5", [("VIX", "multiple", 0.5)], 1),
        ("^GSPC -20%", [("^GSPC", "return", -0.20)], 1),
        ("BTC-USD -50%", [("BTC-USD", "return", -0.50)], 1),
        ("BRK.B -5%", [("BRK.B", "return", -0.05)], 1),
        ("EURUSD=X +3%", [("EURUSD=X", "return", 0.03)], 1),
        ("GLD to 250", [("GLD", "level", 250.0)], 1),
        ("BTC-USD to 25,000", [("BTC-USD", "level", 25000.0)], 1),
        ("SPY -10% over 5 days", [("SPY", "return", -0.10)], 5),
        ("SPY -10% over 1 day", [("SPY", "return", -0.10)], 1),
        ("SPY -10% over 2 weeks", [("SPY", "return", -0.10)], 10),
        ("SPY -10% over 1 month", [("SPY", "return", -0.10)], 21),
        ("SPY -10% over 3 sessions", [("SPY", "return", -0.10)], 3),
        ("SPY -10%; TLT +2%", [("SPY", "return", -0.10), ("TLT", "return", 0.02)], 1),
        (
            EXAMPLE,
            [("SPY", "return", -0.10), ("DGS10", "change", 0.01), ("VIX", "multiple", 2.0)],
            5,
        ),
    ],
)
def test_what_is_written_is_what_is_read(text, expected, sessions):
    found = parse_shocks(text)
    assert [(part.name, part.kind) for part in found.shocks] == [part[:2] for part in expected]
    assert [part.size for part in found.shocks] == pytest.approx([part[2] for part in expected])
    assert found.sessions == sessions


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "expected a name"),
        ("   ", 1, "the text ends"),
        ("-10%", 1, "expected a name"),
        ("SPY", 4, "expected +, -"),
        ("SPY 10%", 5, "expected +, -"),
        ("SPY -", 6, "expected a number"),
        ("SPY -10", 8, "expected %, bp or pp"),
        ("SPY -10% QQQ -5%", 10, "expected a comma"),
        ("SPY -10%,", 10, "expected a name"),
        ("SPY -10%, , QQQ -5%", 11, "expected a name"),
        ("SPY -10% over", 14, "expected a number"),
        ("SPY -10% over five days", 15, "expected a number"),
        ("SPY -10% over 5", 16, "expected days, weeks or months"),
        ("SPY -10% over 5 years", 17, "expected days, weeks or months"),
        ("SPY -10% over 0 days", 15, "whole number of days from 1"),
        ("SPY -10% over 2.5 days", 15, "whole number of days from 1"),
        ("SPY -10% over 90 weeks", 15, "to 252"),
        ("SPY -150%", 5, "cannot fall by more than 100"),
        ("VIX x0", 6, "above 0"),
        ("GLD to 0", 8, "above 0"),
        ("GLD to the moon", 8, "expected a number"),
        ("SPY -10%, spy -5%", 11, "shocked twice"),
        ("SPY @ 3", 5, "does not belong here"),
        ("SPY -10% & QQQ -5%", 10, "does not belong here"),
        ("SPY -10% over 5 days QQQ -5%", 22, "expected a comma"),
    ],
)
def test_an_error_points_at_its_column(text, column, message):
    with pytest.raises(InvalidInput) as caught:
        parse_shocks(text)
    assert f"Column {column}:" in str(caught.value)
    assert message in str(caught.value)
    pointer = caught.value.hint.splitlines()[1]
    assert pointer == " " * (column - 1) + "^"
    assert EXAMPLE in caught.value.hint


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_with_a_column(text):
    refused = found = None
    try:
        found = parse_shocks(text)
    except InvalidInput as error:
        refused = str(error)
    assert found is None or (found.shocks and found.sessions >= 1)
    assert found is not None or "Column " in refused


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    names=st.lists(
        st.sampled_from(["SPY", "QQQ", "DGS10", "VIX", "^GSPC", "BTC-USD", "GLD", "TLT"]),
        min_size=1,
        max_size=5,
        unique=True,
    ),
    size=st.integers(1, 99),
    days=st.integers(1, 252),
)
def test_written_shocks_come_back(names, size, days):
    text = ", ".join(f"{name} -{size}%" for name in names) + f" over {days} days"
    found = parse_shocks(text)
    assert [part.name for part in found.shocks] == names
    assert all(part.size == pytest.approx(-size / 100) for part in found.shocks)
    assert found.sessions == days
    assert [text[part.column - 1 :].startswith(part.name) for part in found.shocks] == [True] * len(names)


def test_moves_are_returns_and_changes():
    found = parse_shocks("SPY -10%, DGS10 +100bp, VIX x2, GLD to 220")
    assert found.moves({"GLD": 200.0}) == pytest.approx({"SPY": -0.1, "DGS10": 0.01, "VIX": 1.0, "GLD": 0.1})


def test_a_level_needs_the_level_of_today():
    with pytest.raises(InvalidInput, match="GLD has no level today"):
        parse_shocks("GLD to 220").moves({})
