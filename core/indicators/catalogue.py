"""Find every indicator by file and compute one by name."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate

import numpy as np

import core.indicators as package
from core.domain.kernel import Float64Array
from core.errors import InvalidInput, UnknownName
from core.indicators.declaration import IndicatorSpec

_NOT_FAMILIES = {"declaration", "catalogue"}


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
    wanted: Mapping[str, Mapping[str, int | float]],
    symbols: Sequence[Mapping[str, Float64Array]],
    *,
    threads: int = 1,
) -> list[dict[str, dict[str, Float64Array]]]:
    """Compute many indicators (name to parameters) for the fields of many symbols; equal to `compute` for each.

    The fields of a symbol are checked once for all indicators, and symbols go to `threads`. Returns, for each
    symbol, the outputs by indicator: parts of one array, because many small ones that are kept cost more than the
    indicators when their memory is touched for the first time. Raises what `compute` raises.
    """
    specs = {name: _spec(name, parameters) for name, parameters in wanted.items()}
    needed = tuple(dict.fromkeys(field for spec in specs.values() for field in spec.fields))
    settings = {
        name: [type(default)(wanted[name].get(key, default)) for key, default in spec.parameters.items()]
        for name, spec in specs.items()
    }
    outputs = sum(len(spec.outputs) for spec in specs.values())
    counts = [max((len(fields[field]) for field in needed if field in fields), default=0) for fields in symbols]
    starts = [0, *accumulate(outputs * count for count in counts)]
    block = np.empty(starts[-1])
    found: list[dict[str, dict[str, Float64Array]]] = [{} for _ in symbols]

    def fill(first: int) -> None:
        for place in range(first, len(symbols), threads):
            fields, count = symbols[place], counts[place]
            rows = iter(block[starts[place] : starts[place + 1]].reshape(outputs, count))
            # The first symbol goes through every check, and with it the parameters.
            plain = _plain(fields, needed) if place else None
            for name, spec in specs.items():
                if plain is None:
                    parts = tuple(compute(name, fields, **wanted[name]).values())
                else:
                    result = spec.unchecked(*[plain[field] for field in spec.fields], *settings[name])
                    parts = result if isinstance(result, tuple) else (result,)
                kept = {}
                for output, part in zip(spec.outputs, parts, strict=True):
                    kept[output] = row = next(rows)
                    row[:] = part
                found[place][name] = kept

    if threads > 1 and len(symbols) > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, range(threads)))
    else:
        for first in range(threads):
            fill(first)
    return found


def _plain(fields: Mapping[str, Float64Array], needed: tuple[str, ...]) -> dict[str, Float64Array] | None:
    """Return the fields when kernels can take them as they are; None when they need the checks of `compute`."""
    arrays: dict[str, Float64Array] = {}
    count = -1
    for field in needed:
        array = fields.get(field)
        if not isinstance(array, np.ndarray) or array.dtype != np.float64 or array.ndim != 1 or not array.flags.carray:
            return None
        if count not in (-1, len(array)) or not np.isfinite(array.dot(array)):
            return None
        count = len(array)
        arrays[field] = array
    return arrays


def _spec(name: str, parameters: Mapping[str, int | float]) -> IndicatorSpec:
    spec = INDICATORS.get(name)
    if spec is None:
        raise UnknownName("indicator", name, difflib.get_close_matches(name, INDICATORS, n=3))
    if not parameters.keys() <= spec.parameters.keys():
        parameter = next(name for name in parameters if name not in spec.parameters)
        offers = difflib.get_close_matches(parameter, spec.parameters, n=2) or list(spec.parameters)
        raise UnknownName(f"parameter of {name}", parameter, offers)
    return spec
