"""Print how like the twin's EnMAP pixels are to real ones of Potsdam: docs/explanation/twin.md.

    EOMAP_SHARED=../shared python bench/twin_enmap.py

18 real tiles of 32 x 32 pixels, 24 July 2022, whose pixels are labelled from an aerial image, against twin
frames within REACH_DEG of them, at the same moment and clear. A pixel of the twin has the class whose
materials are half of it or more. Per class: RMSE of the mean spectra and the ratio of the spreads over the
bands that air lets through; and what share of the variance of real pixels, labelled or not, lies in the first
25 principal components of the twin's. Intervals: 95 %, bootstrap over tiles. Sets nothing.
Axis letters: b band, m material, n pixel, y row, x column.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import twin_report
from maps import DATA

from eomap.core.grid import Frame, transformer, utm_epsg
from eomap.twin.acquisitions import Acquisition
from eomap.twin.climate import land_share
from eomap.twin.earth import points_at, uniform
from eomap.twin.hyperspectral import SCALE, averaged
from eomap.twin.materials import Material, band_table
from eomap.twin.world import World

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
M = Material
CLASSES: dict[str, tuple[tuple[int, ...], tuple[Material, ...]]] = {
    "roof or pavement": ((1, 2), (M.TILES, M.GREY_ROOF, M.METAL_ROOF, M.ASPHALT, M.CONCRETE)),
    "low vegetation": ((3,), (M.GRASS, M.CROP, M.NPV)),
    "tree": ((4,), (M.BROADLEAF, M.CONIFER)),
    "soil": ((5,), (M.SOIL, M.SAND, M.ROCK)),
    "water": ((6,), (M.WATER,)),
}
"""Codes of the real labels, and materials of the twin."""
MOMENT, POTSDAM = datetime(2022, 7, 24, 10, 45, tzinfo=UTC), (13.05, 52.40)
SEED, FRAMES, SIDE_PX, TILE_PX, REACH_DEG = 61, 30, 192, 32, 0.4
COMPONENTS, DRAWS, FEWEST_PX, LEAST_SHARE = 25, 1000, 30, 0.5
SHOWN_NM = (490, 560, 665, 865, 1250, 1610, 2200)
_DARK_NM = ((1283, 1531), (1565, 1653), (1760, 1939))
"""What the 202 bands of SpectralEarth leave out; of the twin's centres it leaves 200."""


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """Pixels of one tile: reflectance (n, b) over `bands()`, and the number of each one's class, or -1."""

    seen_nb: F32
    class_n: npt.NDArray[np.int64]


def bands() -> npt.NDArray[np.bool_]:
    """Return which of the 224 bands are looked at."""
    nm = band_table("ENMAP").centre_nm
    return ~np.logical_or.reduce([(nm >= low) & (nm <= high) for low, high in _DARK_NM])


def real_tiles() -> list[Tile]:
    """Return the tiles of Potsdam; pixels with any band missing are left out."""
    found = []
    for folder in sorted((DATA / "catalog/enmap-hsi-l2a").glob("enmap_potsdam_tile_*")):
        with rasterio.open(folder / "image.tif") as file:
            dn = file.read()[bands()].reshape(int(bands().sum()), -1).T
            whole = (dn != file.nodata).all(axis=1)
        with rasterio.open(folder / "landcover.tif") as file:
            code = file.read(1).ravel()
        number = np.full(code.shape, -1)
        for k, (codes, _) in enumerate(CLASSES.values()):
            number[np.isin(code, codes)] = k
        found.append(Tile((dn[whole] * np.float32(SCALE)).astype(np.float32), number[whole]))
    return found


def frames() -> Iterator[Frame]:
    """Yield FRAMES frames on land around Potsdam.

    The twin knows coasts and cities to a quarter of a degree only.
    """
    number, left = 0, FRAMES
    while left:
        x, y = (REACH_DEG * (2 * float(uniform(SEED + k, number)[0]) - 1) for k in (61, 62))
        lon, lat, number = POTSDAM[0] + x, POTSDAM[1] + y, number + 1
        if float(land_share(points_at([[lon]], [[lat]]))[0, 0]) >= 0.6:
            epsg = utm_epsg(lon, lat)
            east, north = (round(v / 60) * 60 for v in transformer(4326, epsg).transform(lon, lat))
            left -= 1
            yield Frame(epsg, east, north, SIDE_PX, SIDE_PX)


