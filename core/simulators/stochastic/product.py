"""Multiply normals by a lower triangular factor inside kernels, in vector registers."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic

from core.domain.kernel import fused_kernel
from core.simulators.stochastic.stream import BLOCK_PATHS

# Rows of matrices are longer than a block: with a stride of a power of two, one path's numbers of all assets fall on
# the same few lines of the cache and push each other out.
ROW = BLOCK_PATHS + 16
_TILE_BYTES = 128


class _Tiles:
    """Build the code on tiles, vectors of neighbouring paths, of arrays of one precision."""

    def __init__(self, context: Any, builder: Any, dtype: Any) -> None:
        self.builder = builder
        self.bytes_each = dtype.bitwidth // 8
        self.width = _TILE_BYTES // self.bytes_each
        self.kind = ir.VectorType(context.get_data_type(dtype), self.width)

    def load(self, array: Any, row: Any, column: Any) -> Any:
        """Read the tile of a row that begins at a column."""
        value = self.builder.load(self._place(array, row, column))
        value.align = self.bytes_each
        return value

    def store(self, value: Any, array: Any, row: Any, column: Any) -> None:
        """Write the tile of a row that begins at a column."""
        self.builder.store(value, self._place(array, row, column)).align = self.bytes_each

    def spread(self, array: Any, *index: Any) -> Any:
        """Read one number into every place of a tile."""
        nothing = ir.Constant(self.kind, ir.Undefined)
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), self.width), [0] * self.width)
        place = self._element(array, *index) if len(index) == 2 else self.builder.gep(array.data, index)
        first = self.builder.insert_element(nothing, self.builder.load(place), ir.Constant(ir.IntType(32), 0))
        return self.builder.shuffle_vector(first, nothing, everywhere)

    def add(self, one: Any, other: Any) -> Any:
        """Add two tiles, rounded once with the product that one of them is, where the processor can."""
        return self.builder.fadd(one, other, flags=("contract",))

    def multiply(self, one: Any, other: Any) -> Any:
        """Multiply two tiles."""
        return self.builder.fmul(one, other, flags=("contract",))

    def _element(self, array: Any, row: Any, column: Any) -> Any:
        length = self.builder.extract_value(array.shape, 1)
        return self.builder.gep(array.data, [self.builder.add(self.builder.mul(row, length), column)])

    def _place(self, array: Any, row: Any, column: Any) -> Any:
        return self.builder.bitcast(self._element(array, row, column), self.kind.as_pointer())


@intrinsic
def _add_product(typing: Any, shift: Any, factor: Any, normal: Any, out: Any) -> Any:
    """Go through the paths in tiles, and through the assets four at a time: their sums stay in registers."""
    kinds = (shift, factor, normal, out)
    if any(kind.layout != "C" or kind.dtype != out.dtype for kind in kinds):
        raise TypingError("Shift, factor, normals and sums must be contiguous and of one precision.")

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        tiles = _Tiles(context, builder, out.dtype)
        steps, weights, normals, sums = (
            context.make_array(kind)(context, builder, array)
            for kind, array in zip(signature.args, arguments, strict=True)
        )
        assets = builder.extract_value(weights.shape, 0)

        def add_rows(begin: Any, end: Any, together: int, column: Any) -> None:
            with cgutils.for_range_slice(builder, begin, end, _number(together)) as (row, _):
                rows = [builder.add(row, _number(i)) for i in range(together)]
                cells = [cgutils.alloca_once(builder, tiles.kind) for _ in rows]  # type: ignore[no-untyped-call]
                for each, cell in zip(rows, cells, strict=True):
                    builder.store(tiles.add(tiles.load(sums, each, column), tiles.spread(steps, each)), cell)
                # A factor is zero above its diagonal, so the few columns of it that are read there add nothing.
                with cgutils.for_range(builder, builder.add(row, _number(together))) as loop:
                    drawn = tiles.load(normals, loop.index, column)
                    for each, cell in zip(rows, cells, strict=True):
                        part = tiles.multiply(tiles.spread(weights, each, loop.index), drawn)
                        builder.store(tiles.add(part, builder.load(cell)), cell)
                for each, cell in zip(rows, cells, strict=True):
                    tiles.store(builder.load(cell), sums, each, column)

        every = (_number(0), _number(BLOCK_PATHS), _number(tiles.width))
        with cgutils.for_range_slice(builder, *every) as (column, _):
            begin = _number(0)
            for together in (4, 2, 1):
                end = builder.sub(assets, builder.urem(assets, _number(together)))
                add_rows(begin, end, together, column)
                begin = end
        return context.get_dummy_value()

    return types.void(*kinds), build


def _number(value: int) -> Any:
    return ir.Constant(ir.IntType(64), value)


@fused_kernel
def add_product(shift: Any, factor: Any, normal: Any, out: Any) -> None:
    """Add shift (assets,) and factor (assets, assets) times normals (assets, ROW) to the block's `out` (assets, ROW).

    The factor is lower triangular with zeros above; all are contiguous and of one precision.
    """
    _add_product(shift, factor, normal, out)  # type: ignore[call-arg]
