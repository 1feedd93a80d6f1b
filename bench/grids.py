"""Place and land a made-up composite of 29 by 29 km on both grids; print CPU-seconds, as JSON.

python bench/grids.py [FOLDER]

The area lies across four tiles of either grid. Pixels are smooth with a little noise; nothing is read.
"""

import json
import sys
import tempfile
import time

import numpy as np

from eomap.core.aoi import from_bbox
from eomap.core.grid import Frame, Window, frame_of, tile_epsg, transformer, window_within
from eomap.core.mask import mask
from eomap.core.product import Inputs, Seen
from eomap.core.tiling import clip_to_tile, parts_of, tiles_of
from eomap.io.cube import Extent, create
from eomap.products import product

EPSG, X_M, Y_M, HALF_M = 32633, 360_000, 5_820_000, 14_483
"""A corner of four tiles of the zone, near 12.94 E, 52.51 N: the lattice's meet at 13 E, 52.5 N."""


def inputs(frame: Frame, window: Window, wanted: np.ndarray) -> Inputs:
    """Return a made-up composite on a frame."""
    rng = np.random.default_rng(0)
    waves = np.sin(np.arange(frame.width) / 90)[None, :] * np.cos(np.arange(frame.height) / 70)[:, None]
    base = (1500 + 600 * waves + rng.normal(0, 25, frame.shape)).astype(np.uint16)
    return Inputs(
        frame=frame,
        halo_px=0,
        seen=(
            Seen(
                np.stack([base + 100 * b for b in range(10)]),
                np.full(frame.shape, 9, np.uint16),
                spread_yx=base // 30,
                day_yx=np.full(frame.shape, 19_000, np.uint16),
            ),
        ),
        window=window,
        wanted_yx=wanted,
    )


def measured(grid: str, folder: str) -> dict[str, float]:
    """Return the CPU-seconds of each stage on a grid, and what was placed."""
    made = product("composite")
    box = transformer(EPSG, 4326).transform_bounds(X_M - HALF_M, Y_M - HALF_M, X_M + HALF_M, Y_M + HALF_M)
    parts = parts_of(from_bbox(box), grid)
    tiles = [t for part in parts.values() for t in tiles_of(part)]
    cube = create(f"{folder}/{grid}.zarr", Extent.of_tiles(tiles, made.step), made.layers(), {})
    spent = {"mask": 0.0, "place": 0.0, "land": 0.0}
    cells = written = 0
    for tile in tiles:
        clip = clip_to_tile(parts[tile.epsg], tile)
        window = window_within(tile, made.step, tile.bounds if clip is None else clip.bounds)
        start = time.process_time()
        wanted = np.ones(window.shape, dtype=bool) if clip is None else mask(clip, window)
        masked = time.process_time()
        given = inputs(frame_of(window, tile_epsg(tile), cell_px=1, halo_px=0), window, wanted)
        ready = time.process_time()
        layers = made.compute(given, None)
        placed = time.process_time()
        objects = cube.write(tile, layers, window=window)
        spent["mask"] += masked - start
        spent["place"] += placed - ready
        spent["land"] += time.process_time() - placed
        cells, written = cells + int(wanted.sum()), written + sum(o.size for o in objects)
    rounded = {k: round(v, 2) for k, v in spent.items()}
    return {
        "tiles": len(tiles),
        "megacells": round(cells / 1e6, 2),
        **rounded,
        "written_mb": round(written / 1e6),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as place:
        print(json.dumps({grid: measured(grid, place) for grid in ("utm", "lattice")}, indent=1))
