"""Stand in for the data vendors on loopback: their protocols over given data, and every fault they are known for.

```
with serve("polygon", "binance", data=small_data()) as stand_ins:
    ... stand_ins.environment ...                     # addresses and keys, for monkeypatch.setenv or a child process
    ...                                               # the product fetches
    stand_ins["polygon"].fail("server_error", after=3, times=1)
    stand_ins["polygon"].heal()
```
"""

from core.testing.vendor_stand_ins.data import MarketData, shared_data, small_data
from core.testing.vendor_stand_ins.server import FAULTS, Asked, Fault, StandIn, StandIns, serve

__all__ = ["FAULTS", "Asked", "Fault", "MarketData", "StandIn", "StandIns", "serve", "shared_data", "small_data"]
