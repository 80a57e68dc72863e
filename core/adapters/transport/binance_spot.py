"""Reach Binance's spot interface through ccxt, which signs and carries; what a reply means is judged here."""

from __future__ import annotations

import threading
from typing import Any

from core.adapters.transport.limiter import TokenBucket
from core.errors import OutcomeUnknown, Unavailable, VendorRefused

_UNKNOWN = frozenset({-1000, -1001, -1006, -1007})
"""Codes after which the vendor does not say what became of a request."""
_NOT_TAKEN = frozenset({-1003, -1008, -1015, -1016, -1021, -1022, -2014, -2015})
"""Codes of requests that were turned away before anybody looked at their content: too many, badly timed or signed."""
_TURNED_AWAY = frozenset({401, 403, 418, 429})
WEIGHT_PER_MINUTE, WEIGHT_AT_ONCE = 3_000, 2_000
"""What is asked of the 6,000 units of weight a minute that one address has."""
_WEIGHTS = {
    "private_get_openorders": 80,
    "private_get_account": 20,
    "private_get_mytrades": 5,
    "private_get_order": 4,
    "public_get_exchangeinfo": 20,
    "public_get_avgprice": 2,
}


class BinanceRefusal(VendorRefused):
    """Carry the vendor's refusal of one request, by its code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"Binance answers {code}: {text}")
        self.number = code


class BinanceSession:
    """Send requests one at a time to an address of the interface, signed with one key, within the rate of `bucket`.

    ccxt carries them: its unified methods would cut quantities to the vendor's steps and pass them through floats, so
    the interface's own methods are called with exact text. Its error classes do not tell a refusal from an answer that
    was lost, so status and body decide.
    """

    def __init__(
        self, address: str, key: str, secret: str, *, timeout_s: float = 10.0, bucket: TokenBucket | None = None
    ) -> None:
        self._address = address.rstrip("/")
        self._key = key
        self._secret = secret
        self._timeout_s = timeout_s
        self._bucket = bucket
        self._lock = threading.Lock()
        self._client: Any = None
        self._status: int | None = None

    def ask(self, method: str, **parameters: str) -> Any:
        """Return the decoded answer of one method of the interface, such as `private_get_order`.

        Raises BinanceRefusal for a definite refusal, OutcomeUnknown when the request may have been carried out and
        nothing says so, Unavailable when it certainly was not.
        """
        ccxt = _library()
        if self._bucket is not None:
            # The library's own pacing lets nothing pass at once, so that a cancel would wait for a listing.
            self._bucket.acquire(_WEIGHTS.get(method, 1))
        with self._lock:
            client = self._open()
            self._status, client.last_http_response = None, None
            try:
                reply = getattr(client, method)(parameters)
            except ccxt.BaseError as error:
                raise self._judge(error, client.last_http_response, client.parse_json) from error
        # An answer that is no JSON comes back as text: it was cut on its way.
        if not isinstance(reply, dict | list):
            raise OutcomeUnknown("Binance's answer could not be read.")
        return reply

    def close(self) -> None:
        """Let the connection go; the next request opens another."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.session.close()

    def _open(self) -> Any:
        if self._client is None:
            ccxt = _library()
            client = ccxt.binance(
                {
                    "apiKey": self._key,
                    "secret": self._secret,
                    "timeout": int(self._timeout_s * 1000),
                    "enableRateLimit": False,
                }
            )
            take = client.on_rest_response

            def keep_status(status: int, *rest: Any) -> Any:
                # The library's errors do not tell the status of a reply.
                self._status = status
                return take(status, *rest)

            client.on_rest_response = keep_status
            for name in ("public", "private"):
                client.urls["api"][name] = f"{self._address}/api/v3"
            # A key that worked once counts as banned for a while when it is refused: the refusal is what matters here.
            client.options["hasAlreadyAuthenticatedSuccessfully"] = False
            self._client = client
        return self._client

    def _judge(self, error: Exception, body: str | None, parse: Any) -> Exception:
        """Return what an error of the library stands for."""
        status = self._status
        if status is None:
            if _never_connected(error):
                return Unavailable(f"Binance cannot be reached at {self._address}.", hint="Nothing was sent.")
            return OutcomeUnknown("Binance did not answer.")
        found = parse(body or "")
        code = found.get("code") if isinstance(found, dict) else None
        number = int(str(code)) if str(code).lstrip("-").isdigit() else 0
        text = str(found.get("msg", "")) if isinstance(found, dict) else ""
        if status in _TURNED_AWAY or number in _NOT_TAKEN:
            return Unavailable(f"Binance turned the request away ({status}): {text or 'no reason given'}")
        if status >= 500 or number in _UNKNOWN or not number:
            return OutcomeUnknown(f"Binance does not say what became of the request ({status}): {text}".rstrip(": "))
        return BinanceRefusal(number, text)


def _library() -> Any:
    try:
        import ccxt
    except ImportError as error:
        raise Unavailable(
            "Trading at Binance needs ccxt, which is not installed.", hint="Install the extra `crypto`."
        ) from error
    return ccxt


def _never_connected(error: BaseException) -> bool:
    """Say whether no connection was made, so that nothing can have been sent."""
    from requests.exceptions import ConnectTimeout
    from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

    seen: BaseException | None = error
    while seen is not None:
        parts = [seen, *seen.args, getattr(seen, "reason", None)]
        parts += [getattr(part, "reason", None) for part in seen.args]
        if any(
            isinstance(part, ConnectTimeout | ConnectTimeoutError | NameResolutionError | NewConnectionError)
            for part in parts
        ):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
