"""Judge bars by those before them: jumps between closes, volumes, repeated bars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.data.quality_terms import (
    CODE,
    FIRST_FLAG,
    FIRST_QUARANTINE,
    HAIR,
    ExpectedMoves,
    Floats,
    History,
    Incoming,
    Mask,
    Positions,
    bar_key,
    mark,
)

HISTORY_BARS = 60
LEAST_HISTORY = 20
_SPLITS = np.array([2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 50], dtype=np.float64)
_SPLIT_RATIOS = np.concatenate((_SPLITS, 1 / _SPLITS))
_SCALES = np.array([100, 1000, 1 / 100, 1 / 1000], dtype=np.float64)
# How far a move may be from that of an action and still be the same; a smaller action is lost in an ordinary day.
_ACTION_TOLERANCE = 0.05
_VOLUME_NEVER_EXPLAINS = 1.2
_PERSISTENCE_BARS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sequence:
    """Hold stored and delivered bars in one line per series; `row` is the delivered row, -1 for stored bars."""

    series: NDArray[np.int64]
    session: NDArray[np.datetime64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    row: Positions
    start: Positions


def _sequence(bars: Incoming, history: History, rows: Positions) -> _Sequence:
    series = np.concatenate((history.series, bars.series[rows]))
    session = np.concatenate((history.session, bars.session[rows]))
    order = np.argsort(bar_key(series, session), kind="stable")
    series = series[order]

    def line(name: str) -> Floats:
        values: Floats = np.concatenate((getattr(history, name), getattr(bars, name)[rows]))[order]
        return values

    new = np.diff(series, prepend=series[0] - 1) != 0 if len(series) else np.empty(0, dtype=bool)
    return _Sequence(
        series=series,
        session=session[order],
        open=line("open"),
        high=line("high"),
        low=line("low"),
        close=line("close"),
        volume=line("volume"),
        row=np.concatenate((np.full(len(history), -1, dtype=np.intp), rows))[order],
        start=np.maximum.accumulate(np.where(new, np.arange(len(series)), 0)) if len(series) else np.empty(0, np.intp),
    )


def judge_moves(
    bars: Incoming,
    history: History,
    stored_row: Positions,
    moves: ExpectedMoves,
    reason: NDArray[np.int16],
    *,
    history_import: bool,
) -> None:
    """Mark the delivered bars that the admitted bars before them, stored or delivered, make doubtful.

    A bar that is held back is no history for those after it, whether it came in the same delivery or in an earlier
    one: where a delivery is cut into pages decides nothing once twenty bars are stored. Before that the rules on
    spikes rest in an increment (the policy counts stored bars) and start inside the delivery in a first import.
    """
    fresh = (reason >= FIRST_QUARANTINE) & (stored_row < 0) & (reason != CODE["duplicate_identical"])
    line = _sequence(bars, history, np.flatnonzero(fresh))
    if not len(line.row):
        return
    usable = line.row < 0
    usable[line.row >= 0] = reason[line.row[line.row >= 0]] >= FIRST_FLAG
    stored = None if history_import else _stored_in_series(line)
    _MoveJudge(bars, line, usable, stored, moves, reason).run()
    # Told last, when it is known which bars are admitted; it is a flag and holds nothing back.
    known = _before(line, usable) if stored is None else stored
    rows = np.zeros(len(reason), dtype=bool)
    rows[line.row[(line.row >= 0) & (known < LEAST_HISTORY)]] = True
    mark(reason, rows, "short_history")


def _before(line: _Sequence, counted: Mask) -> Positions:
    before: Positions = np.cumsum(counted) - counted
    count: Positions = before - before[line.start]
    return count


def _stored_in_series(line: _Sequence) -> Positions:
    """Return for each place how many bars of its series are stored, before it or after it."""
    number = np.cumsum(line.start == np.arange(len(line.start))) - 1
    count: Positions = np.bincount(number, weights=line.row < 0).astype(np.intp)[number]
    return count


class _MoveJudge:
    """Judge each new bar that needs a look by the admitted bars before it, in the order of time."""

    def __init__(
        self,
        bars: Incoming,
        line: _Sequence,
        usable: Mask,
        stored: Positions | None,
        moves: ExpectedMoves,
        reason: NDArray[np.int16],
    ) -> None:
        self._line = line
        self._usable = usable
        # Of an increment only stored bars count (how many there are of each place's series), and those stay the same.
        self._stored = stored
        self._first_usable = np.flatnonzero(usable)
        self._reason = reason
        self._history_import = stored is None
        self._has_volume = bars.has_volume
        self._limit = np.full(len(line.row), np.inf)
        self._limit[line.row >= 0] = bars.move_limit[line.row[line.row >= 0]]
        keys = bar_key(moves.series, moves.session)
        order = np.argsort(keys, kind="stable")
        self._ratios = moves.ratio[order]
        # How many moves are due by each place; those between two places of a series are its own.
        self._due = np.searchsorted(keys[order], bar_key(line.series, line.session), side="right")

    def run(self) -> None:
        """Walk through the bars that need a look and mark them.

        Whoever has a held bar in the history that was assumed at first needs a look too.
        """
        places = np.flatnonzero(self._needs_look() & (self._line.row >= 0))
        place, number, look_until = -1, 0, -1
        while True:
            number += int(np.searchsorted(places[number:], place, side="right"))
            if place < look_until:
                place += 1
            elif number < len(places):
                place = int(places[number])
            else:
                return
            if self._line.row[place] >= 0 and self._judge(place):
                look_until = max(look_until, self._last_reached(place))

    def _needs_look(self) -> Mask:
        """Mark the bars that could be doubtful if every bar that is good so far stays so."""
        line, count = self._line, len(self._line.row)
        rank: Positions = np.cumsum(self._usable) - self._usable
        has_previous: Mask = rank > rank[line.start]
        has_two: Mask = rank > rank[line.start] + 1
        previous = self._first_usable[np.maximum(rank - 1, 0)] if len(self._first_usable) else np.zeros(count, np.intp)
        before = self._first_usable[np.maximum(rank - 2, 0)] if len(self._first_usable) else previous
        jump = np.zeros(count)
        jump[has_previous] = np.abs(np.log(line.close[has_previous] / line.close[previous[has_previous]]))
        wanted: Mask = (jump > self._limit) | (has_previous & (self._due > self._due[previous]))
        repeated = has_two & (line.volume > 0)
        for values in (line.open, line.high, line.low, line.close, line.volume):
            repeated &= (values == values[previous]) & (values == values[before])
        wanted |= repeated
        if self._has_volume and len(self._first_usable):
            # A median is at least the smallest of its values: only volumes far above that need their median.
            volumes = line.volume[self._first_usable]
            least = np.where(volumes > 0, volumes, np.inf)
            step = 1
            while step < HISTORY_BARS:
                least[step:] = np.minimum(least[step:], least[:-step])
                step *= 2
            wanted |= has_previous & (line.volume > 100 * least[np.maximum(rank - 1, 0)])
            if self._stored is not None:
                wanted |= (rank - rank[line.start] < LEAST_HISTORY) & (self._stored >= LEAST_HISTORY)
        return wanted

    def _last_reached(self, place: int) -> int:
        """Return the last place whose assumed history holds a place that has just been held back."""
        ahead = int(np.searchsorted(self._first_usable, place, side="right")) + HISTORY_BARS - 1
        last = int(self._first_usable[ahead]) if ahead < len(self._first_usable) else len(self._line.row) - 1
        end = int(np.searchsorted(self._line.start, self._line.start[place], side="right")) - 1
        return min(last, end)

    def _judge(self, place: int) -> bool:
        """Judge one bar; return whether it was good before and is held back now."""
        past = self._past(place)
        if self._is_repeat(place, past):
            self._mark(place, "stale_repeat")
        if self._has_volume and self._has_history(place, past):
            median = self._median_volume(place, past)
            if median > 0 and self._line.volume[place] > 100 * median:
                self._mark(place, "volume_spike")
        name = self._judge_move(place, past) if len(past) else ""
        if name:
            self._mark(place, name)
        held = bool(self._usable[place]) and self._reason[self._line.row[place]] < FIRST_FLAG
        if held:
            self._usable[place] = False
        return held

    def _past(self, place: int) -> Positions:
        """Return the places of the last admitted bars before a place, at most sixty."""
        start, length = int(self._line.start[place]), HISTORY_BARS
        while True:
            first = max(start, place - length)
            found = np.flatnonzero(self._usable[first:place]) + first
            if len(found) >= HISTORY_BARS or first == start:
                return found[-HISTORY_BARS:]
            length *= 2

    def _has_history(self, place: int, past: Positions) -> bool:
        return (len(past) if self._stored is None else int(self._stored[place])) >= LEAST_HISTORY

    def _is_repeat(self, place: int, past: Positions) -> bool:
        line = self._line
        if len(past) < 2 or not line.volume[place] > 0:
            return False
        return all(
            values[place] == values[past[-1]] == values[past[-2]]
            for values in (line.open, line.high, line.low, line.close, line.volume)
        )

    def _median_volume(self, place: int, past: Positions) -> float:
        if len(past) < LEAST_HISTORY and self._stored is not None:
            # A bar that comes late, near the beginning of what is stored: the stored bars after it count as well.
            start = int(self._line.start[place])
            end = int(np.searchsorted(self._line.start, start, side="right"))
            past = np.flatnonzero(self._line.row[start:end] < 0)[:HISTORY_BARS] + start
        volumes = self._line.volume[past]
        volumes = volumes[np.isfinite(volumes)]
        return float(np.median(volumes)) if len(volumes) else float("nan")

    def _mark(self, place: int, name: str) -> None:
        row = self._line.row[place]
        self._reason[row] = min(int(self._reason[row]), CODE[name])

    def _judge_move(self, place: int, past: Positions) -> str:
        previous = int(past[-1])
        before, after = self._line.close[previous], self._line.close[place]
        ratio = after / before
        expected = self._expected_move(previous, place)
        size, off = abs(np.log(ratio)), abs(np.log(ratio / expected))
        known = abs(expected - 1) > _ACTION_TOLERANCE
        if known and _is_near(ratio, np.array([expected]), _ACTION_TOLERANCE):
            return "explained_move" if size > self._limit[place] else ""
        if known and size < off:
            return "split_not_applied"
        if size <= self._limit[place]:
            return ""
        name = "split_not_applied" if known else self._unexplained(place, past, ratio, size)
        doubtful = name in ("spike_unexplained", "split_not_applied") and self._history_import
        if doubtful and (self._persists(place, previous) or self._is_modest(place, off)):
            return "unconfirmed_move"
        return name

    def _expected_move(self, previous: int, place: int) -> float:
        """Return close over close of the actions since the last good bar; 1 without any.

        With hindsight only those since the bar before count: otherwise a split that a source never applies would hold
        back everything after it. Two records of one split under neighbouring days are one.
        """
        since = place - 1 if self._history_import else previous
        return float(np.prod(np.unique(self._ratios[self._due[since] : self._due[place]])))

    def _is_modest(self, place: int, size: float) -> bool:
        return not self._has_volume and bool(size <= 2 * self._limit[place])

    def _unexplained(self, place: int, past: Positions, ratio: float, size: float) -> str:
        if _is_near(ratio, _SCALES, 0.02):
            return "price_scale"
        if _is_near(ratio, _SPLIT_RATIOS, 0.03):
            return "split_not_applied"
        if not self._has_history(place, past):
            return ""
        if size <= _VOLUME_NEVER_EXPLAINS and self._has_volume:
            median = self._median_volume(place, past)
            if median > 0 and self._line.volume[place] >= 3 * median:
                return "volume_confirmed_move"
        return "spike_unexplained"

    def _persists(self, place: int, previous: int) -> bool:
        """Say, with hindsight, whether the next open or most of the next closes are nearer to the new price."""
        line = self._line
        if place + 1 < len(line.row) and line.start[place + 1] == line.start[place] and line.open[place + 1] > 0:
            # A wrong close is not where the next session opens.
            opened = np.log(line.open[place + 1])
            if abs(opened - np.log(line.close[place])) < abs(opened - np.log(line.close[previous])):
                return True
        after = slice(place + 1, place + 1 + _PERSISTENCE_BARS)
        mine = (line.start[after] == line.start[place]) & (line.close[after] > 0)
        closes = line.close[after][mine]
        if not len(closes):
            return False
        stayed = np.abs(np.log(closes / line.close[place])) < np.abs(np.log(closes / line.close[previous]))
        return bool(stayed.mean() > 0.5)


def _is_near(ratio: float, wanted: Floats, share: float) -> bool:
    return bool((np.abs(ratio / wanted - 1) <= share + HAIR).any())
