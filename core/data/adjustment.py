"""Turn prices as traded into other bases with the corporate actions that were known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from core.domain.market_path import FloatArray
from core.errors import InvalidInput

Days = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """Hold the actions of one instrument as they were known: splits (ex-date, new shares per old) and cash amounts.

    `cash` are dividends and the value of what was spun off, each with its ex-date and per share of `amount_basis`.
    """

    splits: Sequence[tuple[date, float]] = ()
    cash: Sequence[tuple[date, float]] = ()
    amount_basis: str = "raw"

    def __bool__(self) -> bool:
        return bool(self.splits or self.cash)


def split_divisors(sessions: Days, splits: Sequence[tuple[date, float]]) -> FloatArray:
    """Return by what prices as traded are divided (volumes multiplied): the splits after each session.

    `sessions` is ascending, the result of shape (time,).
    """
    divisor = np.ones(len(sessions))
    for ex_date, ratio in splits:
        divisor[sessions < np.datetime64(ex_date, "D")] *= ratio
    return divisor


def cash_factors(sessions: Days, close: FloatArray, cash: Sequence[tuple[date, float]]) -> FloatArray:
    """Return by what prices are multiplied so that their returns include the cash paid.

    Each amount takes the share it was of the last close before its ex-date from every earlier price (the factor of
    CRSP's and Yahoo's adjusted closes). `close` has shape (time,) on the basis of the amounts, NaN where there was no
    bar; amounts before the first close change nothing. Raises InvalidInput when an amount is not below the close.
    """
    factor = np.ones(len(sessions))
    traded = np.flatnonzero(~np.isnan(close))
    for ex_date, amount in cash:
        before = traded[sessions[traded] < np.datetime64(ex_date, "D")]
        if not len(before):
            continue
        share = amount / close[before[-1]]
        if not 0 <= share < 1:
            raise InvalidInput(
                f"The amount {amount:g} of {ex_date} is not below the close {close[before[-1]]:g} before it.",
                hint="Check the action and its basis with `quantdesk sql` on v_corporate_actions.",
            )
        factor[: np.searchsorted(sessions, np.datetime64(ex_date, "D"))] *= 1 - share
    return factor
