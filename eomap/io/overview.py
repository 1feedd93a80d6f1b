"""A window of a layer brought down to the pixels of a picture, read strip by strip from level 0.

Class codes are never averaged. Letters: n sample, y row (north to south), x column (west to east).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from eomap.core.grid import LATTICE, Window
from eomap.core.layer import Layer
from eomap.errors import MisuseError
from eomap.io.cube import Cube

STRIP_CELLS = 32 << 20
SAMPLES = 5
"""Samples per picture pixel and axis; exact while a pixel spans no more than five cells."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What lies in a window."""

    written: Window
    """The smallest window that holds every written cell."""
    shares: dict[int, float]
    """Stored value to its share of the written area, 0 to 1; empty for layers without a legend."""


def _first_band(layer: Layer) -> int | None:
    return 0 if layer.bands else None


def survey(cube: Cube, layer: Layer, window: Window) -> Survey:
    """Return what is written where in a window, one pass over level 0.

    Area weights are cos(latitude); the cells of a UTM zone, alike to 0.2 %, count the same.

    Raises MisuseError where nothing is written.
    """
    area = np.zeros(np.iinfo(layer.dtype).max + 1 if layer.legend else 0)
    row_any, col_any = np.zeros(window.shape[0], dtype=bool), np.zeros(window.shape[1], dtype=bool)
    for strip in _strips(window, max(1, STRIP_CELLS // window.shape[1])):
        cells = cube.read(layer.name, strip, band=_first_band(layer))
        seen = cells != layer.fill
        row_any[strip.row0 - window.row0 : strip.row1 - window.row0] = seen.any(axis=1)
        col_any |= seen.any(axis=0)
        if layer.legend:
            on_lattice = strip.epsg == LATTICE
            weights = np.cos(np.radians(strip.lat())) if on_lattice else np.ones(len(cells))
            for row, weight in zip(cells, weights, strict=True):
                area += weight * np.bincount(row, minlength=area.size)
    if not row_any.any():
        raise MisuseError(cube.url, expected="an area with mapped cells", got="none written there")
    rows, cols = np.flatnonzero(row_any), np.flatnonzero(col_any)
    written = replace(
        window,
        row0=window.row0 + int(rows[0]),
        row1=window.row0 + int(rows[-1]) + 1,
        col0=window.col0 + int(cols[0]),
        col1=window.col0 + int(cols[-1]) + 1,
    )
    if layer.legend:
        area[layer.fill] = 0
        area /= area.sum()
    return Survey(written, {int(v): float(area[v]) for v in np.flatnonzero(area)})


def modes(
    cube: Cube, layer: Layer, window: Window, shape_px: tuple[int, int]
) -> npt.NDArray[np.unsignedinteger]:
    """Return the most frequent stored value under each picture pixel (y, x); the lower code on a tie."""
    out = np.empty(shape_px, dtype=layer.dtype)
    for rows, samples in _samples(cube, layer, window, shape_px):
        best = np.zeros(samples.shape[1:], dtype=np.int16)
        for value in np.unique(samples):
            count = (samples == value).sum(axis=0, dtype=np.int16)
            out[rows][count > best] = value
            np.maximum(best, count, out=best)
    return out


def means(
    cube: Cube, layer: Layer, window: Window, shape_px: tuple[int, int], *, band: int | None = None
) -> npt.NDArray[np.float32]:
    """Return the mean physical value under each picture pixel (y, x); NaN where nothing is known."""
    out = np.empty(shape_px, dtype=np.float32)
    for rows, samples in _samples(cube, layer, window, shape_px, band):
        known = samples != layer.fill
        if layer.no_look is not None:
            known &= samples != layer.no_look
        total = np.where(known, samples, 0).sum(axis=0, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            out[rows] = total / known.sum(axis=0) * (layer.scale or 1.0) + layer.offset
    return out


def unseen(cube: Cube, layer: Layer, window: Window, shape_px: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return where at least half of what lies under a picture pixel (y, x) had no clear look."""
    if layer.legend:
        return modes(cube, layer, window, shape_px) == layer.no_look
    out = np.zeros(shape_px, dtype=bool)
    if layer.no_look is not None:
        for rows, samples in _samples(cube, layer, window, shape_px, _first_band(layer)):
            out[rows] = 2 * (samples == layer.no_look).sum(axis=0) >= len(samples)
    return out


def _strips(window: Window, rows: int) -> Iterator[Window]:
    for row in range(window.row0, window.row1, rows):
        yield replace(window, row0=row, row1=min(row + rows, window.row1))


def _positions(cells: int, pixels: int) -> npt.NDArray[np.int64]:
    """Return the sampled cells of every pixel (pixel, sample); one, the nearest, when enlarging."""
    samples = min(SAMPLES, -(-cells // pixels))
    at = np.arange(pixels)[:, None] + (np.arange(samples)[None, :] + 0.5) / samples
    return np.minimum((at * cells / pixels).astype(np.int64), cells - 1)


def _samples(
    cube: Cube, layer: Layer, window: Window, shape_px: tuple[int, int], band: int | None = None
) -> Iterator[tuple[slice, npt.NDArray[np.unsignedinteger]]]:
    """Yield picture rows and the stored values sampled for them (n, y, x)."""
    rows, cols = _positions(window.shape[0], shape_px[0]), _positions(window.shape[1], shape_px[1])
    cells_per_px = -(-window.shape[0] // shape_px[0])
    step = max(1, STRIP_CELLS // (cells_per_px * window.shape[1]))
    for first in range(0, shape_px[0], step):
        part = rows[first : first + step]
        top, bottom = window.row0 + int(part.min()), window.row0 + int(part.max()) + 1
        strip = replace(window, row0=top, row1=bottom)
        cells = cube.read(layer.name, strip, band=band)
        picked = cells[(part + window.row0 - top).T[:, None, :, None], cols.T[None, :, None, :]]
        yield slice(first, first + len(part)), picked.reshape(-1, len(part), shape_px[1])
