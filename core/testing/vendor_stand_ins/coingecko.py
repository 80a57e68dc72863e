"""Speak as CoinGecko: the daily chart of a coin, with "now" as its last point."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.testing.vendor_stand_ins.server import Asked, Fault, Spoken, StandIn

KEYS = {"COINGECKO_API_KEY": "CG-stand-in-key"}
_COINS = {"bitcoin": "BTC-USD", "ethereum": "ETH-USD", "binancecoin": "BNB-USD", "ripple": "XRP-USD",
          "solana": "SOL-USD", "cardano": "ADA-USD", "dogecoin": "DOGE-USD", "tron": "TRX-USD",
          "avalanche-2": "AVAX-USD", "chainlink": "LINK-USD", "litecoin": "LTC-USD", "polkadot": "DOT-USD",
          "bitcoin-cash": "BCH-USD", "the-open-network": "TON-USD"}  # fmt: skip


def answer(stand_in: StandIn, asked: Asked, fault: Fault | None) -> Spoken:
    """Return the answer to a request; no key is fine, a wrong one is not."""
    key = asked.headers.get("x-cg-demo-api-key")
    if fault == "wrong_key" or key not in (None, KEYS["COINGECKO_API_KEY"]):
        return Spoken(
            status=401, content={"status": {"error_code": 10002, "error_message": "API Key Missing or wrong"}}
        )
    if fault == "error_body":
        return Spoken(content={"status": {"error_code": 10005, "error_message": "This request needs a paid plan."}})
    symbol = _COINS.get(asked.path.split("/")[2])
    if fault == "not_found" or symbol not in stand_in.data.bars:
        return Spoken(status=404, content={"error": "coin not found"})
    start, end = (datetime.fromtimestamp(int(asked.query[name]), UTC) for name in ("from", "to"))
    now, points = stand_in.clock(), []
    for bar in stand_in.data.bars[symbol or ""]:
        # The price at the end of a day is the point a few seconds into the next one.
        moment = datetime(bar.session.year, bar.session.month, bar.session.day, tzinfo=UTC) + timedelta(
            days=1, seconds=7
        )
        if start <= moment <= min(end, now):
            points.append([int(moment.timestamp() * 1000), bar.close])
    if points and end >= now - timedelta(days=1):
        points.append([int(now.timestamp() * 1000), points[-1][1] * 1.01])
    if fault == "short_page":
        return Spoken(content={"prices": points[:-2], "market_caps": points, "total_volumes": points})
    return Spoken(content={"prices": points, "market_caps": points, "total_volumes": points})
