"""Every path is drawn once, whatever the number of threads, and where a run begins changes no path."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from core.errors import InvalidInput
from core.simulators.stochastic.stream import BLOCK_PATHS, State, block_state, over_blocks


def first_words(paths: int, threads: int, *, first_path: int = 0) -> tuple[list[slice], np.ndarray]:
    """Return the slices that were drawn, in their order, and the first random word of each path's block."""
    words = np.zeros(paths, np.uint64)
    parts: list[slice] = []
    lock = threading.Lock()

    def draw(state: State, part: slice) -> None:
        with lock:
            parts.append(part)
        words[part] = state[0, 0]

    over_blocks(paths, 7, "test", threads, draw, first_path=first_path)
    return sorted(parts, key=lambda part: part.start), words


@pytest.mark.parametrize("threads", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("blocks", [1, 2, 5, 8, 9, 10, 16, 17, 40])
def test_every_path_is_drawn_once_and_is_the_same_on_any_number_of_threads(blocks: int, threads: int) -> None:
    paths = blocks * BLOCK_PATHS - 5
    parts, words = first_words(paths, threads)
    assert [part.start for part in parts] == [block * BLOCK_PATHS for block in range(blocks)]
    assert [part.stop for part in parts] == [*(part.start for part in parts[1:]), paths]
    assert np.array_equal(words, first_words(paths, 1)[1])


def test_blocks_have_states_of_their_own() -> None:
    states = {block_state(7, stream, block).tobytes() for stream in ("gbm", "heston") for block in range(50)}
    assert len(states) == 100


@pytest.mark.parametrize("skipped", [1, 3, 10])
def test_a_run_that_begins_later_goes_on(skipped: int) -> None:
    _, whole = first_words(20 * BLOCK_PATHS, 2)
    _, rest = first_words((20 - skipped) * BLOCK_PATHS, 2, first_path=skipped * BLOCK_PATHS)
    assert np.array_equal(rest, whole[skipped * BLOCK_PATHS :])


def test_few_blocks_keep_every_thread_busy() -> None:
    """Ten blocks on two threads: both wait for each other once, which ends only where each has a share at once."""
    meeting = threading.Barrier(2)
    met: set[int] = set()

    def draw(state: State, part: slice) -> None:
        if threading.get_ident() not in met:
            met.add(threading.get_ident())
            meeting.wait(timeout=30)

    over_blocks(10 * BLOCK_PATHS, 7, "test", 2, draw)
    assert len(met) == 2


@pytest.mark.parametrize(
    ("paths", "seed", "threads", "first", "words"),
    [
        (0, 1, 1, 0, "at least 1 of each"),
        (10, 1, 0, 0, "at least 1 of each"),
        (10, -1, 1, 0, "whole number of at least 0"),
        (10, True, 1, 0, "whole number of at least 0"),
        (10, 1, 1, 100, f"a multiple of {BLOCK_PATHS}"),
        (10, 1, 1, -BLOCK_PATHS, f"a multiple of {BLOCK_PATHS}"),
    ],
)
def test_what_cannot_be_drawn_is_said(paths: int, seed: int, threads: int, first: int, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        over_blocks(paths, seed, "test", threads, lambda state, part: None, first_path=first)
