"""A made-up world for laws: pixels are a function of where they are, and answers of what is seen."""

from dataclasses import dataclass

import numpy as np
import shapely

from eomap.core.grid import Tile, tile_epsg, tile_window, transformer
from eomap.core.plan import Task
from eomap.core.source import Band, Scene
from eomap.core.windows import Layout
from eomap.io.registry import PATCHES, model
from eomap.products import product
from eomap.products.lcz import BANDS
from eomap.sensors import sensor as sensor_named
from eomap.worker import Job

LEVEL = "L2A"


def scene(name, moment, *, box, bands=(*BANDS, "SCL"), sensor="", unit=""):
    """Return a scene over a lon/lat box; its pixels come from `World`."""
    return Scene(
        id=name,
        collection="made-up",
        moment=f"{moment}T10:30:00+00:00",
        level=LEVEL,
        bands=tuple(Band(b, f"{name}/{b}", 1e-4, 0.0, 0.0, unit=unit) for b in bands),
        offset_rule="date",
        footprint_wkb=shapely.box(*box).wkb_hex,
        sensor=sensor,
    )


def scenes_for(product, days, *, box):
    """Return a scene on each day for every need of a product."""
    made = []
    for n, need in enumerate(product.needs):
        by = sensor_named(need.of)
        bands = (*need.bands, "SCL") if need.of == "sentinel-2" else need.bands
        unit = "dB" if by.unit == "dB" else ""
        made += [
            scene(f"s{n}{d[-2:]}", d, box=box, bands=bands, sensor=need.of if n else "", unit=unit)
            for d in days
        ]
    return tuple(made)


def job(
    tile,
    window,
    scenes,
    *,
    block_px=1000,
    clip="",
    mask="scl",
    layers=("lcz", "confidence", "entropy", "n_clear", "probability"),
):
    """Return the job of a part of a tile."""
    task = Task(
        tile, window, clip, tuple(s.id for s in scenes), block_px, 0, 0, 0.0, key=f"{tile.id}{window}"
    )
    return Job(task, product("lcz"), tuple(scenes), mask, layers, "means")


@dataclass
class World:
    """A pixel reader of smooth bands, scattered clouds (SCL 9) and an edge beyond which nothing was seen."""

    epsg: int
    edge_x: float = np.inf
    broken: tuple[str, ...] = ()

    def read(self, band, frame, *, signing=""):
        from eomap.errors import BrokenInputError

        name, which = band.href.split("/")
        if name in self.broken:
            raise BrokenInputError(band.href, expected="a file", got="none")
        per_px = frame.pixel_m // 10
        x = frame.x0 // 10 + per_px * np.arange(frame.width)[None, :]
        y = frame.y0 // 10 - per_px * np.arange(frame.height)[:, None]
        seed = sum(name.encode())
        if which == "SCL":
            cloud = ((x // 37 * 7919 + y // 41 * 104729 + seed * 31) % 5) == 0
            value = np.where(cloud, 9, 4)
        else:
            number = BANDS.index(which) if which in BANDS else sum(which.encode()) % 30
            value = 500 + 40 * number + (x // 9 * 13 + y // 7 * 17 + seed * 3) % 900
        seen = x * 10 < self.edge_x
        if band.unit == "dB":
            return np.where(seen, value / 100 - 25, np.nan).astype(np.float32)
        return np.where(seen, value, 0).astype(np.uint16)

    def read_many(self, bands, frame, *, signing=""):
        return [self.read(b, frame, signing=signing) for b in bands]

    def close(self):
        """Nothing is open."""


@dataclass(eq=False)
class Means:
    """A network that sums every pixel of its window: exact, so any cut gives equal bits."""

    layout: Layout = PATCHES
    channels: int = 17
    asides: int = 0
    name: str = "means"
    sha256: str = "0"

    def __call__(self, code_nbyx, aside_nk):
        total = code_nbyx.astype(np.int64).sum(axis=(1, 2, 3))
        out = [(total // 1024 * (k + 3)) % 101 + 1 for k in range(self.channels)]
        out = np.stack(out, axis=1).astype(np.float32)
        cells = (self.layout.cells, self.layout.cells)
        return np.broadcast_to((out / out.sum(axis=1, keepdims=True))[:, :, None, None], (*out.shape, *cells))


def network_for(product):
    """Return a made-up network of the form of a product's default one; None where it needs none."""
    if not product.models:
        return None
    known = model(product.models[0])
    return Means(known.layout, known.told, len(known.asides))


TILE = Tile(75, 385)
WHOLE = tile_window(TILE, 10)
EPSG = tile_epsg(TILE)


def edge_within(tile):
    """Return an easting through the middle of a tile, in its zone."""
    west, south, east, north = tile.bounds_deg
    return transformer(4326, tile_epsg(tile)).transform((west + east) / 2, (south + north) / 2)[0]
