"""Compile numeric kernels in one way for the whole desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def kernel(function: _Function) -> _Function:
    """Compile a function with numba: cached on disk, without the interpreter lock, IEEE division.

    Kernels are single-threaded; callers split work into blocks and run them on threads, because numba's
    own thread pool aborts the process when two Python threads enter it at once.
    """
    return cast("_Function", njit(cache=True, nogil=True, error_model="numpy")(function))


def fused_kernel(function: _Function) -> _Function:
    """Compile as `kernel` does, a product and the sum it goes into rounded once where the processor can.

    The result is the same on every thread and run of one machine; a processor without fused arithmetic may differ in
    the last place. No other liberty is taken: nothing is reordered, NaN and infinity stay what they are.
    """
    return cast("_Function", njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})(function))
