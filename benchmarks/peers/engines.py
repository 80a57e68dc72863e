"""Run one engine in the peers' environment: `python run.py ENGINE INPUT.npz OUTPUT.npz`.

Reads arrays and settings, times the engine alone (no imports, no conversion of inputs), writes its results and seconds.
"""

# ruff: noqa: ANN001, ANN201, ANN202, ANN204  # callbacks of libraries that are not installed where types are checked

from __future__ import annotations

import sys
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")


def crossing(close, fast, slow):
    """Return where the fast average is above the slow one, by pandas."""
    import pandas

    series = pandas.Series(close)
    return (series.rolling(fast).mean() > series.rolling(slow).mean()).to_numpy()


def with_backtesting(given):
    import pandas
    from backtesting import Backtest, Strategy

    stop = float(given["stop"])
    frame = pandas.DataFrame(
        {name.capitalize(): given[name] for name in ("open", "high", "low", "close")},
        index=pandas.date_range("2020-01-01", periods=len(given["close"]), freq="min"),
    )
    fast, slow = int(given["fast"]), int(given["slow"])

    class Cross(Strategy):
        def init(self):
            average = lambda values, window: pandas.Series(values).rolling(window).mean()  # noqa: E731
            self.quick = self.I(average, self.data.Close, fast)
            self.calm = self.I(average, self.data.Close, slow)
            self.was = False

        def next(self):
            up = self.quick[-1] > self.calm[-1]
            if up and not self.was:
                self.buy(size=1, sl=self.data.Close[-1] * (1 - stop))
            elif not up and self.position:
                self.position.close()
            self.was = up

    test = Backtest(frame, Cross, cash=1e6, commission=float(given["fee"]), trade_on_close=False)
    start = time.perf_counter()
    found = test.run()
    seconds = time.perf_counter() - start
    trades = found["_trades"]
    closed = trades[trades["ExitBar"] < len(frame)]
    return {
        "entry": closed["EntryBar"].to_numpy(),
        "exit": closed["ExitBar"].to_numpy(),
        "entry_price": closed["EntryPrice"].to_numpy(),
        "exit_price": closed["ExitPrice"].to_numpy(),
        "equity": found["_equity_curve"]["Equity"].to_numpy()[-1:],
        "seconds": seconds,
    }


def with_backtrader(given):
    import backtrader
    import pandas

    stop = float(given["stop"])
    frame = pandas.DataFrame(
        {name: given[name] for name in ("open", "high", "low", "close")},
        index=pandas.date_range("2020-01-01", periods=len(given["close"]), freq="min"),
    )
    frame["volume"] = 0.0
    fast, slow = int(given["fast"]), int(given["slow"])
    fills = []

    class Cross(backtrader.Strategy):
        def __init__(self):
            self.quick = backtrader.ind.SMA(self.data.close, period=fast)
            self.calm = backtrader.ind.SMA(self.data.close, period=slow)
            self.was = False
            self.guard = None

        def notify_order(self, order):
            if order.status != order.Completed:
                return
            fills.append((len(self) - 1, order.executed.size, order.executed.price))
            # A stop that has just been sent cannot be cancelled yet: where the averages turn back, none is sent.
            if order.isbuy() and self.quick[0] > self.calm[0]:
                self.guard = self.sell(exectype=backtrader.Order.Stop, price=order.executed.price * (1 - stop), size=1)

        def next(self):
            up = self.quick[0] > self.calm[0]
            if up and not self.was:
                self.buy(size=1)
            elif not up and self.was and self.position:
                if self.guard is not None:
                    self.cancel(self.guard)
                self.close()
            self.was = up

    cerebro = backtrader.Cerebro(stdstats=False)
    cerebro.adddata(backtrader.feeds.PandasData(dataname=frame))
    cerebro.addstrategy(Cross)
    cerebro.broker.setcash(1e6)
    cerebro.broker.setcommission(commission=float(given["fee"]))
    start = time.perf_counter()
    cerebro.run()
    seconds = time.perf_counter() - start
    return {"fills": np.array(fills), "equity": np.array([cerebro.broker.getvalue()]), "seconds": seconds}


