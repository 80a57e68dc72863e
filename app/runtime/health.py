"""Report each part of a desk as it is now, without starting anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from app.runtime import postgres, temporal
from app.runtime.processes import is_alive, read_json
from app.runtime.supervisor import run_file
from core.errors import QuantdeskError

State = Literal["up", "starting", "down"]
TIMEOUT_S = 3
CHILDREN = ("worker", "web")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartHealth:
    """Tell the state of one part; `address` never holds a password."""

    name: str
    state: State
    detail: str
    pid: int | None = None
    address: str | None = None


def status(
    home: Path,
    *,
    database_url: str | None = None,
    temporal_address: str | None = None,
    redis_url: str | None = None,
) -> list[PartHealth]:
    """Return the health of PostgreSQL, Temporal, the worker, the web process and, when one is set, Redis.

    A server outside the desk is asked with a limit of three seconds.
    """
    home = home.expanduser().absolute()
    home = home.resolve() if home.exists() else home
    parts = [
        _embedded_postgres(home) if database_url is None else _outside("postgres", database_url, _ask_postgres),
        _embedded_temporal(home) if temporal_address is None else _outside("temporal", temporal_address, _ask_temporal),
    ]
    if redis_url is not None:
        parts.append(_outside("redis", redis_url, _ask_redis))
    noted = read_json(run_file(home))
    supervised = is_alive(str(noted.get("supervisor") or ""))
    children = noted.get("parts") if supervised else {}
    for name in CHILDREN:
        parts.append(_child(name, (children or {}).get(name)))
    return parts


def _embedded_postgres(home: Path) -> PartHealth:
    try:
        found = postgres.status(home)
    except QuantdeskError as error:
        return PartHealth(name="postgres", state="down", detail=str(error))
    if found.server is None:
        return PartHealth(name="postgres", state="down", detail=found.detail)
    return PartHealth(
        name="postgres",
        state="up" if found.running else "starting",
        detail=found.detail,
        pid=found.server.pid,
        address=str(found.server.socket_dir),
    )


def _embedded_temporal(home: Path) -> PartHealth:
    found = temporal.running(home)
    if found is None:
        return PartHealth(name="temporal", state="down", detail="stopped")
    serving = temporal.serves(found.address)
    return PartHealth(
        name="temporal",
        state="up" if serving else "starting",
        detail="embedded development server" if serving else "runs but does not answer yet",
        pid=found.pid,
        address=found.address,
    )


def _child(name: str, noted: Any) -> PartHealth:
    if not isinstance(noted, dict):
        return PartHealth(name=name, state="down", detail="stopped; `quantdesk run` starts it")
    identity = str(noted.get("identity") or "")
    address = noted.get("address")
    restarts = noted.get("restarts", 0)
    detail = f"restarted {restarts} times" if restarts else "supervised"
    if not is_alive(identity):
        return PartHealth(name=name, state="down", detail=f"{detail}; waiting to start again", address=address)
    state: State = "up" if noted.get("serving") else "starting"
    return PartHealth(name=name, state=state, detail=detail, pid=int(identity.split(":")[0]), address=address)


def _outside(name: str, url: str, ask: Callable[[str], str]) -> PartHealth:
    address = _without_login(url)
    try:
        return PartHealth(name=name, state="up", detail=ask(url), address=address)
    except _NoAnswer as error:
        return PartHealth(name=name, state="down", detail=f"no answer: {error}", address=address)


class _NoAnswer(Exception):
    """Carry a reason that is safe to show."""


def _without_login(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not an address)"
    if parts.scheme and parts.netloc:
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    # A connection string of `name=value` words may hold a password anywhere; host:port holds none.
    return url if "=" not in url and "@" not in url else "(a connection string)"


def _ask_postgres(url: str) -> str:
    import psycopg

    plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        with psycopg.connect(plain, connect_timeout=TIMEOUT_S) as connection:
            return f"external, PostgreSQL {connection.info.server_version // 10_000}"
    except psycopg.ProgrammingError as error:
        raise _NoAnswer("this is no address of a database") from error
    except psycopg.Error as error:
        raise _NoAnswer(f"the connection failed ({type(error).__name__})") from error


def _ask_temporal(address: str) -> str:
    if temporal.serves(address, timeout_s=TIMEOUT_S):
        return "external"
    raise _NoAnswer("its health check failed")


def _ask_redis(url: str) -> str:
    import redis

    client = redis.Redis.from_url(url, socket_connect_timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S)
    try:
        client.ping()
    except (redis.RedisError, ValueError) as error:
        raise _NoAnswer(type(error).__name__) from error
    finally:
        client.close()
    return "external"
