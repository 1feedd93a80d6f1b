"""Where samples are taken: places over the whole land, most where the maps are difficult, split by region.

Two fifths lie where people live. Train, validation and test are squares of 15 degrees of the globe, hashed by
the seed, so no place is judged by a network that saw its neighbourhood.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from eomap.core.grid import Frame, transformer, utm_epsg
from eomap.errors import MisuseError
from eomap.twin.climate import geography, land_share
from eomap.twin.earth import points_at, uniform
from eomap.twin.ground import land_of
from eomap.twin.land import Cover
from eomap.twin.people import radius_m, settlements

SPLITS = ("train", "val", "test")
KINDS: Mapping[str, float] = {
    "city": 0.22,
    "village": 0.18,
    "farmland": 0.17,
    "forest": 0.18,
    "wild": 0.15,
    "coast": 0.10,
}
"""Share of each kind of place: the first two are where people live."""
REGION_DEG = 15
_SHARES = (0.70, 0.12, 0.18)
"""Of the regions, for train, val and test."""
_EDGE_DEG = 0.1
"""Places keep so far from a region's border, 11 km in the north of it and less east."""
SIDE_PX, ALIGNED_M = 270, 300
"""Pixels of 10 m along a place; places are whole numbers of cells of 20, 30, 60 and 100 m."""
_YEARS = (2019, 2024)
_SOUTH, _NORTH = -56.0, 70.0


@dataclass(frozen=True, slots=True)
class Place:
    """One square of land and the year in which it is looked at."""

    epsg: int
    x0: int
    """West and north side in metres, multiples of ALIGNED_M."""
    y0: int
    lon_deg: float
    """Of its middle."""
    lat_deg: float
    year: int
    kind: str
    """One of KINDS."""
    split: str
    """One of SPLITS."""
    key: int
    """The seed of all that is drawn for it."""

    def frame(self, side_px: int = SIDE_PX) -> Frame:
        """Return its pixels of 10 m."""
        return Frame(self.epsg, self.x0, self.y0, side_px, side_px)


def split_of(lon_deg: float, lat_deg: float, seed: int) -> str:
    """Return which split the region of a place belongs to.

    >>> split_of(1.0, 1.0, 7) == split_of(14.9, 14.9, 7)
    True
    """
    row, col = math.floor(lat_deg / REGION_DEG), math.floor(lon_deg / REGION_DEG)
    luck = float(uniform(seed + 31, row, col)[0])
    return SPLITS[int(np.searchsorted(np.cumsum(_SHARES)[:-1], luck, side="right"))]


def places(wanted: Mapping[str, int], *, seed: int, side_px: int = SIDE_PX) -> tuple[Place, ...]:
    """Return so many places of each split, in order of split and of kind by turns; equal for equal arguments.

    `wanted` counts places by split. Raises MisuseError for another split or a side that holds no whole cells.
    """
    if side_px <= 0 or side_px * 10 % ALIGNED_M:
        raise MisuseError("places", expected="a side of whole 30 px", got=f"{side_px} px")
    if strange := [s for s in wanted if s not in SPLITS]:
        raise MisuseError("places", expected=f"splits {', '.join(SPLITS)}", got=", ".join(strange))
    open_ = Counter({(s, k): n for s in SPLITS for k, n in _quotas(wanted.get(s, 0)).items() if n})
    found: dict[tuple[str, str], list[Place]] = {}
    for place in _candidates(seed, side_px, open_):
        key = (place.split, place.kind)
        found.setdefault(key, []).append(place)
        open_[key] -= 1
        if not +open_:
            break
    return tuple(p for s in SPLITS for p in _by_turns([found.get((s, k), []) for k in KINDS]))


def _quotas(count: int) -> dict[str, int]:
    """Return how many places of each kind make so many: the rest goes to the largest remainders."""
    exact = {kind: share * count for kind, share in KINDS.items()}
    quotas = {kind: int(v) for kind, v in exact.items()}
    for kind in sorted(exact, key=lambda k: quotas[k] - exact[k])[: count - sum(quotas.values())]:
        quotas[kind] += 1
    return quotas


def _by_turns(groups: list[list[Place]]) -> Iterator[Place]:
    for n in range(max((len(g) for g in groups), default=0)):
        yield from (g[n] for g in groups if n < len(g))


