"""Print how a mask that learnt only from the twin's clouds sees other scenes, and make the scenes for it.

    EOMAP_SHARED=../shared python bench/twin_clouds.py [--scenes 90] [--ground real] [--real]

Trains on synthetic scenes, is scored on synthetic scenes of other seeds, and with `--real` on the labelled
scene of the shared folder. Needs lightgbm. Tuning uses the synthetic hold-out; every `--real` is a look at
the real scene, to be counted. `bench/twin_cloud_judges.py` shows such scenes to judges that know real clouds.

Scenes have 30 m pixels, for which ukis-csmask was made. Classes: 0 clear, 1 cloud (thick or thin), 2 shadow.
Intervals: 95 %, bootstrap over squares of 32 x 32 pixels. docs/explanation/twin.md has the figures.
"""

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import lightgbm
import numpy as np
import numpy.typing as npt
from maps import DATA
from masks import load
from scipy import ndimage

from eomap.core.grid import Frame, transformer, utm_epsg
from eomap.twin.atmosphere import Air, Optics
from eomap.twin.climate import land_share
from eomap.twin.earth import points_at, points_of
from eomap.twin.ground import land_of, scenery
from eomap.twin.optical import Sun, above_air, air_optics, illumination, surface, table_of
from eomap.twin.sky import SHADOW, THICK_CLOUD, THIN_CLOUD, sky_of, through
from eomap.twin.sun import sun_angles
from eomap.twin.weather import explicit

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
PIXELS_PER_PIXEL, BLOCK_PX, SIDE_PX = 3, 32, 256
CLEAR_SCENES = (
    ("S2_L1C_20200604T054639_20200604T054831_T43RCP", slice(None)),
    ("S2_L1C_Brazil_20210723", slice(None)),
    ("S2_L1C_Denmark_20171030", slice(None)),
    ("S2_L1C_Tanzania_20230610", slice(None)),
    ("S2A_MSIL1C_20170216T102101_T33UUU_clip", slice(0, 660)),
)
"""Real L1C scenes and the columns of them without clouds."""
NAMES = ("clear", "cloud", "shadow")
UKIS_BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")
SATELLITE = "S2A"
WAYS = ((1, 0, 0), (1, 0, 0), (0.6, 0, 0.4), (0, 1, 0), (0.5, 0.5, 0), (0, 0, 1), (0.4, 0.3, 0.3))
"""Weights of heaps, sheets and ice: half of all scenes have heaps only or mostly."""


@dataclass(frozen=True)
class Place:
    """Where and when a scene is taken."""

    frame: Frame
    day: date
    sun: Sun
    seed: int


Ground = Callable[[Place, Optics, tuple[str, ...]], dict[str, F32]]
"""Reflectance of each band above the air without clouds (y, x), 30 m pixels."""


@dataclass(frozen=True)
class Scene:
    """A synthetic scene: reflectance above clouds by band (y, x), and the classes 0, 1, 2."""

    seen: dict[str, F32]
    truth_yx: U8


def twin_ground(place: Place, air: Optics, names: tuple[str, ...]) -> dict[str, F32]:
    """Return the twin's own land above clear air: pixels of 10 m, then means, as the real scenes' are."""
    ground = scenery(land_of(place.frame, place.seed), place.day, place.seed).ground
    table, number = table_of(SATELLITE)
    lit = illumination(ground, place.sun)
    out = {}
    for n in names:
        fine = surface(ground, number[n], table=table, lit_yx=lit)
        out[n] = above_air(_means(fine, PIXELS_PER_PIXEL), PIXELS_PER_PIXEL, air.band(n))
    return out


