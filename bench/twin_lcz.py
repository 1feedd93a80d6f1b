"""Print what LCZ networks trained on real cities call the twin's land: docs/explanation/twin-towns.md.

    EOMAP_SHARED=../shared python bench/twin_lcz.py --seed 11 --windows 60          # tuning
    EOMAP_SHARED=../shared python bench/twin_lcz.py --seed 901 --windows 60 --all    # held out, all networks

Windows of 32 x 32 pixels, as these networks want them, seen as Sentinel-2 L1C on scattered dates. Built ones
lie where real cities are and are one quarter throughout, so that the question is what a quarter looks like;
natural ones are cut anywhere on land where nine pixels of ten are of one zone. With --towns, built ones are
cut from whole cities, where four pixels of five are of one zone: then borders, parks and rivers count.
sen2lcz-mf is the judge that the twin's quarters were tuned on (with seeds below 900), so2sat-resnet20 was
never tuned on. Nothing here says how good these networks are: the land is synthetic.
"""

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import maps  # noqa: F401  says where the weights are
import numpy as np
import numpy.typing as npt

from eomap.core.grid import Frame, transformer, utm_epsg
from eomap.io.registry import model
from eomap.io.weights import bare_network, weights_path
from eomap.kernels.resample import interpolate
from eomap.nn.predict import single_thread
from eomap.nn.windows import Windowed
from eomap.sensors.sentinel2 import LCZ_BANDS
from eomap.twin import optical
from eomap.twin.atmosphere import Air
from eomap.twin.climate import CLIMATES, geography, land_share
from eomap.twin.earth import Site, points_at, points_of, uniform
from eomap.twin.ground import Land, land_of, scenery
from eomap.twin.land import Cover, wild_land
from eomap.twin.materials import Material
from eomap.twin.optical import Sun
from eomap.twin.people import Settlement
from eomap.twin.sun import sun_angles
from eomap.twin.town import built_surface, town_of

