"""Errors say what was expected and what to do."""

from __future__ import annotations

import inspect

import pytest

from core import errors

ALL = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, errors.QuantdeskError)]


def test_the_tree_drawn_at_the_top_names_every_class() -> None:
    for error in ALL:
        assert error.__name__ in (errors.__doc__ or "")


def test_codes_are_unique() -> None:
    codes = [error.code for error in ALL]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(("name", "helps"), [("Unavailable", True), ("VendorError", True), ("OutcomeUnknown", False)])
def test_each_error_says_whether_a_retry_helps(name: str, helps: bool) -> None:
    assert getattr(errors, name).retry_helps is helps


def test_an_unknown_name_offers_the_closest() -> None:
    error = errors.UnknownName("symbol", "APPL", ["AAPL", "APP"])
    assert str(error) == "Unknown symbol 'APPL'. Did you mean AAPL or APP?"
    assert str(errors.UnknownName("symbol", "ZZZZ")) == "Unknown symbol 'ZZZZ'."


def test_a_halt_says_how_to_resume() -> None:
    assert "quantdesk resume" in str(errors.TradingHalted())
    assert errors.TradingHalted().rule == "kill_switch"
