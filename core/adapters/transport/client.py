"""Send requests to one vendor: wait for the limiter, send, judge, and try again where that helps."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from core.adapters.transport.limiter import TokenBucket
from core.adapters.transport.redaction import redact, redact_url
from core.adapters.transport.replies import Reply, error_of
from core.errors import (
    VendorError,
    VendorKeyRefused,
    VendorMalformed,
    VendorNotFound,
    VendorQuotaSpent,
    VendorRefused,
    VendorUnavailable,
)
from core.ports.vendor import Payload, VendorTerms
from core.settings import VendorAccess

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
Judge = Callable[[Reply], None]
ATTEMPTS = 5
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
# A vendor that asks for a longer pause than this is left alone until the next run.
PATIENCE_SECONDS = 120.0
_LARGEST_BODY = 256 * 2**20
# After this many failed requests in a row the vendor counts as down.
_FAILURES_IN_A_ROW = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Hold the machine's clock (UTC aware), seconds that never go back, a way to wait, and randomness in [0, 1)."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    random: Callable[[], float]


class Transport:
    """Reach one vendor; every request of a process to a vendor goes through one of these."""

    def __init__(self, terms: VendorTerms, access: VendorAccess, timing: Timing) -> None:
        # The HTTP client writes whole addresses, keys included, into its log.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self.terms = terms
        self._access = access
        self._timing = timing
        self._bucket = TokenBucket(access.requests_per_minute, terms.burst, timing.monotonic, timing.sleep)
        self._http: httpx.Client | None = None

    @property
    def base_url(self) -> str:
        """Return the address that paths are appended to."""
        return self._access.base_url

    @property
    def timeout_seconds(self) -> float:
        """Return after how long a request is given up."""
        return self._access.timeout_seconds

    def now(self) -> datetime:
        """Return the machine's time."""
        return self._timing.now()

    def secret(self, place: int = 0) -> str | None:
        """Return a secret of the vendor by its place among the declared variables, None where it is not set."""
        found = self._access.secrets.get(self.terms.keys[place]) if self.terms.keys else None
        return None if found is None else found.get_secret_value()

    def require_key(self) -> None:
        """Raise VendorKeyRefused, naming the variables, when a secret that the vendor needs is not set."""
        missing = [name for name in self.terms.keys if name not in self._access.secrets]
        if missing and self.terms.key_required:
            raise VendorKeyRefused(
                f"{self.terms.title} needs a key: {' and '.join(missing)} is not set.",
                hint=f"Without it: {self.terms.without_key}",
            )

    def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        secret_query: Mapping[str, str] | None = None,
        weight: float = 1.0,
        judge: Judge | None = None,
    ) -> Reply:
        """Return the answer to a GET request, trying again where that helps.

        `path` begins with / and is appended to the vendor's address, or is a whole address. `secret_query` is sent
        and never shown. `judge` raises a VendorError for an answer that only looks like success. Raises VendorError.
        """
        return self._ask("GET", path, query, headers, secret_query, None, weight, judge)

    def post(
        self, path: str, form: Mapping[str, str], *, headers: Mapping[str, str], judge: Judge | None = None
    ) -> Reply:
        """Return the answer to a form sent by POST; only for requests that may be repeated. Raises VendorError."""
        return self._ask("POST", path, None, headers, None, form, 1.0, judge)

    def payload(self, kind: str, reply: Reply, path: str, query: Mapping[str, str], **context: Any) -> Payload:
        """Return an answer as a payload with the request that it answers."""
        return Payload(
            vendor=self.terms.name,
            kind=kind,
            request={"path": redact_url(path), "query": dict(query), **context},
            content_type=reply.content_type,
            body=reply.body,
            received_at=reply.received_at,
            vendor_time=reply.vendor_time,
        )

    def deliver_each(
        self, items: Iterable[T], fetch: Callable[[T], Iterable[Payload]], name: Callable[[T], str]
    ) -> Iterator[Payload]:
        """Yield what each item gives; a failing item costs only itself and is reported after the last one.

        A refused key, a spent quota, a long pause asked for and three failures in a row end it at once. What the
        vendor does not have is no failure, unless it has nothing of several: then the address is wrong.
        """
        failed: list[tuple[str, VendorError]] = []
        missing: list[tuple[str, VendorError]] = []
        asked = in_a_row = 0
        for item in items:
            asked += 1
            try:
                yield from fetch(item)
            except VendorNotFound as error:
                _log.info("%s has nothing of %s: %s", self.terms.name, name(item), error)
                missing.append((name(item), error))
                continue
            except (VendorKeyRefused, VendorQuotaSpent):
                raise
            except VendorError as error:
                failed.append((name(item), error))
                in_a_row += 1
                pause = error.after_seconds if isinstance(error, VendorUnavailable) else None
                if in_a_row >= _FAILURES_IN_A_ROW or (pause or 0.0) > PATIENCE_SECONDS:
                    break
            else:
                in_a_row = 0
        if 1 < len(missing) == asked:
            failed = missing
        if failed:
            names = ", ".join(item for item, _ in failed[:5]) + (", ..." if len(failed) > 5 else "")
            raise type(failed[-1][1])(
                f"{self.terms.title}: {len(failed)} requests failed ({names}); the last one: {failed[-1][1].message}",
                hint="What was delivered is stored; run it again to fetch the rest.",
            )

    def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        secret_query: Mapping[str, str] | None,
        form: Mapping[str, str] | None,
        weight: float,
        judge: Judge | None,
    ) -> Reply:
        url = path if "://" in path else self._access.base_url + path
        sent = {**(query or {}), **(secret_query or {})}

        def send() -> Reply:
            reply = self._send(method, url, sent, headers or {}, form)
            error = error_of(reply, self.terms.title)
            if judge is not None and (error is None or isinstance(error, VendorRefused)):
                # The vendor's own words tell more than a status of 400.
                judge(reply)
            if error is not None:
                raise error
            return reply

        return self.attempt(send, redact_url(url), weight=weight)

    def attempt(self, send: Callable[[], T], place: str, *, weight: float = 1.0) -> T:
        """Return what a request gives, at the vendor's rate and again where that helps; raises VendorError.

        `place` says in an error what was asked; it holds no secret.
        """
        for attempt in range(1, ATTEMPTS + 1):
            self._bucket.acquire(weight)
            try:
                return send()
            except (VendorUnavailable, VendorMalformed) as error:
                told = self._told(error, place)
                wait = self._wait(attempt, error)
                if attempt == ATTEMPTS or wait is None:
                    raise told from None
                _log.warning("%s; trying again in %.1f s (%d of %d)", told.message, wait, attempt, ATTEMPTS - 1)
                self._timing.sleep(wait)
            except VendorError as error:
                raise self._told(error, place) from None
        raise AssertionError("the last attempt returns or raises")

    def _wait(self, attempt: int, error: VendorError) -> float | None:
        """Return the seconds to wait before the next attempt, None when the vendor asks for more than we wait."""
        asked = error.after_seconds if isinstance(error, VendorUnavailable) else None
        if asked is not None:
            return None if asked > PATIENCE_SECONDS else asked + self._timing.random()
        longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** (attempt - 1))
        return longest * (0.5 + 0.5 * self._timing.random())

    def _told(self, error: VendorError, place: str) -> VendorError:
        """Return the error without secrets, with the place it happened and, for a key, the variable to look at."""
        error.message = redact(error.message, (found.get_secret_value() for found in self._access.secrets.values()))
        if isinstance(error, VendorKeyRefused) and not error.hint:
            variables = " and ".join(self.terms.keys) or "no key is sent"
            error.hint = f"Check {variables}. Without it: {self.terms.without_key}"
        elif not error.hint and not isinstance(error, VendorQuotaSpent):
            error.hint = f"({place})"
        error.args = (f"{error.message} {error.hint}".strip(),)
        return error

    def _send(
        self,
        method: str,
        url: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        form: Mapping[str, str] | None,
    ) -> Reply:
        import httpx

        if self._http is None:
            self._http = httpx.Client(
                timeout=self._access.timeout_seconds,
                follow_redirects=False,
                # Reading the certificates takes a third of a second; an address on this machine needs none.
                verify=not self._access.base_url.startswith("http://"),
                headers={"user-agent": "quantdesk", "accept-encoding": "gzip"},
            )
        deadline = self._timing.monotonic() + self._access.timeout_seconds * 4.0
        body = bytearray()
        try:
            with self._http.stream(
                method,
                url,
                params=dict(query) or None,
                headers=dict(headers),
                data=None if form is None else dict(form),
            ) as answer:
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > _LARGEST_BODY:
                        raise VendorMalformed(f"{self.terms.title} sends more than {_LARGEST_BODY >> 20} MB.")
                    # The time limit of the client is one between two pieces: a trickle would never reach it.
                    if self._timing.monotonic() > deadline:
                        raise VendorUnavailable(f"{self.terms.title} sends too slowly.")
        except httpx.TimeoutException as error:
            seconds = self._access.timeout_seconds
            raise VendorUnavailable(f"{self.terms.title} did not answer within {seconds:g} seconds.") from error
        except httpx.DecodingError as error:
            raise VendorMalformed(f"{self.terms.title} sent a body that cannot be unpacked.") from error
        except httpx.TransportError as error:
            raise VendorUnavailable(f"{self.terms.title} cannot be reached ({type(error).__name__}).") from error
        except httpx.InvalidURL as error:
            raise VendorMalformed(f"{self.terms.title} has no valid address.") from error
        return Reply(
            status=answer.status_code,
            headers={name.lower(): value for name, value in answer.headers.items()},
            body=bytes(body),
            received_at=self._timing.now(),
        )
