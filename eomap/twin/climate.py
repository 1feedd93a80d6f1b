"""Where land and climates lie, and what a climate means for plants, clouds and snow.

Coast and Koeppen-Geiger class come from a table on a quarter of a degree (`tables/geography.npz`, made by
`jobs/twin-tables/geography.py`); what is finer is made up. The numbers of each climate below are round, of
the order that textbooks give; none is fitted to a network.
"""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from eomap.twin.earth import F32, F64, Points

U8 = npt.NDArray[np.uint8]
CELLS_PER_DEGREE = 4


@dataclass(frozen=True, slots=True)
class Climate:
    """What grows, and what the sky is like, in a group of Koeppen-Geiger classes."""

    name: str
    trees: float
    """Shares of the land before people came: dense trees, scattered trees, bush, grass; the rest is bare."""
    scattered: float
    bush: float
    grass: float
    conifer: float
    """Share of the trees that keep needles."""
    crops: float
    """Share of the flat land that is farmed where people live."""
    people: float
    """How densely villages stand, 0 to 1."""
    canopy_m: float
    """Height of a grown dense forest."""
    cover_summer: float
    """Mean cloud cover in July (of the hemisphere)."""
    cover_winter: float
    mean_c: float
    """Air temperature at sea level: yearly mean, and half of the difference of July and January."""
    swing_c: float


CLIMATES: tuple[Climate, ...] = (
    Climate("rain forest", 0.78, 0.10, 0.05, 0.06, 0.00, 0.25, 0.5, 32, 0.70, 0.65, 26, 2),
    Climate("savanna", 0.22, 0.30, 0.18, 0.26, 0.00, 0.35, 0.6, 14, 0.65, 0.30, 25, 4),
    Climate("desert", 0.00, 0.01, 0.07, 0.07, 0.00, 0.02, 0.1, 5, 0.15, 0.25, 22, 11),
    Climate("steppe", 0.03, 0.10, 0.25, 0.46, 0.10, 0.35, 0.4, 8, 0.30, 0.40, 16, 11),
    Climate("mediterranean", 0.20, 0.24, 0.28, 0.22, 0.35, 0.40, 0.8, 13, 0.20, 0.55, 15, 8),
    Climate("temperate", 0.38, 0.10, 0.06, 0.44, 0.35, 0.60, 1.0, 24, 0.55, 0.70, 11, 8),
    Climate("continental", 0.50, 0.12, 0.08, 0.27, 0.50, 0.50, 0.8, 22, 0.50, 0.65, 6, 14),
    Climate("boreal", 0.55, 0.22, 0.10, 0.11, 0.85, 0.03, 0.1, 14, 0.60, 0.70, -3, 18),
    Climate("tundra", 0.01, 0.05, 0.26, 0.48, 0.60, 0.00, 0.03, 4, 0.70, 0.65, -9, 12),
    Climate("ice", 0.00, 0.00, 0.00, 0.02, 0.00, 0.00, 0.0, 0, 0.60, 0.60, -25, 14),
    Climate("subtropical", 0.44, 0.12, 0.09, 0.32, 0.25, 0.60, 1.0, 24, 0.55, 0.70, 17, 9),
)
_GROUP = (
    *(0, 0, 0, 1, 1),  # (sea,) Af Am As Aw
    *(3, 3, 2, 2),  # BSh BSk BWh BWk
    *(10, 5, 5, 4, 4, 4, 10, 10, 5),  # Cfa Cfb Cfc Csa Csb Csc Cwa Cwb Cwc
    *(6, 6, 7, 7, 6, 6, 7, 7, 6, 6, 7, 7),  # Dfa Dfb Dfc Dfd Dsa Dsb Dsc Dsd Dwa Dwb Dwc Dwd
    *(9, 8),  # EF ET
)
"""Index into CLIMATES of each Koeppen-Geiger class of the table."""


@dataclass(frozen=True, slots=True)
class Geography:
    """The table: rows from 90 N to 90 S, columns from 180 W."""

    land_rc: F32
    """Share of land, 0 to 1."""
    climate_rc: U8
    """Index into CLIMATES."""
    city_deg: F32
    """Longitude and latitude (n, 2) of large cities, largest first."""
    city_population: npt.NDArray[np.uint32]


