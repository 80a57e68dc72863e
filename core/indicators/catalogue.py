"""Find every indicator by file and compute one by name."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, chain
from typing import TypeAlias

import numpy as np

import core.indicators as package
from core.domain.kernel import Float64Array
from core.errors import InvalidInput, UnknownName
from core.indicators.declaration import IndicatorSpec, is_finite

Wanted: TypeAlias = Sequence[tuple[str, Mapping[str, int | float]]]
"""Names of indicators with the parameters that differ from their defaults."""
Asked: TypeAlias = Sequence[tuple[IndicatorSpec, tuple[int | float, ...]]]

_NOT_FAMILIES = {"catalogue", "declaration", "filling"}
# The fields of a run and what an indicator leaves on the way fit into the cache of a core.
_RUN_SESSIONS = 40_000


def _load() -> dict[str, IndicatorSpec]:
    found: dict[str, IndicatorSpec] = {}
    for module_info in pkgutil.iter_modules(package.__path__):
        if module_info.name in _NOT_FAMILIES:
            continue
        module = importlib.import_module(f"{package.__name__}.{module_info.name}")
        for value in vars(module).values():
            spec = getattr(value, "spec", None)
            if isinstance(spec, IndicatorSpec) and value.__module__ == module.__name__:
                found[spec.name] = spec
    return dict(sorted(found.items()))


INDICATORS: Mapping[str, IndicatorSpec] = _load()


def compute(name: str, fields: Mapping[str, Float64Array], **parameters: int | float) -> dict[str, Float64Array]:
    """Compute the indicator `name` from 1-D field arrays (close, high, ...) and return its outputs by name.

    NaN on warm-up and on sessions without the needed fields. Raises UnknownName for the indicator or a
    parameter, InvalidInput for a missing field or a bad value.
    """
    spec = _spec(name, parameters)
    try:
        arrays = [fields[field] for field in spec.fields]
    except KeyError as error:
        missing = [field for field in spec.fields if field not in fields]
        raise InvalidInput(
            f"Indicator {name} needs {', '.join(spec.fields)}; missing: {', '.join(missing)}.",
            hint="A close-only series has no open, high, low or volume.",
        ) from error
    result = spec.function(*arrays, **parameters)
    parts = result if isinstance(result, tuple) else (result,)
    return dict(zip(spec.outputs, parts, strict=True))


def compute_all(
    wanted: Wanted, symbols: Sequence[Mapping[str, Float64Array]], *, threads: int = 1
) -> list[list[dict[str, Float64Array]]]:
    """Compute many indicators for the fields of many symbols; equal to `compute` for each.

    Symbols are taken in runs, which go to `threads`: fields are checked once for all indicators, and an indicator of
    a run is one call that leaves the interpreter. Returns, for each symbol, what `compute` returns for each indicator
    wanted, in parts of one array: many small ones that are kept cost more than the indicators when their memory is
    touched for the first time. Raises what `compute` raises.
    """
    asked = [(spec, spec.settings(parameters)) for name, parameters in wanted if (spec := _spec(name, parameters))]
    needed = tuple(dict.fromkeys(field for spec, _ in asked for field in spec.fields))
    outputs = sum(len(spec.outputs) for spec, _ in asked)
    counts = [max((len(fields[field]) for field in needed if field in fields), default=0) for fields in symbols]
    starts = [0, *accumulate(outputs * count for count in counts)]
    block = np.empty(starts[-1])
    # As many runs for each thread, so that none waits for another.
    turns = -(-sum(counts) // (_RUN_SESSIONS * threads)) or 1
    size = -(-len(symbols) // (turns * threads)) or 1

    def run(first: int) -> list[list[dict[str, Float64Array]]]:
        places = range(first, min(first + size, len(symbols)))
        rows = [block[starts[place] : starts[place + 1]].reshape(outputs, counts[place]) for place in places]
        plain = {place: arrays for place in places if (arrays := _plain(symbols[place], needed))}
        _fill_run(asked, list(plain.values()), block, [starts[place] for place in plain])
        for place, own in zip(places, rows, strict=True):
            if place not in plain:
                parts = [compute(name, symbols[place], **parameters).values() for name, parameters in wanted]
                own[:] = list(chain.from_iterable(parts))
        return [_named(asked, iter(own)) for own in rows]

    firsts = range(0, len(symbols), size)
    if threads > 1 and len(firsts) > 1:
        with ThreadPoolExecutor(threads) as pool:
            return list(chain.from_iterable(pool.map(run, firsts)))
    return list(chain.from_iterable(map(run, firsts)))


def _fill_run(asked: Asked, symbols: list[dict[str, Float64Array]], block: Float64Array, starts: list[int]) -> None:
    if not symbols:
        return
    joined = {field: np.concatenate([arrays[field] for arrays in symbols]) for field in symbols[0]}
    counts = np.array([len(next(iter(arrays.values()))) for arrays in symbols])
    places = np.column_stack((np.cumsum(counts) - counts, counts, starts))
    for spec, settings in asked:
        spec.fill(block, places, tuple([joined[field] for field in spec.fields]), settings)
        places[:, 2] += len(spec.outputs) * counts


def _named(asked: Asked, rows: Iterator[Float64Array]) -> list[dict[str, Float64Array]]:
    return [{output: next(rows) for output in spec.outputs} for spec, _ in asked]


def _plain(fields: Mapping[str, Float64Array], needed: tuple[str, ...]) -> dict[str, Float64Array] | None:
    """Return the fields when they can be filled from as they are; None when they need the checks of `compute`."""
    arrays: dict[str, Float64Array] = {}
    for field in needed:
        array = fields.get(field)
        if not isinstance(array, np.ndarray) or array.dtype != np.float64 or array.ndim != 1 or not is_finite(array):
            return None
        arrays[field] = array
    return arrays if len(set(map(len, arrays.values()))) == 1 else None


def _spec(name: str, parameters: Mapping[str, int | float]) -> IndicatorSpec:
    spec = INDICATORS.get(name)
    if spec is None:
        raise UnknownName("indicator", name, difflib.get_close_matches(name, INDICATORS, n=3))
    if not parameters.keys() <= spec.parameters.keys():
        parameter = next(name for name in parameters if name not in spec.parameters)
        offers = difflib.get_close_matches(parameter, spec.parameters, n=2) or list(spec.parameters)
        raise UnknownName(f"parameter of {name}", parameter, offers)
    return spec
