"""Keep to a vendor's rate with a token bucket."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class TokenBucket:
    """Let `burst` requests pass at once and then one per 60 / `per_minute` seconds; safe between threads.

    `monotonic` gives seconds of a clock that never goes back, `sleep` waits. The bucket starts full.
    """

    per_minute: float
    burst: int
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    _tokens: float = field(init=False)
    _at: float = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        if not self.per_minute > 0 or self.burst < 1:
            raise ValueError(f"A rate of {self.per_minute} a minute with bursts of {self.burst} lets nothing pass.")
        self._tokens = float(self.burst)
        self._at = self.monotonic()

    def acquire(self, weight: float = 1.0) -> float:
        """Wait until a request of this weight may pass and return the seconds waited."""
        with self._lock:
            now = self.monotonic()
            self._tokens = min(float(self.burst), self._tokens + max(0.0, now - self._at) * self.per_minute / 60.0)
            self._at = now
            # The tokens are taken at once, into the negative: whoever comes next waits behind this request.
            self._tokens -= weight
            wait = max(0.0, -self._tokens * 60.0 / self.per_minute)
        if wait:
            self.sleep(wait)
        return wait
