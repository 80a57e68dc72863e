"""Draw random numbers inside kernels: one hashed stream per block of paths, the same for any number of threads."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

from core.domain.kernel import Float64Array, fused_kernel, kernel
from core.errors import InvalidInput

BLOCK_PATHS = 512
LANES = 16
State = NDArray[np.uint64]

_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_ONE_BITS = np.uint64(0x3FF0000000000000)
# The bits of sqrt(1/2), from where the logarithm's mantissa runs to sqrt(2).
_ROOT_HALF_BITS = np.int64(0x3FE6A09E667F3BCD)
_ROOT_HALF_BITS_32 = np.int32(0x3F3504F3)

Sampling = Literal["random", "antithetic", "matched"]
SAMPLINGS: tuple[Sampling, ...] = ("random", "antithetic", "matched")


def block_state(seed: int, stream: str, block: int) -> State:
    """Derive the generator state (4, LANES) of one block of paths from SHAKE-256 of seed, stream name and block."""
    digest = hashlib.shake_256(f"{seed}/{stream}/{block}".encode()).digest(4 * LANES * 8)
    return np.frombuffer(digest, dtype="<u8").astype(np.uint64).reshape(4, LANES)


def over_blocks(
    paths: int, seed: int, stream: str, threads: int, draw: Callable[[State, slice], None], *, first_path: int = 0
) -> None:
    """Call `draw(state, slice of paths)` for every block of paths, on `threads` threads.

    Path i depends on the seed, the stream and i only: neither on the threads nor on the number of paths, and a
    run that starts at `first_path`, a multiple of BLOCK_PATHS, continues the paths before it.
    Raises InvalidInput for a seed that is not a whole number >= 0, counts below 1 or a first path inside a block.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InvalidInput(f"seed is {seed!r}, expected a whole number of at least 0.")
    if paths < 1 or threads < 1:
        raise InvalidInput(f"paths is {paths} and threads {threads}, expected at least 1 of each.")
    if first_path < 0 or first_path % BLOCK_PATHS:
        raise InvalidInput(f"first_path is {first_path}, expected a multiple of {BLOCK_PATHS}.")
    blocks = -(-paths // BLOCK_PATHS)
    before = first_path // BLOCK_PATHS

    def run(first: int, last: int) -> None:
        for block in range(first, last):
            begin = block * BLOCK_PATHS
            draw(block_state(int(seed), stream, before + block), slice(begin, min(begin + BLOCK_PATHS, paths)))

    if threads == 1 or blocks == 1:
        run(0, blocks)
        return
    # Neighbouring blocks stay on one thread, because two threads that touch the same fresh memory wait for each other.
    together = max(1, blocks // (4 * threads))
    starts = range(0, blocks, together)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, starts, [min(start + together, blocks) for start in starts]))


@intrinsic
def _advance(typing: Any, state: Any, out: Any) -> Any:
    """Write the next words of all lanes, in vector registers that hold the state: a loop over arrays reloads it."""
    if state.layout != "C" or out.layout != "C":
        raise TypingError("The state and the words must be contiguous.")

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = ir.IntType(64)
        lanes = ir.VectorType(word, LANES)
        arrays = [context.make_array(kind)(context, builder, array) for kind, array in
                  zip(signature.args, arguments, strict=True)]  # fmt: skip

        def row_of(array: Any, index: Any) -> Any:
            place = builder.gep(array.data, [builder.mul(index, ir.Constant(word, LANES))])
            return builder.bitcast(place, lanes.as_pointer())

        def constant(value: int) -> Any:
            return ir.Constant(lanes, [value] * LANES)

        def rotated(value: Any, bits: int) -> Any:
            return builder.or_(builder.shl(value, constant(bits)), builder.lshr(value, constant(64 - bits)))

        def store(value: Any, place: Any) -> None:
            builder.store(value, place).align = 8

        kept = [cgutils.alloca_once(builder, lanes) for _ in range(4)]  # type: ignore[no-untyped-call]
        for row, cell in enumerate(kept):
            before = builder.load(row_of(arrays[0], ir.Constant(word, row)))
            before.align = 8
            builder.store(before, cell)
        count = builder.udiv(builder.extract_value(arrays[1].shape, 0), ir.Constant(word, LANES))
        with cgutils.for_range(builder, count) as loop:
            a, b, c, d = (builder.load(cell) for cell in kept)
            store(builder.add(rotated(builder.add(a, d), 23), a), row_of(arrays[1], loop.index))
            shifted = builder.shl(b, constant(17))
            c = builder.xor(c, a)
            d = builder.xor(d, b)
            b = builder.xor(b, c)
            a = builder.xor(a, d)
            c = builder.xor(c, shifted)
            for value, cell in zip((a, b, c, rotated(d, 45)), kept, strict=True):
                builder.store(value, cell)
        for row, cell in enumerate(kept):
            store(builder.load(cell), row_of(arrays[0], ir.Constant(word, row)))
        return context.get_dummy_value()

    return types.void(state, out), build