@lru_cache(maxsize=1)
def geography() -> Geography:
    """Return the table that comes with eomap."""
    with (
        resources.as_file(resources.files("eomap.twin") / "tables" / "geography.npz") as path,
        np.load(path) as file,
    ):
        group = np.array(_GROUP, np.uint8)[file["climate"]]
        share = file["land"].astype(np.float32) / np.float32(255)
        return Geography(share, group, file["city_deg"], file["city_population"])


def land_share(points: Points) -> F32:
    """Return the share of land around each point, 0 to 1, linear between the table's cells."""
    return points.drawn(lambda at: _between_cells(geography().land_rc, at))


def mean_cover(points: Points, day: date) -> F32:
    """Return the mean cloud cover of a place at this time of the year, 0 to 1; continuous in both."""
    number = day.timetuple().tm_yday

    def cover(at: Points) -> F32:
        summer, winter = (_between_cells(t, at) for t in _cover_tables())
        north = 0.5 - 0.5 * np.cos(2 * np.pi * (number - 20) / 365.25)  # 1 in July
        share = np.clip(0.5 + at.lat_deg / 20, 0, 1)  # how much a place shares the north's seasons
        warm = (share * north + (1 - share) * (1 - north)).astype(np.float32)
        return winter + warm * (summer - winter)

    return points.drawn(cover)


@lru_cache(maxsize=1)
def _cover_tables() -> tuple[F32, F32]:
    code = geography().climate_rc
    summer, winter = (of_climate(code, name) for name in ("cover_summer", "cover_winter"))
    return _blurred(summer), _blurred(winter)


def _blurred(table: F32) -> F32:
    """Return the table without steps: weather knows no border between climates. About three degrees wide."""
    for axis in (0, 1) * 3:
        table = np.mean([np.roll(table, k, axis) for k in range(-3, 4)], axis=0, dtype=np.float32)
    return table


def _between_cells(table: F32, points: Points) -> F32:
    """Return a table's values at points, linear between the middles of its cells."""
    row, col = _cell(points.lon_deg, points.lat_deg)
    r, c = np.floor(row), np.floor(col)
    down, along = (row - r).astype(np.float32), (col - c).astype(np.float32)
    r0, c0 = r.astype(np.int64), c.astype(np.int64)
    rows = [np.clip(r0 + k, 0, table.shape[0] - 1) for k in (0, 1)]
    cols = [(c0 + k) % table.shape[1] for k in (0, 1)]
    north, south = (table[k, cols[0]] * (1 - along) + table[k, cols[1]] * along for k in rows)
    return north * (1 - down) + south * down


def climate_at(points: Points, seed: int) -> U8:
    """Return the index into CLIMATES of each point; borders are ragged, not those of the table's cells."""
    row = points.drawn(lambda at: _cell(at.lon_deg, at.lat_deg)[0].astype(np.float32))
    col = points.drawn(lambda at: _cell(at.lon_deg, at.lat_deg)[1].astype(np.float32))
    row += np.float32(0.6) * points.fractal(60_000, seed, octaves=6)
    col += np.float32(0.6) * points.fractal(60_000, seed + 1, octaves=6)
    table = geography().climate_rc
    rows = np.clip(np.rint(row).astype(np.int64), 0, table.shape[0] - 1)
    return table[rows, np.rint(col).astype(np.int64) % table.shape[1]]


def _cell(lon_deg: F64, lat_deg: F64) -> tuple[F64, F64]:
    """Return row and column of places in the table, counted from the middle of its first cell."""
    return (90 - lat_deg) * CELLS_PER_DEGREE - 0.5, (lon_deg + 180) * CELLS_PER_DEGREE - 0.5


def of_climate(climate_yx: U8, name: str) -> F32:
    """Return one number of each pixel's climate (y, x), e.g. its `trees`."""
    return np.array([getattr(c, name) for c in CLIMATES], np.float32)[climate_yx]


@lru_cache(maxsize=1)
def strangers() -> U8:
    """Return, for each of CLIMATES, the index of the one whose plants differ most from its own."""
    plants = np.array([(c.trees, c.scattered, c.bush, c.grass, c.conifer, c.crops) for c in CLIMATES])
    return np.abs(plants[:, None] - plants[None]).sum(axis=2).argmax(axis=1).astype(np.uint8)