def twin_tiles() -> list[Tile]:
    """Return tiles of TILE_PX pixels of the twin (synthetic), clear, at the moment of the real ones."""
    world = World(SEED, covers={MOMENT.date(): 0.0})
    found = []
    for frame in frames():
        cube, _ = world.hyperspectral(Acquisition("enmap", "ENMAP", MOMENT, "potsdam", frame), frame)
        ground = world.scenery(frame, MOMENT.date()).ground
        fraction, _ = averaged(ground.fraction_myx, ground.style_kyx)
        share = fraction.astype(np.float32) / np.maximum(fraction.sum(axis=0, dtype=np.float32), 1)
        number = np.full(share.shape[1:], -1)
        for k, (_, materials) in enumerate(CLASSES.values()):
            number[share[list(materials)].sum(axis=0) >= LEAST_SHARE] = k
        seen = cube[bands()]
        for row in range(0, SIDE_PX // 3, TILE_PX):
            for col in range(0, SIDE_PX // 3, TILE_PX):
                cut = slice(row, row + TILE_PX), slice(col, col + TILE_PX)
                found.append(Tile(seen[:, *cut].reshape(len(seen), -1).T, number[cut].ravel()))
    return found


def moments(tiles: list[Tile], k: int) -> F64:
    """Return of each tile with a class sums of bands, of their squares, and its pixels (tile, 2 b + 1)."""
    out = []
    for tile in tiles:
        own = tile.seen_nb[tile.class_n == k].astype(np.float64)
        if len(own):
            out.append([*own.sum(axis=0), *np.square(own).sum(axis=0), len(own)])
    return np.array(out)


def mean_and_spread(sums: F64) -> tuple[F64, F64]:
    """Return mean and standard deviation (b) of the pixels of some tiles, given their moments."""
    total = sums.sum(axis=0)
    first, second = (total[:-1] / total[-1]).reshape(2, -1)
    return first, np.sqrt(np.maximum(second - np.square(first), 0))


def interval(figure: Callable[..., float], *groups: Any) -> list[float]:
    """Return a figure of groups of tiles, and its 2.5 and 97.5 % bounds; all groups are drawn anew."""
    rng = np.random.default_rng(0)
    draws = [figure(*(g[rng.integers(0, len(g), len(g))] for g in groups)) for _ in range(DRAWS)]
    return [figure(*groups), *np.quantile(draws, (0.025, 0.975)).tolist()]


def by_class(real: list[Tile], made: list[Tile]) -> list[dict[str, Any]]:
    """Return how like the twin is to the real tiles, for each class that both have."""
    found, nm = [], band_table("ENMAP").centre_nm[bands()]
    shown = [int(np.abs(nm - at).argmin()) for at in SHOWN_NM]
    for k, name in enumerate(CLASSES):
        sums = [moments(tiles, k) for tiles in (real, made)]
        pixels = [int(s[:, -1].sum()) if len(s) else 0 for s in sums]
        if min(pixels) < FEWEST_PX:
            found.append({"class": name, "pixels": pixels})
            continue

        def off(a: F64, b: F64) -> float:
            return float(np.sqrt(np.mean(np.square(mean_and_spread(a)[0] - mean_and_spread(b)[0]))))

        def ratio(a: F64, b: F64) -> float:
            return float(np.median(mean_and_spread(b)[1] / mean_and_spread(a)[1]))

        figures: dict[str, Any] = {"rmse": interval(off, *sums), "spread": interval(ratio, *sums)}
        for kind, some in zip(("real", "twin"), sums, strict=True):
            mean, spread = mean_and_spread(some)
            figures[kind] = [[float(mean[b]), float(spread[b])] for b in shown]
        found.append({"class": name, "pixels": pixels, "tiles": [len(s) for s in sums]} | figures)
    return found


def scatter(tiles: list[Tile]) -> F64:
    """Return of each tile its pixels, their sums and products of bands, flat (tile, 1 + b + b b)."""
    out = []
    for tile in tiles:
        seen = tile.seen_nb.astype(np.float64)
        out.append(np.concatenate([[len(seen)], seen.sum(axis=0), (seen.T @ seen).ravel()]))
    return np.array(out)


def covariance(sums: F64) -> F64:
    """Return the covariance (b, b) of the pixels of some tiles, given their scatter."""
    total = sums.sum(axis=0)
    size = int(np.sqrt(len(total)))
    mean, products = total[1 : size + 1] / total[0], total[size + 1 :].reshape(size, size) / total[0]
    return np.asarray(products - np.outer(mean, mean))


def explained(real: F64, axes_bc: F64) -> float:
    """Return the share of the variance of real pixels that lies along some axes, about their own mean."""
    spread = covariance(real)
    return float(np.trace(axes_bc.T @ spread @ axes_bc) / np.trace(spread))


def axes(sums: F64) -> F64:
    """Return the first COMPONENTS principal axes (b, c) of the pixels of some tiles."""
    return np.asarray(np.linalg.eigh(covariance(sums))[1][:, -COMPONENTS:])


def figures() -> dict[str, Any]:
    """Return all that this script finds, as plain values."""
    real, made = real_tiles(), twin_tiles()
    own, theirs = scatter(made), scatter(real)
    from_twin, from_real = axes(own), axes(theirs[::2])
    return {
        "bands": int(bands().sum()),
        "tiles": [len(real), len(made)],
        "classes": by_class(real, made),
        "shown nm": list(SHOWN_NM),
        "components": COMPONENTS,
        "explained by the twin": interval(lambda r: explained(r, from_twin), theirs),
        "explained by half of the real tiles, of the other half": interval(
            lambda r: explained(r, from_real), theirs[1::2]
        ),
    }


if __name__ == "__main__":
    print(twin_report.enmap(figures()))