F32 = npt.NDArray[np.float32]
SIDE_PX, EDGE_PX = 32, 14
"""A window, and what is seen around it, since air blurs; with it, sides are multiples of 60 m."""
WHOLE_PX = SIDE_PX + 2 * EDGE_PX
PITCH_PX = 40
"""Windows are laid this far apart for the networks, which read cells of 10 pixels with a halo of 11."""
COARSE_PX, SEARCH_PX, CORNER_PX = 4, 640, 6
PURE, PURE_IN_TOWNS = 0.9, 0.8
CITY_PX = 360
BUILT, NATURAL = range(1, 11), range(11, 18)
JUDGES = ("sen2lcz-mf", "so2sat-resnet20")
MOST_SHADE_DEG = 70.0


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One window as a satellite sees it."""

    zone: int
    place: tuple[float, float]
    dn_byx: npt.NDArray[np.uint16]


def places(seed: int) -> Iterator[tuple[int, float, float]]:
    """Yield numbered places on land between 60 N and 45 S, longitude and latitude, without end."""
    number = 0
    while True:
        number += 1
        a, b = (float(uniform(seed + k, number)[0]) for k in (0, 1))
        low, high = math.sin(math.radians(-45)), math.sin(math.radians(60))
        lon, lat = -180 + 360 * a, math.degrees(math.asin(low + (high - low) * b))
        if float(land_share(points_at([[lon]], [[lat]]))[0, 0]) > 0.95:
            yield number, lon, lat


def cities(seed: int) -> Iterator[tuple[int, float, float]]:
    """Yield numbered places around real cities drawn at random, longitude and latitude, without end."""
    all_deg = geography().city_deg
    number = 0
    while True:
        number += 1
        pick, east, north = (float(uniform(seed + k, number)[0]) for k in (3, 4, 5))
        lon, lat = (float(a) for a in all_deg[int(pick * len(all_deg))])
        lat += 0.18 * (north - 0.5)
        if abs(lat) < 60:
            yield number, lon + 0.18 * (east - 0.5) / math.cos(math.radians(lat)), lat


def frame_at(lon: float, lat: float, side_px: int) -> Frame:
    """Return a square frame around a place, its corner a multiple of 60 m and of the coarse squares."""
    epsg = utm_epsg(lon, lat)
    x, y = transformer(4326, epsg).transform(lon, lat)
    x0, y0 = (int(v // 120) * 120 for v in (x - side_px * 5, y + side_px * 5))
    return Frame(epsg, x0, y0, side_px, side_px)


def pure_windows(frame: Frame, seed: int) -> dict[int, Frame]:
    """Return for each natural zone a window of a frame that looks pure on coarse squares, if any."""
    step = COARSE_PX
    wide = points_of(frame.sub(-step, frame.height + step, -step, frame.width + step), every_px=step)
    zone = wild_land(wide, seed, pixel_m=10.0 * step).zone_yx
    side = WHOLE_PX // step
    cells = np.lib.stride_tricks.sliding_window_view(zone, (side, side))[::6, ::6]  # 240 m: corners fit
    found = {}
    for code in range(11, 18):
        share = (cells == code).mean(axis=(2, 3))
        row, col = (int(v) for v in np.unravel_index(share.argmax(), share.shape))
        if share[row, col] >= PURE:
            top, left = row * 6 * step, col * 6 * step
            found[code] = frame.sub(top, top + WHOLE_PX, left, left + WHOLE_PX)
    return found


def town_windows(frame: Frame, seed: int) -> dict[int, Frame]:
    """Return for each built zone a window of a frame in a city where it prevails, if any."""
    zone = land_of(frame, seed).zone_yx[EDGE_PX:-EDGE_PX, EDGE_PX:-EDGE_PX]
    cells = np.lib.stride_tricks.sliding_window_view(zone, (SIDE_PX, SIDE_PX))[::CORNER_PX, ::CORNER_PX]
    found = {}
    for code in BUILT:
        share = (cells == code).mean(axis=(2, 3))
        row, col = (int(v) * CORNER_PX for v in np.unravel_index(share.argmax(), share.shape))
        if share.max() >= PURE_IN_TOWNS:
            found[code] = frame.sub(row, row + WHOLE_PX, col, col + WHOLE_PX)
    return found


def as_built(land: Land, frame: Frame, code: int, *, seed: int, number: int) -> Land:
    """Return land that is one quarter of some town throughout."""
    size, far, way = (float(uniform(seed + k, number, code)[0]) for k in (21, 22, 23))
    lon, lat = land.points.centre_deg
    reach = 0.02 * far
    site = Site(
        1 + number * 20 + code,
        lon + reach * math.cos(6.28 * way) / math.cos(math.radians(lat)),
        lat + reach * math.sin(6.28 * way),
    )
    climate = CLIMATES[int(land.wild.climate_yx[0, 0])].name
    town = town_of(Settlement(site, 10 ** (3.5 + 3 * size)), climate=climate, seed=seed)
    wide = points_of(frame.sub(-1, frame.height + 1, -1, frame.width + 1))
    zone = np.full(frame.shape, code, np.uint8)
    built = built_surface(wide, zone, town, seed=seed)
    cover = np.full(frame.shape, int(Cover.BUILT), np.uint8)
    shares = (np.clip(built.fraction_myx, 0, 1) * 255).astype(np.uint8)
    return replace(land, zone_yx=zone, cover_yx=cover, fraction_myx=shares)


def seen(land: Land, frame: Frame, code: int, *, seed: int, number: int) -> Seen | None:
    """Return a window on some day without snow and with the sun high enough; None if no such day is found."""
    lon, lat = land.points.centre_deg
    for attempt in range(5):
        when, haze, damp = (float(uniform(seed + k, number, code, attempt)[0]) for k in (31, 32, 33))
        noon = datetime(2021, 1, 1, 10, 30, tzinfo=UTC) - timedelta(hours=lon / 15)
        moment = noon + timedelta(days=int(365 * when))
        zenith, azimuth = (float(a) for a in sun_angles(lon, lat, moment))
        if zenith > MOST_SHADE_DEG:
            continue
        ground = scenery(land, moment.date(), seed).ground
        if ground.fraction_myx[Material.SNOW].mean() > 2:
            continue
        sun, air = Sun(zenith, azimuth), Air(0.04 + 0.2 * haze, 0.5 + 3.5 * damp)
        return Seen(code, (lon, lat), l1c(ground, frame, sun, air, seed=seed + number))
    return None


def l1c(ground: optical.Ground, frame: Frame, sun: Sun, air: Air, *, seed: int) -> npt.NDArray[np.uint16]:
    """Return the window's digital numbers (b, y, x): all bands at 10 m, as the engine brings them there."""
    table, index = optical.table_of("S2A")
    above = optical.air_optics("S2A", sun, air)
    lit = optical.illumination(ground, sun)
    out = []
    for k, name in enumerate(LCZ_BANDS):
        factor = optical.factor_of(name)
        surface = optical.coarser(optical.surface(ground, index[name], table=table, lit_yx=lit), factor)
        light = optical.above_air(surface, factor, above.band(name))
        dn = optical.digital_numbers(optical.noisy(light, frame, factor, seed=seed + 100 * k), offset_dn=0)
        at = (EDGE_PX + np.arange(SIDE_PX) + 0.5) / factor
        out.append(
            interpolate(dn, at, at, nodata=0) if factor > 1 else dn[EDGE_PX:-EDGE_PX, EDGE_PX:-EDGE_PX]
        )
    return np.stack(out)


