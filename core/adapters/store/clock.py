"""Keep the desk's clock in the database, so that every process sees the same time."""

from __future__ import annotations

from datetime import UTC, datetime

from core.adapters.store.database import Connection, Database
from core.data.calendar import close_of, last_closed_session, shift_session
from core.errors import InvalidInput
from core.ports.clock import Clock, ClockMode


class WallClock:
    """Tell the machine's time; the only place that asks for it."""

    mode: ClockMode = "live"

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)  # noqa: TID251

    def wall(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)  # noqa: TID251


class DeskClock:
    """Tell the desk's time: live, or replaying the past at a moment that only `advance` and `set_replay` move."""

    def __init__(self, database: Database, wall: Clock | None = None) -> None:
        self._database = database
        self._wall = wall or WallClock()

    @property
    def mode(self) -> ClockMode:
        """Say whether the desk follows the machine's time or replays the past."""
        state = self._state()
        return "live" if state is None else "replay"

    def now(self) -> datetime:
        """Return the desk's time: everything known later is invisible."""
        return self._state() or self.wall()

    def wall(self) -> datetime:
        """Return the machine's time."""
        return self._wall.wall()

    def desk_id(self) -> str:
        """Return the name of the desk that the database belongs to: what several desks share keeps them apart by it."""
        with self._database.transaction() as connection:
            row = connection.execute("SELECT desk_id FROM desk.identity").fetchone()
        if row is None:
            raise InvalidInput("The database has no identity of its desk.", hint="Restore it from a back-up.")
        return str(row[0])

    def is_set(self) -> bool:
        """Say whether anyone has set the clock; a clock never set is live."""
        with self._database.transaction() as connection:
            return connection.execute("SELECT 1 FROM desk.clock").fetchone() is not None

    def set_live(self) -> None:
        """Follow the machine's time."""
        with self._database.transaction() as connection:
            _write(connection, "live", None)

    def set_replay(self, moment: datetime) -> None:
        """Replay the past at a moment (UTC aware, not in the future); raise InvalidInput otherwise."""
        if moment.tzinfo is None:
            raise InvalidInput("The desk clock needs a time with a time zone.", hint="Write 2022-11-29T21:00:00Z.")
        if moment > self.wall():
            raise InvalidInput(f"{moment.isoformat()} is in the future.", hint="Replay shows the past only.")
        with self._database.transaction() as connection:
            _write(connection, "replay", moment)

    def advance(self, sessions: int) -> datetime:
        """Move a replay to the close of the exchange session `sessions` after the last closed one; return that time.

        Raises InvalidInput for fewer than one session, on a live clock, or past the machine's time.
        """
        if sessions < 1:
            raise InvalidInput(
                f"Advance by at least 1 session, not {sessions}.", hint="Set an earlier time to go back."
            )
        with self._database.transaction() as connection:
            now = _read(connection, lock=True)
            if now is None:
                raise InvalidInput("A live clock cannot be advanced.", hint="It follows the machine's time.")
            target = close_of(shift_session(last_closed_session(now, "XNYS"), sessions, "XNYS"), "XNYS")
            if target > self.wall():
                raise InvalidInput(
                    f"{sessions} sessions on would be {target:%Y-%m-%d}, in the future.",
                    hint="`quantdesk clock live` follows the present.",
                )
            _write(connection, "replay", target)
        return target

    def _state(self) -> datetime | None:
        with self._database.transaction() as connection:
            return _read(connection, lock=False)


def _read(connection: Connection, *, lock: bool) -> datetime | None:
    suffix = b" FOR UPDATE" if lock else b""
    row = connection.execute(b"SELECT mode, replay_now FROM desk.clock" + suffix).fetchone()
    return row[1] if row is not None and row[0] == "replay" else None


def _write(connection: Connection, mode: ClockMode, moment: datetime | None) -> None:
    connection.execute(
        "INSERT INTO desk.clock (mode, replay_now) VALUES (%s, %s)"
        " ON CONFLICT (only_row) DO UPDATE SET mode = excluded.mode, replay_now = excluded.replay_now,"
        " changed_at = clock_timestamp()",
        (mode, moment),
    )
