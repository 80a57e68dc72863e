"""Find every indicator by file and compute one by name."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TypeAlias

import numpy as np

import core.indicators as package
from core.domain.kernel import Float64Array
from core.errors import InvalidInput, UnknownName
from core.indicators.declaration import IndicatorSpec, is_finite

Wanted: TypeAlias = Sequence[tuple[str, Mapping[str, int | float]]]
"""Names of indicators with the parameters that differ from their defaults."""

_NOT_FAMILIES = {"catalogue", "declaration", "filling"}
# The fields of a run and what an indicator leaves on the way fit into the cache of a core.
_RUN_SESSIONS = 20_000


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
    wanted, in parts of one array per run: many small ones that are kept cost more than the indicators when
    their memory is touched for the first time. Raises what `compute` raises.
    """
    asked = [(spec, spec.settings(parameters)) for name, parameters in wanted if (spec := _spec(name, parameters))]
    sessions = max((len(part) for fields in symbols for part in fields.values()), default=0)
    size = max(1, _RUN_SESSIONS // max(sessions, 1))
    runs = [symbols[start : start + size] for start in range(0, len(symbols), size)]

    def work(run: Sequence[Mapping[str, Float64Array]]) -> list[list[dict[str, Float64Array]]]:
        return _run(wanted, asked, run)

    if threads > 1 and len(runs) > 1:
        with ThreadPoolExecutor(threads) as pool:
            return list(chain.from_iterable(pool.map(work, runs)))
    return list(chain.from_iterable(map(work, runs)))


def _run(
    wanted: Wanted,
    asked: Sequence[tuple[IndicatorSpec, tuple[int | float, ...]]],
    symbols: Sequence[Mapping[str, Float64Array]],
) -> list[list[dict[str, Float64Array]]]:
    needed = tuple(dict.fromkeys(field for spec, _ in asked for field in spec.fields))
    plain = [_plain(fields, needed) for fields in symbols]
    whole = [arrays for arrays in plain if arrays]
    joined = {field: np.concatenate([arrays[field] for arrays in whole]) for field in needed if whole}
    counts = np.array([len(arrays[needed[0]]) for arrays in whole], dtype=np.int64)
    firsts = np.cumsum(counts) - counts
    outputs = sum(len(spec.outputs) for spec, _ in asked)
    block = np.empty(outputs * int(counts.sum()))
    places = np.column_stack((firsts, counts, outputs * firsts))
    rows = [iter(block[start : start + outputs * count].reshape(outputs, count)) for _, count, start in places]
    for spec, settings in asked if whole else ():
        spec.fill(block, places, tuple([joined[field] for field in spec.fields]), settings)
        places[:, 2] += len(spec.outputs) * counts
    filled = iter([[{name: next(own) for name in spec.outputs} for spec, _ in asked] for own in rows])
    return [
        next(filled) if arrays else [compute(name, fields, **parameters) for name, parameters in wanted]
        for fields, arrays in zip(symbols, plain, strict=True)
    ]


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