def real_ground(place: Place, air: Optics, names: tuple[str, ...]) -> dict[str, F32]:
    """Return a real clear scene, mirrored at its edges until it fills the frame; its own air is in it."""
    scene, cols = CLEAR_SCENES[place.seed // 7 % len(CLEAR_SCENES)]
    out = {}
    for name, dn in load(DATA / "catalog/sentinel-2-l1c" / scene, names).items():
        coarse = _means(dn[:, cols].astype(np.float32) / 10_000, PIXELS_PER_PIXEL)
        want = (n // PIXELS_PER_PIXEL for n in place.frame.shape)
        pad = [(0, max(0, w - n)) for w, n in zip(want, coarse.shape, strict=True)]
        height, width = (n // PIXELS_PER_PIXEL for n in place.frame.shape)
        out[name] = np.pad(coarse, pad, mode="symmetric")[:height, :width]
    return out


GROUNDS: dict[str, Ground] = {"twin": twin_ground, "real": real_ground}


def _means(field: F32, factor: int) -> F32:
    height, width = (n // factor for n in field.shape)
    whole = field[: height * factor, : width * factor]
    return whole.reshape(height, factor, width, factor).mean(axis=(1, 3), dtype=np.float32)


def places(count: int, *, side_px: int, seed: int) -> Iterator[Place]:
    """Yield random places on land and days on which the sun stands high enough at half past ten."""
    rng = np.random.default_rng(seed)
    while count:
        lon, lat = float(rng.uniform(-180, 180)), math.degrees(math.asin(rng.uniform(-0.8, 0.87)))
        day = date(2022, 1, 1) + timedelta(days=int(rng.integers(0, 365)))
        if float(land_share(points_at([[lon]], [[lat]]))[0, 0]) < 0.8:
            continue
        epsg = utm_epsg(lon, lat)
        x, y = (round(v / 60) * 60 for v in transformer(4326, epsg).transform(lon, lat))
        side = side_px * PIXELS_PER_PIXEL
        moment = datetime(day.year, day.month, day.day, 10, 30, tzinfo=UTC) - timedelta(hours=lon / 15)
        zenith, azimuth = (float(a) for a in sun_angles(lon, lat, moment))
        if zenith < 70:
            count -= 1
            yield Place(Frame(epsg, x, y, side, side), day, Sun(zenith, azimuth), int(rng.integers(1 << 24)))


def way(place: Place) -> tuple[float, float, float]:
    """Return the weights of heaps, sheets and ice over a place."""
    return WAYS[place.seed % len(WAYS)]


def scene(place: Place, names: tuple[str, ...], ground: Ground) -> Scene:
    """Return the scene of a place: random cover and haze, clouds over the ground, noise of the detector."""
    rng = np.random.default_rng(place.seed)
    heaps, sheets, ice = way(place)
    weather = explicit(float(rng.uniform(0.1, 0.8)), cumulus=heaps, stratus=sheets, cirrus=ice)
    haze = Air(float(np.clip(0.12 * np.exp(0.7 * rng.normal()), 0.02, 0.8)), float(rng.uniform(0.5, 4)))
    air = air_optics(SATELLITE, place.sun, haze)
    points = points_of(place.frame, every_px=PIXELS_PER_PIXEL)
    sun = {"sun_zenith_deg": place.sun.zenith_deg, "sun_azimuth_deg": place.sun.azimuth_deg}
    sky = sky_of(points, weather=weather, seed=place.seed, **sun)
    seen = {}
    table, number = table_of(SATELLITE)
    for name, below in ground(place, air, names).items():
        nm = float(table.centre_nm[number[name]])
        above = through(below, sky, at=air.band(name), wavelength_nm=nm, sun_zenith_deg=place.sun.zenith_deg)
        noise = rng.normal(0, 0.001, above.shape) + above * rng.normal(0, 0.01)
        seen[name] = (above + noise).astype(np.float32)
    classes = sky.classes()
    truth = np.where(np.isin(classes, (THICK_CLOUD, THIN_CLOUD)), 1, np.where(classes == SHADOW, 2, 0))
    return Scene(seen, truth.astype(np.uint8))


def confusions(truth_yx: U8, found_yx: U8, n: int) -> F64:
    """Return confusion matrices (block, truth, found) of squares of BLOCK_PX pixels."""
    out = []
    for row in range(0, truth_yx.shape[0], BLOCK_PX):
        for col in range(0, truth_yx.shape[1], BLOCK_PX):
            cut = slice(row, row + BLOCK_PX), slice(col, col + BLOCK_PX)
            pairs = truth_yx[cut].astype(int) * n + found_yx[cut]
            out.append(np.bincount(pairs.ravel(), minlength=n * n).reshape(n, n))
    return np.array(out, np.float64)


def kappa(matrix: F64) -> float:
    total = matrix.sum()
    agreed, chance = np.trace(matrix) / total, (matrix.sum(0) * matrix.sum(1)).sum() / total**2
    return float((agreed - chance) / (1 - chance))


def row(title: str, blocks: F64, names: tuple[str, ...] = NAMES) -> str:
    """Return a line of the table: kappa with its interval, accuracy, share of each class found and right."""
    rng = np.random.default_rng(0)
    draws = [kappa(blocks[rng.integers(0, len(blocks), len(blocks))].sum(0)) for _ in range(1000)]
    low, high = np.quantile(draws, (0.025, 0.975))
    m = blocks.sum(0)
    parts = [f"{n} {m[k, k] / m[k].sum():.3f} / {m[k, k] / m[:, k].sum():.3f}" for k, n in enumerate(names)]
    accuracy = np.trace(m) / m.sum()
    return f"| {title} | {kappa(m):.3f} ({low:.3f} to {high:.3f}) | {accuracy:.3f} | {' | '.join(parts)} |"


def features(bands: list[F32]) -> F32:
    """Return what the classifier sees of each pixel (y, x, feature): its spectrum and its surroundings."""
    blue, green, red, nir, swir, swir2 = bands

    def ratio(a: F32, b: F32) -> F32:
        return (a - b) / (a + b + np.float32(1e-3))

    out = [
        *bands,
        ratio(nir, red),
        ratio(green, swir),
        ratio(swir, swir2),
        ratio(nir, swir),
        ratio(blue, red),
    ]
    out += [blue - 0.5 * red, blue - 0.3 * red, np.minimum(np.minimum(blue, green), red)]
    for band in (blue, nir, swir):
        for size in (3, 9, 31, 91):
            mean = ndimage.uniform_filter(band, size, mode="reflect")
            out += [mean, band - mean]
        mean = ndimage.uniform_filter(band, 5, mode="reflect")
        square = ndimage.uniform_filter(band * band, 5, mode="reflect")
        out.append(np.sqrt(np.maximum(square - mean * mean, 0)))
        out.append(ndimage.grey_closing(ndimage.uniform_filter(band, 3), 41) - band)
    out += [band - np.median(band) for band in (nir, swir)]
    out.append(ndimage.uniform_filter((blue > 0.25).astype(np.float32), 61))
    return np.stack(out, -1).astype(np.float32)


def smoothed(model: lightgbm.Booster, bands: list[F32]) -> U8:
    """Return the classes of a scene, from probabilities averaged over 5 x 5 pixels."""
    seen = features(bands)
    chance = np.asarray(model.predict(seen.reshape(-1, seen.shape[-1]))).reshape(*seen.shape[:2], 3)
    return ndimage.uniform_filter(chance, (5, 5, 1)).argmax(-1).astype(np.uint8)


def transfer(count: int, ground: Ground, *, real: bool) -> None:
    rng = np.random.default_rng(5)
    xs, ys = [], []
    for place in places(count, side_px=SIDE_PX, seed=11):
        made = scene(place, UKIS_BANDS, ground)
        seen = features([made.seen[n] for n in UKIS_BANDS])
        chosen = rng.choice(made.truth_yx.size, 4000, replace=False)
        xs.append(seen.reshape(-1, seen.shape[-1])[chosen])
        ys.append(made.truth_yx.ravel()[chosen])
    x, y = np.concatenate(xs), np.concatenate(ys)
    print(f"{count} scenes, {len(y)} pixels, shares {np.bincount(y) / len(y)}")
    how = {"objective": "multiclass", "num_class": 3, "num_leaves": 63, "learning_rate": 0.06, "seed": 0}
    how |= {"min_data_in_leaf": 200, "feature_fraction": 0.6, "bagging_fraction": 0.8, "bagging_freq": 1}
    weight = (len(y) / 3 / np.bincount(y))[y]  # every class counts the same
    data = lightgbm.Dataset(x, y, weight=weight)
    model = lightgbm.train(how | {"num_threads": 2, "verbose": -1, "deterministic": True}, data, 300)
    print("| tested on | kappa | accuracy | found / right, per class |\n|---|---|---|---|")
    held = []
    for place in places(12, side_px=SIDE_PX, seed=12):
        made = scene(place, UKIS_BANDS, ground)
        held.append(confusions(made.truth_yx, smoothed(model, [made.seen[n] for n in UKIS_BANDS]), 3))
    print(row("12 synthetic scenes of other places", np.concatenate(held)))
    if real:
        with np.load(DATA / "cloud/ukis_sentinel2.npz") as file:
            image, mask = file["img"], file["msk"].squeeze()
        truth = np.where(mask == 4, 1, np.where(mask == 0, 2, 0)).astype(np.uint8)
        found = smoothed(model, [np.ascontiguousarray(image[..., k]) for k in range(6)])
        print(row("the real scene", confusions(truth, found, 3)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--scenes", type=int, default=90)
    parser.add_argument("--ground", choices=tuple(GROUNDS), default="twin")
    parser.add_argument("--real", action="store_true")
    asked = parser.parse_args()
    transfer(asked.scenes, GROUNDS[asked.ground], real=asked.real)