def with_nautilus(given):
    from decimal import Decimal

    import pandas
    from nautilus_trader.backtest.config import BacktestEngineConfig
    from nautilus_trader.backtest.engine import BacktestEngine
    from nautilus_trader.config import LoggingConfig, StrategyConfig
    from nautilus_trader.model.currencies import USD
    from nautilus_trader.model.data import BarType
    from nautilus_trader.model.enums import AccountType, OmsType, OrderSide, OrderType
    from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
    from nautilus_trader.model.instruments import Equity
    from nautilus_trader.model.objects import Money, Price, Quantity
    from nautilus_trader.persistence.wranglers import BarDataWrangler
    from nautilus_trader.trading.strategy import Strategy

    stop = float(given["stop"])
    fast, slow = int(given["fast"]), int(given["slow"])
    venue = Venue("SIM")
    stock = Equity(
        instrument_id=InstrumentId(Symbol("AAA"), venue),
        raw_symbol=Symbol("AAA"),
        currency=USD,
        price_precision=6,
        price_increment=Price.from_str("0.000001"),
        lot_size=Quantity.from_int(1),
        maker_fee=Decimal(str(float(given["fee"]))),
        taker_fee=Decimal(str(float(given["fee"]))),
        ts_event=0,
        ts_init=0,
    )
    kind = BarType.from_str("AAA.SIM-1-MINUTE-LAST-EXTERNAL")
    frame = pandas.DataFrame(
        {name: given[name] for name in ("open", "high", "low", "close")},
        index=pandas.date_range("2020-01-01", periods=len(given["close"]), freq="min", tz="UTC"),
    )
    frame["volume"] = 1e6
    bars = BarDataWrangler(kind, stock).process(frame)
    up = crossing(given["close"], fast, slow)
    fills = []

    class Cross(Strategy):
        def on_start(self):
            self.subscribe_bars(kind)
            self.count = 0
            self.guard = None

        def on_bar(self, bar):
            t = self.count
            self.count += 1
            # A market order fills at this bar's close: acting on the bar before makes it the next close.
            now = t > 0 and up[t - 1]
            was = t > 1 and up[t - 2]
            if now and not was:
                self.submit_order(self.order_factory.market(stock.id, OrderSide.BUY, Quantity.from_int(1)))
            elif not now and was and not self.portfolio.is_flat(stock.id):
                self.cancel_all_orders(stock.id)
                self.submit_order(self.order_factory.market(stock.id, OrderSide.SELL, Quantity.from_int(1)))

        def on_order_filled(self, event):
            price = float(event.last_px)
            buys = event.order_side == OrderSide.BUY
            # A stop fills before the strategy sees the bar, a market order after it.
            session = self.count if event.order_type == OrderType.STOP_MARKET else self.count - 1
            fills.append((session, 1 if buys else -1, price))
            if buys:
                level = Price(round(price * (1 - stop), 6), 6)
                self.submit_order(
                    self.order_factory.stop_market(stock.id, OrderSide.SELL, Quantity.from_int(1), trigger_price=level)
                )

    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        venue=venue, oms_type=OmsType.NETTING, account_type=AccountType.CASH, base_currency=USD,
        starting_balances=[Money(1_000_000, USD)],
    )  # fmt: skip
    engine.add_instrument(stock)
    engine.add_data(bars)
    engine.add_strategy(Cross(StrategyConfig(strategy_id="cross-1")))
    start = time.perf_counter()
    engine.run()
    seconds = time.perf_counter() - start
    account = engine.trader.generate_account_report(venue)
    return {
        "fills": np.array(fills, dtype=float),
        "cash": np.array([float(account["total"].iloc[-1])]),
        "seconds": seconds,
    }


def with_vectorbt(given):
    import pandas
    import vectorbt

    close = pandas.DataFrame(given["close"])
    pairs = [tuple(map(int, pair)) for pair in given["pairs"]]
    fee, slip = float(given["fee"]), float(given["slippage"])
    averages = {window: close.rolling(window).mean() for window in sorted({w for pair in pairs for w in pair})}

    def one(fast, slow):
        up = (averages[fast] > averages[slow]).shift(1, fill_value=False).astype(bool)
        portfolio = vectorbt.Portfolio.from_signals(close, up, ~up, fees=fee, slippage=slip, freq="1D", init_cash=1e6)
        return portfolio.total_return(), portfolio.sharpe_ratio(year_freq="252D"), portfolio.max_drawdown()

    one(*pairs[0])
    start = time.perf_counter()
    averages = {window: close.rolling(window).mean() for window in averages}
    found = [one(*pair) for pair in pairs]
    seconds = time.perf_counter() - start
    table = np.array([[part.to_numpy() for part in row] for row in found])
    return {"total_return": table[:, 0], "sharpe": table[:, 1], "max_drawdown": table[:, 2], "seconds": seconds}


ENGINES = {
    "backtesting": with_backtesting,
    "backtrader": with_backtrader,
    "nautilus": with_nautilus,
    "vectorbt": with_vectorbt,
}


def version(engine: str) -> str:
    import importlib.metadata

    names = {"backtesting": "backtesting", "nautilus": "nautilus_trader"}
    return importlib.metadata.version(names.get(engine, engine))


if __name__ == "__main__":
    name, source, target = sys.argv[1:]
    with np.load(source) as data:
        given = dict(data)
    np.savez(target, version=version(name), **ENGINES[name](given))
