"""A small cube with every kind of cell, for tests of what looks at cubes."""

from pathlib import Path

import numpy as np

from eomap.core.grid import Tile
from eomap.core.layer import Layer, LegendClass
from eomap.io.cube import Cube, Extent, create

TILE = Tile(75, 385)  # 12.5 to 13 E, 52 to 52.5 N
LEGEND = (
    LegendClass(1, "Dense city", "d10000"),
    LegendClass(2, "Trees", "006a00"),
    LegendClass(3, "Water", "6a6aff"),
)
LAYERS = (
    Layer("kind", "uint8", "kind of land", fill=255, no_look=0, legend=LEGEND),
    Layer("sure", "uint8", "how sure", fill=255, scale=1 / 250),
    Layer("looks", "uint16", "clear looks", fill=65535),
    Layer("each", "uint8", "share of each", fill=255, scale=1 / 250, bands=("city", "trees")),
)


BANDS = ("B02", "B03", "B04", "B11")
VALUES = (
    Layer("reflectance", "uint16", "reflectance", fill=65535, scale=1e-4, no_look=0, bands=BANDS),
    Layer("spread", "uint16", "spread", fill=65535, scale=1e-4),
)


def codes() -> np.ndarray:
    """Class codes (y, x): rows 100-199 city, 200-399 trees, 400-499 no look, the rest unwritten."""
    out = np.full((600, 600), 255, dtype=np.uint8)
    out[100:200, 50:450], out[200:400, 50:450], out[400:500, 50:450] = 1, 2, 0
    return out


def small_cube(folder: Path, **attributes: object) -> Cube:
    """A cube of 1 by 2 tiles, the western one written."""
    extent = Extent.of_tiles([TILE, Tile(TILE.row, TILE.col + 1)], 10)
    cube = create(str(folder / "small.zarr"), extent, LAYERS, attributes)
    kind = codes()
    seen = (kind != 255) & (kind != 0)
    sure = np.where(seen, np.arange(600)[None, :] // 3, 255).astype(np.uint8)
    looks = np.where(kind == 255, 65535, np.where(kind == 0, 0, 3)).astype(np.uint16)
    cube.write(TILE, {"kind": kind, "sure": sure, "looks": looks, "each": np.stack([sure, sure])})
    return cube


def reflectance() -> np.ndarray:
    """Stored values (b, y, x): rows 100-399 green land, 400-499 no look, the rest unwritten."""
    out = np.full((len(BANDS), 600, 600), 65535, dtype=np.uint16)
    out[:, 100:400, 50:450] = np.array([300, 900, 400, 2000])[:, None, None] + np.arange(300)[:, None]
    out[:, 400:500, 50:450] = 0
    return out


def value_cube(folder: Path, **attributes: object) -> Cube:
    """A cube of one tile of values, and of how far they spread."""
    cube = create(str(folder / "values.zarr"), Extent.of_tiles([TILE], 10), VALUES, attributes)
    values = reflectance()
    spread = np.where(np.isin(values[0], (0, 65535)), 65535, 25).astype(np.uint16)
    cube.write(TILE, {"reflectance": values, "spread": spread})
    return cube
