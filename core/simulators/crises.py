"""Name past crises: dates, and what markets did from the close before the first session to the close of the last."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from core.errors import UnknownName

EQUITIES, RATES, VOLATILITY, BITCOIN = "^GSPC", "DGS10", "^VIX", "BTC-USD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crisis:
    """Name a stretch of history by its first and last session; a replay starts from the close before the first.

    `moves` are the published moves of markets over it: returns of the S&P 500, the VIX and Bitcoin, and the change of
    the ten-year Treasury yield (0.01 is 100 basis points), rounded. Sources: closing levels of S&P Dow Jones Indices
    and Cboe (VIX from 1990), the Federal Reserve's H.15 release (FRED series DGS10), Bitcoin in US dollars.
    """

    name: str
    title: str
    start: date
    end: date
    moves: Mapping[str, float] = field(default_factory=dict)


def crisis(name: str) -> Crisis:
    """Look a crisis up; raises UnknownName with the closest ones."""
    if name not in CRISES:
        raise UnknownName("crisis", name, difflib.get_close_matches(name, CRISES, n=3, cutoff=0.3))
    return CRISES[name]


def _crisis(
    name: str,
    title: str,
    start: str,
    end: str,
    equities: float,
    rates: float,
    volatility: float | None,
    bitcoin: float | None = None,
) -> Crisis:
    moves = {EQUITIES: equities, RATES: rates, VOLATILITY: volatility, BITCOIN: bitcoin}
    return Crisis(
        name=name,
        title=title,
        start=date.fromisoformat(start),
        end=date.fromisoformat(end),
        moves={key: move for key, move in moves.items() if move is not None},
    )


# From the session after a closing high of the S&P 500 to its low; those named for an event start with the event:
# the Bureau of Industry and Security's rule of 7 October 2022 (87 FR 62186), NVIDIA's Form 8-K of 15 April 2025 (after
# the close), the British budget of 23 September 2022 (until the Bank of England bought on the 28th), the tariffs
# announced on 5 May 2019, a weekend. An episode of one session is the reaction of that day.
# Last columns: S&P 500, ten-year yield, VIX, Bitcoin.
CRISES: Mapping[str, Crisis] = {
    part.name: part
    for part in (
        _crisis("crash_1987", "Black Monday and the week before", "1987-10-14", "1987-10-19",
                -0.285, 0.0025, None),
        _crisis("gulf_1990", "Iraq invades Kuwait", "1990-07-17", "1990-10-11",
                -0.199, 0.0048, 1.029),
        _crisis("bonds_1994", "Bond market rout, the Fed raises rates", "1994-02-04", "1994-04-04",
                -0.087, 0.0135, 1.22),
        _crisis("asia_1997", "Asian currency crisis", "1997-10-08", "1997-10-27",
                -0.108, -0.0003, 0.534),
        _crisis("russia_1998", "Russian default", "1998-07-20", "1998-08-31",
                -0.193, -0.0046, 1.728),
        _crisis("dotcom_2000", "Dot-com bust, peak to trough", "2000-03-27", "2002-10-09",
                -0.491, -0.0259, 0.807),
        _crisis("september_2001", "September 11 attacks, first week of trading", "2001-09-17", "2001-09-21",
                -0.116, 0.0013, 0.34),
        _crisis("accounting_2002", "Accounting scandals", "2002-05-20", "2002-07-23",
                -0.279, -0.008, 1.538),
        _crisis("quant_2007", "Subprime and the quant unwind", "2007-07-20", "2007-08-15",
                -0.094, -0.0035, 1.014),
        _crisis("financial_2008", "Lehman failure to the trough", "2008-09-15", "2009-03-09",
                -0.46, -0.0085, 0.936),
        _crisis("financial_2007_2009", "Global financial crisis, peak to trough", "2007-10-10", "2009-03-09",
                -0.568, -0.0178, 2.082),
        _crisis("flash_crash_2010", "Flash crash and euro debt worries", "2010-04-26", "2010-07-02",
                -0.16, -0.0084, 0.812),
        _crisis("japan_2011", "Earthquake and tsunami in Japan", "2011-03-11", "2011-03-16",
                -0.03, -0.0015, 0.344),
        _crisis("euro_2011", "Euro crisis and US downgrade", "2011-07-08", "2011-10-03",
                -0.188, -0.0137, 1.85),
        _crisis("taper_2013", "Taper tantrum", "2013-05-22", "2013-06-24",
                -0.058, 0.0063, 0.504),
        _crisis("oil_2014", "Oil price collapse", "2014-06-23", "2016-02-11",
                -0.068, -0.01, 1.594),
        _crisis("china_2015", "China devaluation", "2015-08-11", "2015-08-25",
                -0.112, -0.0012, 1.945, -0.162),
        _crisis("china_2016", "China and oil worries", "2015-12-30", "2016-02-11",
                -0.12, -0.0069, 0.75, -0.123),
        _crisis("brexit_2016", "Britain votes to leave the EU", "2016-06-24", "2016-06-27",
                -0.053, -0.0028, 0.383, 0.05),
        _crisis("volatility_2018", "Volatility spike of February 2018", "2018-01-29", "2018-02-08",
                -0.102, 0.0019, 2.02, -0.299),
        _crisis("fourth_quarter_2018", "Fed tightening, fourth quarter 2018", "2018-09-21", "2018-12-24",
                -0.198, -0.0033, 2.057, -0.374),
        _crisis("crypto_2018", "Crypto winter of 2018", "2017-12-18", "2018-12-15",
                -0.028, 0.0054, 1.296, -0.831),
        _crisis("trade_war_2019", "US and China raise tariffs on each other", "2019-05-06", "2019-06-03",
                -0.068, -0.0047, 0.465, 0.416),
        _crisis("covid_2020", "COVID-19 crash", "2020-02-20", "2020-03-23",
                -0.339, -0.008, 3.283, -0.334),
        _crisis("oil_war_2020", "Oil price war of Saudi Arabia and Russia, first session", "2020-03-09", "2020-03-09",
                -0.076, -0.002, 0.299, -0.023),
        _crisis("variant_2021", "A new variant of the coronavirus", "2021-11-26", "2021-12-01",
                -0.04, -0.0021, 0.675, -0.001),
        _crisis("rates_2022", "Inflation and rising rates", "2022-01-04", "2022-10-12",
                -0.254, 0.0228, 1.022, -0.588),
        _crisis("crypto_2022", "Crypto crash of 2022", "2021-11-10", "2022-11-21",
                -0.157, 0.0237, 0.258, -0.764),
        _crisis("ukraine_2022", "Russia invades Ukraine", "2022-02-24", "2022-03-08",
                -0.013, -0.0013, 0.133, 0.039),
        _crisis("stablecoin_2022", "Collapse of the stablecoin TerraUSD", "2022-05-09", "2022-05-12",
                -0.047, -0.0028, 0.052, -0.147),
        _crisis("gilts_2022", "Gilt crisis in Britain", "2022-09-23", "2022-09-27",
                -0.029, 0.0027, 0.192, -0.016),
        _crisis("chips_2022", "US export controls on chips for China", "2022-10-07", "2022-10-12",
                -0.045, 0.0008, 0.1, -0.04),
        _crisis("ftx_2022", "Failure of the exchange FTX", "2022-11-06", "2022-11-21",
                0.048, -0.0034, -0.089, -0.258),
        _crisis("banks_2023", "US regional bank failures", "2023-03-07", "2023-03-13",
                -0.048, -0.0043, 0.425, 0.079),
        _crisis("carry_2024", "Yen carry trade unwind", "2024-07-17", "2024-08-05",
                -0.085, -0.0039, 1.924, -0.171),
        _crisis("deepseek_2025", "DeepSeek shakes the shares of artificial intelligence", "2025-01-27", "2025-01-27",
                -0.015, -0.001, 0.205, -0.006),
        _crisis("tariffs_2025", "US tariffs of April 2025", "2025-04-03", "2025-04-08",
                -0.121, 0.0006, 1.433, -0.075),
        _crisis("chips_2025", "US licences for chips sold to China", "2025-04-16", "2025-04-21",
                -0.044, 0.0007, 0.123, 0.046),
    )
}  # fmt: skip