@kernel
def fill_words(state: State, out: NDArray[np.uint64]) -> None:
    """Fill `out`, a multiple of LANES long, with 64 random bits each from interleaved xoshiro256++ generators.

    Generator: Blackman and Vigna (2019).
    """
    _advance(state, out)  # type: ignore[call-arg]


@kernel
def fill_uniform(state: State, out: Float64Array) -> None:
    """Fill `out`, a multiple of LANES long, with uniforms in (0, 1).

    The top 52 bits are centred in their cell, so 0 and 1 never occur.
    """
    words = out.view(np.uint64)
    fill_words(state, words)
    for i in range(len(out)):
        one_to_two = np.uint64((words[i] >> np.uint64(12)) | _ONE_BITS).view(np.float64)
        out[i] = one_to_two - (1.0 - 1.1102230246251565e-16)


@fused_kernel
def fill_normal(state: State, out: Float64Array) -> None:
    """Fill `out`, a multiple of 2 LANES long, with standard normals (Box and Muller, 1958).

    Logarithm, sine and cosine are polynomials to double precision, so that the loop compiles to vector code; every
    integer is narrowed at once, because vector units convert only 32-bit integers to floating point.
    """
    half = len(out) // 2
    fill_uniform(state, out)
    for i in range(half):
        bits = np.float64(out[i]).view(np.int64)
        exponent = np.int32((bits - _ROOT_HALF_BITS) >> np.int64(52))
        m = np.int64(bits - (np.int64(exponent) << np.int64(52))).view(np.float64)
        e = float(exponent)
        s = (m - 1.0) / (m + 1.0)
        z = s * s
        p = 1.0 / 21.0
        p = p * z + 1.0 / 19.0
        p = p * z + 1.0 / 17.0
        p = p * z + 1.0 / 15.0
        p = p * z + 1.0 / 13.0
        p = p * z + 1.0 / 11.0
        p = p * z + 1.0 / 9.0
        p = p * z + 1.0 / 7.0
        p = p * z + 1.0 / 5.0
        p = p * z + 1.0 / 3.0
        p = p * z + 1.0
        logarithm = e * _LN2_HIGH + (2.0 * s * p + e * _LN2_LOW)
        radius = math.sqrt(-2.0 * logarithm)
        turns = 4.0 * out[half + i]
        quadrant = np.int32(turns + 0.5)
        x = (turns - float(quadrant)) * 1.5707963267948966
        y = x * x
        sine = -7.6471637318198164759e-13
        sine = sine * y + 1.6059043836821614599e-10
        sine = sine * y - 2.5052108385441718775e-08
        sine = sine * y + 2.7557319223985890653e-06
        sine = sine * y - 1.9841269841269841270e-04
        sine = sine * y + 8.3333333333333333333e-03
        sine = sine * y - 1.6666666666666666667e-01
        sine = x + x * y * sine
        cosine = 4.7794773323873852974e-14
        cosine = cosine * y - 1.1470745597729724714e-11
        cosine = cosine * y + 2.0876756987868098979e-09
        cosine = cosine * y - 2.7557319223985890653e-07
        cosine = cosine * y + 2.4801587301587301587e-05
        cosine = cosine * y - 1.3888888888888888889e-03
        cosine = cosine * y + 4.1666666666666666667e-02
        cosine = 1.0 - 0.5 * y + y * y * cosine
        odd = np.int32(quadrant & np.int32(1)) == np.int32(1)
        first = sine if odd else cosine
        second = cosine if odd else sine
        first = -first if np.int32(np.int32(quadrant + np.int32(1)) & np.int32(2)) != np.int32(0) else first
        second = -second if np.int32(quadrant & np.int32(2)) != np.int32(0) else second
        out[i] = radius * first
        out[half + i] = radius * second


