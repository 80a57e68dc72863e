"""Names of companies that are words of questions."""

from datetime import UTC, date, datetime

from agents.planner.planner import plan_conversation
from agents.planner.universe import build_universe
from core.data.universe import universe
from core.domain.market_records import Instrument

TODAY = date(2026, 6, 24)


def listed(number: int, symbol: str, name: str) -> Instrument:
    return Instrument(
        instrument_id=number,
        symbol=symbol,
        name=name,
        asset_class="equity",
        calendar="XNYS",
        currency="USD",
        source="test",
        known_at=datetime(2000, 1, 1, tzinfo=UTC),
    )


def test_news_and_three_months_are_no_companies() -> None:
    more = [
        listed(9001, "NWS", "News Corp (Class B)"),
        listed(9002, "NWSA", "News Corp (Class A)"),
        listed(9003, "MMM", "3M"),
    ]
    names = build_universe([*universe(), *more])
    (call,) = plan_conversation(["any news about Disney today?"], names, TODAY).calls
    assert (call.args["metric"], call.args["symbols"]) == ("news", ["DIS"])
    (call,) = plan_conversation(["run a switch GLD->SPY when 3m momentum flips, since 2012"], names, TODAY).calls
    assert (call.name, call.args["symbols"]) == ("backtest", ["GLD", "SPY"])
    (call,) = plan_conversation(["NWSA price"], names, TODAY).calls
    assert call.args["symbols"] == ["NWSA"]
