"""Scoring a cube against truth: tile by tile, with sums that merge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eomap.errors import MisuseError

if TYPE_CHECKING:
    from eomap.api.pairing import Pair
    from eomap.api.tally import Part, Tally
    from eomap.core.grid import Tile, Window
    from eomap.core.layer import Layer
    from eomap.core.product import Product
    from eomap.io.cube import Cube
    from eomap.io.sights import Sight


def score(out: str, truth: str, *, by: str | None = None, html: str | None = None) -> dict[str, Any]:
    """Return the field's figures of a cube against a truth folder, per layer; None where one is not defined.

    `by` names a layer of counts, such as n_clear: errors are given by its values too. `html` is the path of
    a one-page report to write. What a layer is scored against is declared by the product (`Layer.truth`).
    Every cell counts the same. Memory: a block of a tile. Raises MisuseError where nothing can be compared.
    """
    from eomap.api.pairing import counts_layer, pairs_of
    from eomap.io.cube import open_cube
    from eomap.io.report import check_place
    from eomap.io.truth import open_truth

    if html is not None:
        check_place(html)  # before the work, not after it
    cube, known = open_cube(out), open_truth(truth)
    attributes = cube.attributes()
    product = _product(attributes)
    pairs, missing = pairs_of(cube, known, product)
    looks = None if by is None else counts_layer(cube, by)
    entries, sights = [], []
    for pair in pairs:
        tally, sight = _compared(cube, pair, looks, pictures=html is not None)
        if tally is None or not tally.cells:
            continue
        entries.append(_entry(pair, tally, product))
        sights.append(sight)
    if not entries:
        raise MisuseError(
            truth,
            expected=f"truth where the map is ({'; '.join(_box(e.window.bounds_deg) for e in cube.extents)})",
            got=f"no cell that both know; the truth lies in {_box(pairs[0].truth.bounds_deg)}",
            hint="check that map and truth are of one place",
        )
    found = {
        "cube": out,
        "product": attributes.get("eomap:product", {}).get("name"),
        "period": attributes.get("eomap:period"),
        "models": [m.get("name") for m in attributes.get("eomap:models", ())],
        "run": attributes.get("eomap:run_id"),
        "truth": truth,
        "synthetic": known.synthetic
        or attributes.get("eomap:synthetic") is True
        or any(p.truth.synthetic for p in pairs),
        "by": by,
        "not scored": missing,
        "layers": entries,
    }
    if html is not None:
        from eomap.io.report import write_report

        write_report(html, found, sights)
    return found


def _box(bounds: tuple[float, ...]) -> str:
    return ", ".join(f"{v:.4g}" for v in bounds)


def _product(attributes: dict[str, Any]) -> Product | None:
    """Return the product that made a cube, None where this eomap does not have it."""
    from eomap.products import products

    return products().get(attributes.get("eomap:product", {}).get("name", ""))


def _tiles(cube: Cube, layer: Layer, bounds: tuple[float, float, float, float]) -> list[Tile]:
    """Return the tiles written so far that meet a box in degrees, in order."""
    from eomap.core.grid import Tile
    from eomap.io.selection import shards_written
    from eomap.io.truth_pixels import meet

    tiles = [
        Tile(extent.row0 + row, extent.col0 + col, extent.epsg)
        for extent in cube.extents
        for row, col in shards_written(cube, layer, extent)
    ]
    return [t for t in tiles if meet(t.bounds_deg, bounds)]


def _blocks(tile: Tile, step: int, side: int) -> Iterator[Window]:
    from eomap.core.grid import tile_window

    whole = tile_window(tile, step)
    for row in range(whole.row0, whole.row1, side):
        for col in range(whole.col0, whole.col1, side):
            row1, col1 = min(row + side, whole.row1), min(col + side, whole.col1)
            yield replace(whole, row0=row, row1=row1, col0=col, col1=col1)


def _compared(
    cube: Cube, pair: Pair, looks: Layer | None, *, pictures: bool, side: int | None = None
) -> tuple[Tally | None, Sight | None]:
    """Return the tally of a pair over all its tiles and, where wanted, small pictures of both.

    `side` is that of the blocks, in cells; the tally does not depend on it.
    """
    from eomap.core.grid import tile_cells
    from eomap.io.shards import chunk_cells
    from eomap.io.truth_pixels import meet

    step, native = cube.step, cube.attributes().get("eomap:grid") == "utm"
    tiles = _tiles(cube, pair.layer, pair.truth.bounds_deg)
    if not tiles:
        return None, None
    sight = _sight(pair, tiles, step) if pictures else None
    total: Tally | None = None
    for tile in tiles:
        for block in _blocks(tile, step, side or chunk_cells(tile_cells(step))):
            if not meet(block.bounds_deg, pair.truth.bounds_deg):
                continue
            part = _part(cube, pair, looks, block, native=native)
            made = _tally(pair, part)
            total = made if total is None else total + made  # type: ignore[operator]
            if sight is not None and sight.window.epsg == block.epsg:
                sight.show(block, *_seen(pair, part))
    return total, sight.cut() if sight is not None else None


def _sight(pair: Pair, tiles: list[Tile], step: int) -> Sight:
    """Return an empty sight of the tiles; where they are of several zones, of the zone that has most."""
    from eomap.core.grid import tile_window
    from eomap.io.sights import Sight

    zones = Counter(t.epsg for t in tiles)
    shown = [tile_window(t, step) for t in tiles if t.epsg == zones.most_common(1)[0][0]]
    whole = replace(
        shown[0],
        row0=min(w.row0 for w in shown),
        row1=max(w.row1 for w in shown),
        col0=min(w.col0 for w in shown),
        col1=max(w.col1 for w in shown),
    )
    return Sight.over(pair.layer, whole, pair.band_names)


def _seen(pair: Pair, part: Part) -> tuple[Any, Any]:
    """Return map and truth of a block to look at: codes or values, NaN where unknown."""
    import numpy as np

    from eomap.api.tally import INNER, physical

    values = physical(part.stored[pair.kind][INNER], pair.layer)
    values = values[list(pair.map_bands)] if values.ndim == 3 else values
    truth = part.truth[INNER]
    return values, truth if pair.kind == "value" else np.where(truth < 0, np.nan, truth)


def _part(cube: Cube, pair: Pair, looks: Layer | None, block: Window, *, native: bool) -> Part:
    """Return what there is to compare in a block, read with its surroundings.

    In a cube of native zones the truth beyond a zone's border is its neighbour's to be compared with.
    """
    import numpy as np

    from eomap.api.tally import HALO_CELLS, Part
    from eomap.core.grid import tile_cells
    from eomap.core.zones import own_cells
    from eomap.io.truth_pixels import UNKNOWN_CLASS, read_classes, read_values

    h = HALO_CELLS
    wide = replace(block, row0=block.row0 - h, row1=block.row1 + h, col0=block.col0 - h, col1=block.col1 + h)
    counts = None
    if looks is not None:
        stored = cube.read(looks.name, wide)
        counts = np.where(stored == looks.fill, -1, stored.astype(np.int64))
    truth = (
        read_values(pair.truth, wide, bands=pair.truth_bands)
        if pair.kind == "value"
        else read_classes(pair.truth, wide)
    )
    if native:
        truth = np.where(own_cells(wide), truth, np.nan if pair.kind == "value" else UNKNOWN_CLASS)
    return Part(
        {kind: cube.read(layer.name, wide) for kind, layer in pair.layers.items()},
        truth,
        counts,
        (block.row0, block.col0),
        tile_cells(block.step),
    )


def _tally(pair: Pair, part: Part) -> Tally:
    from eomap.api.tally import ClassTally, EventTally, ValueTally

    if pair.kind == "class":
        return ClassTally.of(part, pair.layers)
    if pair.kind == "score":
        return EventTally.of(part, pair.layers)
    return ValueTally.of(part, pair.layers, bands=pair.map_bands)


def _entry(pair: Pair, tally: Tally, product: Product | None) -> dict[str, Any]:
    """Return what is said of one layer."""
    from eomap.api.figures import class_figures, event_figures, value_figures
    from eomap.api.tally import ClassTally, ValueTally

    entry = {
        "layer": pair.layer.name,
        "kind": pair.kind,
        "unit": pair.layer.unit,
        "truth": pair.truth.name,
        "truth dates": list(pair.truth.dates),
        "frames": len(pair.truth.files),
        "cells": tally.cells,
        "cells of truth left blank by the map": tally.blank,
    }
    if isinstance(tally, ClassTally):
        more = product.class_figures if product and pair.layer.legend == product.gives[0].legend else None
        return entry | class_figures(tally, pair.layers, more)
    if isinstance(tally, ValueTally):
        return entry | value_figures(tally, pair.layers, pair.band_names)
    return entry | event_figures(tally)