def _candidates(seed: int, side_px: int, open_: Mapping[tuple[str, str], int]) -> Iterator[Place]:
    """Yield places whose split and kind are still asked for, without end."""
    rng = np.random.default_rng([seed, 15])
    while True:
        group = str(rng.choice(["city", "village", "land"], p=(0.25, 0.25, 0.5)))
        lon, lat = _drawn(group, seed, rng)
        year, key = int(rng.integers(_YEARS[0], _YEARS[1] + 1)), int(rng.integers(1 << 31))
        if not _fits(lon, lat):
            continue
        split = split_of(lon, lat, seed)
        if not any(n > 0 for (s, _), n in open_.items() if s == split):
            continue
        epsg = utm_epsg(lon, lat)
        x, y = transformer(4326, epsg).transform(lon, lat)
        half = side_px * 5
        x0, y0 = (round(v / ALIGNED_M) * ALIGNED_M for v in (x - half, y + half))
        frame = Frame(epsg, x0, y0, side_px, side_px)
        kind = group if group != "land" else _kind_of(frame, lon, lat, seed)
        if kind and open_.get((split, kind), 0) > 0 and (kind == "coast" or _dry(frame, seed)):
            yield Place(epsg, x0, y0, lon, lat, year, kind, split, key)


def _drawn(group: str, seed: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return longitude and latitude of a candidate: near a real city, a made-up village, or anywhere."""
    if group == "city":
        table = geography()
        n, turn, far = int(rng.integers(len(table.city_deg))), rng.uniform(0, 2 * math.pi), rng.random()
        lon, lat = (float(v) for v in table.city_deg[n])
        return _moved(lon, lat, turn, 1.5 * far * radius_m(float(table.city_population[n])))
    lon = float(rng.uniform(-179.5, 179.5))
    lat = math.degrees(math.asin(rng.uniform(math.sin(math.radians(_SOUTH)), math.sin(math.radians(_NORTH)))))
    if group == "village":
        near = [s for s in settlements(points_at([[lon]], [[lat]]), seed + 900) if s.population < 100_000]
        if near:
            chance = np.sqrt([s.population for s in near])
            town = near[int(rng.choice(len(near), p=chance / chance.sum()))]
            turn, far = rng.uniform(0, 2 * math.pi), rng.random()
            return _moved(town.site.lon_deg, town.site.lat_deg, turn, far * radius_m(town.population))
        return 999.0, 0.0
    return lon, lat


def _moved(lon: float, lat: float, turn: float, far_m: float) -> tuple[float, float]:
    up = far_m * math.sin(turn) / 111_195
    return lon + far_m * math.cos(turn) / 111_195 / max(0.1, math.cos(math.radians(lat))), lat + up


def _fits(lon: float, lat: float) -> bool:
    """Say whether a place lies where samples are taken, away from the borders of regions."""
    if not (-179.5 < lon < 179.5 and _SOUTH < lat < _NORTH):
        return False
    return all(_EDGE_DEG < v % REGION_DEG < REGION_DEG - _EDGE_DEG for v in (lon, lat))


def _kind_of(frame: Frame, lon: float, lat: float, seed: int) -> str:
    """Return what covers most of a place; empty for the sea."""
    share = float(land_share(points_at([[lon]], [[lat]]))[0, 0])
    if share < 0.15:
        return ""
    cover = land_of(frame, seed, every_px=frame.height // 10).cover_yx
    water = float((cover == Cover.WATER).mean())
    if water > 0.9:
        return ""
    if share < 0.85 and water > 0.05:
        return "coast"
    if float((cover == Cover.CROP).mean()) > 0.35:
        return "farmland"
    return "forest" if float((cover == Cover.TREES).mean()) > 0.5 else "wild"


def _dry(frame: Frame, seed: int) -> bool:
    """Say whether less than half of a place lies under water."""
    return float((land_of(frame, seed, every_px=frame.height // 10).cover_yx == Cover.WATER).mean()) < 0.5


def middles(some: tuple[Place, ...]) -> np.ndarray:
    """Return longitude and latitude (n, 2), degrees, of the places' middles."""
    return np.array([(p.lon_deg, p.lat_deg) for p in some], np.float32).reshape(-1, 2)