def windows(seed: int, count: int, zones: list[int], *, towns: bool = False) -> list[Seen]:
    """Return `count` windows of each zone, or fewer where the land has no more in 40 places for each."""
    found: dict[int, list[Seen]] = {z: [] for z in zones}

    def lacking(kind: range) -> list[int]:
        return [z for z in zones if z in kind and len(found[z]) < count]

    for number, lon, lat in cities(seed):
        if not lacking(BUILT) or number > 40 * count:
            break
        if towns:
            for zone, frame in town_windows(frame_at(lon, lat, CITY_PX), seed).items():
                if zone in lacking(BUILT) and (
                    window := seen(land_of(frame, seed), frame, zone, seed=seed, number=number)
                ):
                    found[zone].append(window)
            continue
        frame = frame_at(lon, lat, WHOLE_PX)
        land = land_of(frame, seed)
        for zone in lacking(BUILT):
            built = as_built(land, frame, zone, seed=seed, number=number)
            if window := seen(built, frame, zone, seed=seed, number=number):
                found[zone].append(window)
    for number, lon, lat in places(seed):
        if not lacking(NATURAL) or number > 40 * count:
            break
        wild = pure_windows(frame_at(lon, lat, SEARCH_PX), seed)
        for zone in set(wild) & set(lacking(NATURAL)):
            land = land_of(wild[zone], seed)
            inner = slice(EDGE_PX, -EDGE_PX)
            pure = (land.zone_yx[inner, inner] == zone).mean() >= PURE
            if pure and (window := seen(land, wild[zone], zone, seed=seed, number=number)):
                found[zone].append(window)
    return [w for z in zones for w in found[z]]


def called(shown: list[Seen], judge: str) -> F32:
    """Return a network's probabilities (n, 17)."""
    predict = Windowed(bare_network(model(judge), weights_path(model(judge))))
    strip = np.ones((len(LCZ_BANDS), SIDE_PX, PITCH_PX * len(shown) - (PITCH_PX - SIDE_PX)), np.uint16)
    for k, window in enumerate(shown):
        strip[:, :, k * PITCH_PX : k * PITCH_PX + SIDE_PX] = window.dn_byx
    wanted = np.zeros((1, (strip.shape[2] - 2 * predict.halo_px) // 10), bool)
    wanted[0, :: PITCH_PX // 10] = True
    return predict(strip, wanted, origin_rc=(0, 0))[:, 0, :: PITCH_PX // 10].T


def report(shown: list[Seen], judge: str) -> None:
    """Print overall figures and what each zone is called."""
    probability = called(shown, judge)
    truth, said = np.array([w.zone for w in shown]), probability.argmax(axis=1) + 1
    rank = (probability > probability[np.arange(len(truth)), truth - 1][:, None]).sum(axis=1)
    zones = np.unique(truth)
    mean = np.mean([(said == z)[truth == z].mean() for z in zones])
    same_kind = ((said <= 10) == (truth <= 10)).mean()
    print(
        f"\n{judge}: {len(truth)} windows, OA {(said == truth).mean():.3f}, mean of zones {mean:.3f}, "
        f"among the first three {(rank < 3).mean():.3f}, built or natural {same_kind:.3f}"
    )
    print("| zone | n | right | is called |\n|---|---|---|---|")
    for zone in zones:
        names, counts = np.unique(said[truth == zone], return_counts=True)
        order = np.argsort(-counts)[:5]
        words = ", ".join(f"{names[k]}: {counts[k]}" for k in order)
        print(f"| {zone} | {counts.sum()} | {(said == zone)[truth == zone].mean():.2f} | {words} |")


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parse.add_argument("--seed", type=int, default=11)
    parse.add_argument("--windows", type=int, default=40, help="of each zone")
    parse.add_argument("--zones", type=int, nargs="*", default=list(range(1, 18)))
    parse.add_argument("--all", action="store_true", help="ask the network that was never tuned on, too")
    parse.add_argument("--towns", action="store_true", help="cut built windows from whole cities")
    given = parse.parse_args()
    single_thread()
    shown = windows(given.seed, given.windows, given.zones, towns=given.towns)
    print(f"synthetic land, seed {given.seed}")
    for judge in JUDGES if given.all else JUDGES[:1]:
        report(shown, judge)


if __name__ == "__main__":
    main()