@fused_kernel
def fill_normal_32(state: State, out: NDArray[np.float32]) -> None:
    """Fill `out`, a multiple of 4 LANES long, with standard normals in single precision (Box and Muller, 1958).

    One word of 64 bits gives two normals: 31 bits the radius, at most 6.66, one bit a sign, and 32 bits the angle
    within a quadrant, measured from its middle; its last bit, too small to move it, is the other sign. Around the
    middle one pair of short polynomials (Cephes; Moshier, 1992) reaches both ends.
    """
    half = len(out) // 2
    # The normals take the place of the words they are made of.
    fill_words(state, out.view(np.uint64))
    bits = out.view(np.int32)
    for i in range(half):
        first = bits[i]
        second = bits[half + i]
        cell = np.int32(first & np.int32(0x7FFFFFFF))
        u = np.float32(np.float32(cell) * np.float32(2.0**-31) + np.float32(2.0**-32))
        pattern = np.float32(u).view(np.int32)
        exponent = np.int32(np.int32(pattern - _ROOT_HALF_BITS_32) >> np.int32(23))
        f = np.int32(pattern - np.int32(exponent << np.int32(23))).view(np.float32) - np.float32(1.0)
        p = np.float32(7.0376836292e-2)
        p = p * f + np.float32(-1.1514610310e-1)
        p = p * f + np.float32(1.1676998740e-1)
        p = p * f + np.float32(-1.2420140846e-1)
        p = p * f + np.float32(1.4249322787e-1)
        p = p * f + np.float32(-1.6668057665e-1)
        p = p * f + np.float32(2.0000714765e-1)
        p = p * f + np.float32(-2.4999993993e-1)
        p = p * f + np.float32(3.3333331174e-1)
        p = p * f + np.float32(-0.5)
        logarithm = f + f * f * p
        # cos and sin of pi/4 + x are (cos x -+ sin x) / sqrt(2): the root of 2 is taken out of the radius.
        radius = np.float32(math.sqrt(np.float32(exponent) * np.float32(-0.6931471805599453) - logarithm))
        x = np.float32(second) * np.float32(3.657295197922899e-10)
        y = x * x
        sine = np.float32(-1.9515295891e-4)
        sine = sine * y + np.float32(8.3321608736e-3)
        sine = sine * y + np.float32(-1.6666654611e-1)
        sine = radius * (x + x * y * sine)
        cosine = np.float32(2.443315711809948e-5)
        cosine = cosine * y + np.float32(-1.388731625493765e-3)
        cosine = cosine * y + np.float32(4.166664568298827e-2)
        cosine = cosine * y + np.float32(-0.5)
        cosine = cosine * y + np.float32(1.0)
        one = np.float32(radius * cosine - sine).view(np.int32)
        two = np.float32(radius * cosine + sine).view(np.int32)
        bits[i] = one ^ np.int32(first & np.int32(-0x80000000))
        bits[half + i] = two ^ np.int32(second << np.int32(31))


@fused_kernel
def exponential(x: float) -> float:
    """Compute exp(x) for |x| < 700 to double precision, in a form that compiles to vector code."""
    k = math.floor(x * 1.4426950408889634 + 0.5)
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    p = 1.6059043836821614599e-10
    p = p * r + 2.0876756987868098979e-09
    p = p * r + 2.5052108385441718775e-08
    p = p * r + 2.7557319223985890653e-07
    p = p * r + 2.7557319223985890653e-06
    p = p * r + 2.4801587301587301587e-05
    p = p * r + 1.9841269841269841270e-04
    p = p * r + 1.3888888888888888889e-03
    p = p * r + 8.3333333333333333333e-03
    p = p * r + 4.1666666666666666667e-02
    p = p * r + 1.6666666666666666667e-01
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    scale = np.int64(np.int64(np.int32(k) + np.int32(1023)) << np.int64(52)).view(np.float64)
    return p * scale


@fused_kernel
def exponential_32(x: np.float32) -> np.float32:
    """Compute exp(x) for |x| < 87 in single precision (polynomial of Cephes; Moshier, 1992)."""
    k = np.float32(math.floor(x * np.float32(1.44269504088896341) + np.float32(0.5)))
    r = (x - k * np.float32(0.693359375)) - k * np.float32(-2.12194440e-4)
    p = np.float32(1.9875691500e-4)
    p = p * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    p = p * (r * r) + r + np.float32(1.0)
    scale = np.int32(np.int32(np.int32(k) + np.int32(127)) << np.int32(23)).view(np.float32)
    return np.float32(p * scale)


def _normals(state: State, out: Any) -> None:
    raise NotImplementedError


@overload(_normals, strict=False)
def _normals_of(state: Any, out: Any) -> Any:
    if out.dtype == types.float32:
        return lambda state, out: fill_normal_32(state, out)
    return lambda state, out: fill_normal(state, out)


def exponential_of(x: Any) -> Any:
    """Compute exp(x) in the precision of x, in kernels."""
    raise NotImplementedError


@overload(exponential_of, strict=False)
def _exponential_of(x: Any) -> Any:
    if x == types.float32:
        return lambda x: exponential_32(x)
    return lambda x: exponential(x)


@kernel
def draw_normals(state: State, out: Any, sampling: int) -> None:
    """Fill a block's buffer with standard normals of its precision, by an index of SAMPLINGS.

    Antithetic: the second half mirrors the first (Hammersley and Morton, 1956). Matched: shifted and scaled to mean
    0 and variance 1 over the block (Boyle, Broadie and Glasserman, 1997). Both make the paths of a block depend on
    each other; blocks stay independent.
    """
    if sampling == 1:
        half = len(out) // 2
        _normals(state, out[:half])
        for i in range(half):
            out[half + i] = -out[i]
        return
    _normals(state, out)
    if sampling == 2:
        mean = 0.0
        for i in range(len(out)):
            mean += out[i]
        mean /= len(out)
        square = 0.0
        for i in range(len(out)):
            square += (out[i] - mean) * (out[i] - mean)
        scale = 1.0 / math.sqrt(square / len(out))
        for i in range(len(out)):
            out[i] = (out[i] - mean) * scale
