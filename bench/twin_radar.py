"""Print how near the twin's radar comes to real Sentinel-1; the twin's figures are of synthetic images.

    EOMAP_SHARED=../shared python bench/twin_radar.py

The real label map (Esri 10 m classes) and terrain of each scene are given to the twin's radar with the pass
of that day, then both images are measured alike. Soil moisture, wind and what rangeland is (`PLACES`) were
set by hand per place to fit the means, as was the table of `eomap.twin.radar`: class means are a calibration,
not a test. Looks, correlations and windows were not fitted to these scenes, but for SPECKLE_LAG1.
Kalimantan: sigma nought of 24 dates, forest and sea told apart by the mean over dates; 14 m pixels.
"""

import json
import time
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from maps import DATA

from eomap.core.grid import Frame
from eomap.twin.earth import points_of
from eomap.twin.land import Cover
from eomap.twin.orbits import SENTINEL1, Pass, moment_at, passes_over
from eomap.twin.radar import LOOKS, Ground, observed, view_of

F64 = npt.NDArray[np.float64]
PLACES: dict[str, tuple[float, float, Cover]] = {
    "Tanzania": (0.10, 4.0, Cover.SHRUB),
    "Brazil": (0.25, 3.5, Cover.SHRUB),
    "Denmark": (0.35, 7.0, Cover.GRASS),
}
"""Soil moisture, wind in m/s and the cover that Esri's rangeland is."""
NAMES = {1: "water", 2: "trees", 4: "crops", 5: "built", 6: "bare", 9: "rangeland"}
COVERS = {1: Cover.WATER, 2: Cover.TREES, 4: Cover.CROP, 5: Cover.BUILT, 6: Cover.BARE}
WINDOW, FEWEST_PX = 7, 700


def db(power: Any) -> float:
    return float(10 * np.log10(np.mean(power)))


def lag1(power: F64) -> float:
    """Return the correlation of neighbours, mean of both directions; NaN pixels are left out."""
    pairs = (power[1:], power[:-1]), (power[:, 1:], power[:, :-1])
    found = []
    for a, b in pairs:
        seen = np.isfinite(a) & np.isfinite(b)
        found.append(np.corrcoef(a[seen], b[seen])[0, 1])
    return float(np.mean(found))


def window_looks(power: F64) -> F64:
    """Return mean squared over variance of every WINDOW x WINDOW square, its quartiles."""
    views = np.lib.stride_tricks.sliding_window_view(power, (WINDOW, WINDOW))[::3, ::3]
    return np.percentile(views.mean((2, 3)) ** 2 / views.var((2, 3)), [25, 50, 75])


def flight_of(lon: float, lat: float, moment: datetime) -> Pass:
    """Return the pass whose cycle comes nearest to a real moment."""
    cycle_s = SENTINEL1.cycle_days / 2 * 86_400  # two satellites

    def away_s(flight: Pass) -> float:
        since = (moment_at(flight, lon, lat) - moment).total_seconds() % cycle_s
        return min(since, cycle_s - since)

    return min(passes_over(SENTINEL1, "S1A", lon, lat), key=away_s)


def name_of(flight: Pass) -> str:
    return f"{flight.relative_orbit:03d}{'d' if flight.descending else 'a'}"


def ground_of(code: npt.NDArray[np.uint8], dem: F64, place: str, frame: Frame) -> Ground:
    moisture, wind, rangeland = PLACES[place]
    shape = code.shape
    cover = np.full(shape, Cover.GRASS, np.uint8)
    for esri, our in {**COVERS, 9: rangeland}.items():
        cover[code == esri] = our
    points = points_of(frame)
    north, east = np.gradient(dem, -10.0, 10.0)

    def flat(value: float) -> npt.NDArray[np.float32]:
        return np.full(shape, value, np.float32)

    return Ground(
        cover_yx=cover,
        tree_yx=np.where(cover == Cover.TREES, 0.95, 0.0).astype(np.float32),
        canopy_m_yx=flat(16),
        building_yx=np.where(cover == Cover.BUILT, 0.25, 0.0).astype(np.float32),
        building_m_yx=flat(5),
        street_angle_yx=points.fractal(600, 2, octaves=2).astype(np.float32),
        moisture_yx=flat(moisture),
        snow_yx=flat(0),
        wind_m_s_yx=flat(wind),
        style_yx=np.clip(points.fractal(160, 1, octaves=4, gain=0.7), -2.5, 2.5),
        east_yx=east.astype(np.float32),
        north_yx=north.astype(np.float32),
    )


def scenes() -> list[dict[str, Any]]:
    """Return the real and the twin's images of the three places."""
    found = []
    for folder in sorted((DATA / "catalog/sentinel-1-rtc").glob("S1_RTC_*")):
        place, day = folder.name.split("_")[2:]
        real = {}
        for band in ("vv", "vh"):
            with rasterio.open(folder / f"{band}.tif") as file:
                real[band] = 10 ** (file.read(1).astype(float) / 10)
                epsg, corner = file.crs.to_epsg(), (file.transform.c, file.transform.f)
        labels = DATA / f"catalog/labels/LABEL_{place}"
        with rasterio.open(labels / "lulc.tif") as lulc, rasterio.open(labels / "dem.tif") as relief:
            code, dem = lulc.read(1), relief.read(1).astype(float)
        found.append(
            {"place": place, "day": day, "real": real, "code": code}
            | made(code, dem, place, folder, epsg, corner)
        )
    return found


def made(
    code: npt.NDArray[np.uint8], dem: F64, place: str, folder: Path, epsg: int, corner: tuple[float, float]
) -> dict[str, Any]:
    said = json.loads((folder / f"{folder.name}.json").read_text())["properties"]["datetime"]
    moment = datetime.fromisoformat(said.replace("Z", "+00:00"))
    frame = Frame(epsg, 10 * round(corner[0] / 10), 10 * round(corner[1] / 10), *code.shape)
    ground = ground_of(code, dem, place, frame)
    points = points_of(frame)
    flight = flight_of(*points.centre_deg, moment)
    view = view_of(flight, points)
    row, col = -frame.y0 // 10, frame.x0 // 10
    started = time.process_time()
    image = observed(
        ground,
        view,
        rows=slice(row + 1, row + code.shape[0] - 1),
        cols=slice(col + 1, col + code.shape[1] - 1),
        pass_name=name_of(flight),
        day=moment.date(),
        seed=1,
    )
    spent = (time.process_time() - started) / image.vv_yx.size * 1e6
    twin = {"vv": image.vv_yx.astype(float), "vh": image.vh_yx.astype(float)}
    return {
        "twin": twin,
        "pass": name_of(flight),
        "moment": moment,
        "us": spent,
        "incidence_deg": float(np.degrees(view.incidence_yx.mean())),
    }


def main() -> None:
    inner = (slice(1, -1), slice(1, -1))
    found = scenes()
    print(
        "| place | pass | class | pixels | VV real | VV twin | dB off | VH real | VH twin | dB off |\n|"
        + "---|" * 10
    )
    for s in found:
        code = s["code"][inner]
        for esri, name in NAMES.items():
            of = code == esri
            if of.sum() < FEWEST_PX:
                continue
            row = [s["place"], f"{s['pass']} {s['incidence_deg']:.0f} deg", name, str(of.sum())]
            for band in ("vv", "vh"):
                real, twin = db(s["real"][band][inner][of]), db(s["twin"][band][of])
                row += [f"{real:.1f}", f"{twin:.1f}", f"{twin - real:+.1f}"]
            print("| " + " | ".join(row) + " |")
    print(
        "\n| place | band | lag 1 real | lag 1 twin | window looks real (quartiles) | twin |\n|" + "---|" * 6
    )
    for s in found:
        for band in ("vv", "vh"):
            real, twin = s["real"][band][inner], s["twin"][band]
            looks = [" ".join(f"{v:.1f}" for v in window_looks(a)) for a in (real, twin)]
            print(
                f"| {s['place']} | {band} | {lag1(real):.3f} | {lag1(twin):.3f} | {looks[0]} | {looks[1]} |"
            )
    print("\nmicroseconds per pixel of both polarisations, small scenes:", [round(s["us"], 2) for s in found])
    speckle_alone()
    kalimantan()


def even(cover: Cover, size: int, **truth: float) -> Ground:
    """Return flat ground of one cover and even style."""
    values = dict.fromkeys((f for f in Ground.__dataclass_fields__ if f != "cover_yx"), 0.0) | truth
    arrays = {name: np.full((size, size), value, np.float32) for name, value in values.items()}
    return Ground(cover_yx=np.full((size, size), cover, np.uint8), **arrays)


def speckle_alone() -> None:
    print("\n| product | looks asked | VV measured | VH | lag 1 VV | VH |\n|---|---|---|---|---|---|")
    size = 1502
    flight = passes_over(SENTINEL1, "S1A", 13.0, 52.4)[0]
    points = points_of(Frame(32633, 300_000, 5_800_000, size, size))
    ground = even(Cover.TREES, size, tree_yx=1.0, canopy_m_yx=20.0, moisture_yx=0.2)
    for product in LOOKS:
        view = view_of(flight, points)
        started = time.process_time()
        image = observed(
            ground, view, rows=slice(1, size - 1), cols=slice(1, size - 1), pass_name=name_of(flight),
            day=date(2024, 6, 1), seed=3, product=product,
        )  # fmt: skip
        spent = (time.process_time() - started) / size**2 * 1e6
        bands = [a.astype(float) for a in (image.vv_yx, image.vh_yx)]
        looks = " | ".join(f"{a.mean() ** 2 / a.var():.2f}" for a in bands)
        print(
            f"| {product} | {LOOKS[product]} | {looks} | "
            + " | ".join(f"{lag1(a):.3f}" for a in bands)
            + " |"
        )
        print(f"(microseconds per pixel, both polarisations: {spent:.3f})")


def kalimantan() -> None:
    series: dict[str, list[F64]] = {"vv": [], "vh": []}
    for folder in sorted((DATA / "catalog/sentinel-1-grd").glob("S1_GRD_Kalimantan_*")):
        for band, looks in series.items():
            with rasterio.open(folder / f"{band}.tif") as file:
                looks.append(10 ** (file.read(1).astype(float) / 1000))
    real = {band: np.array(looks) for band, looks in series.items()}
    forest = (real["vv"].mean(0) > 10**-1.1) & (real["vh"].mean(0) > 10**-1.7)
    sea = real["vh"].mean(0) < 10**-2.3
    flight = flight_of(119.22, 5.38, datetime.fromisoformat("2017-05-12T21:49:15+00:00"))
    size = 402
    points = points_of(Frame(32650, 744_000, 595_000, size, size))
    days = [date(2017, 1 + k // 2, 1 + 12 * (k % 2)) for k in range(24)]
    print("\n| Kalimantan, 24 dates | sigma VV real | twin | sigma VH real | twin |\n|---|---|---|---|---|")
    stacks = {}
    for name, of, cover, truth in (
        ("forest", forest, Cover.TREES, {"tree_yx": 1.0, "canopy_m_yx": 25.0}),
        ("sea", sea, Cover.WATER, {}),
    ):
        ground = even(cover, size, moisture_yx=0.3, wind_m_s_yx=2.5, **truth)
        images = [
            observed(
                ground, view_of(flight, points), rows=slice(1, size - 1), cols=slice(1, size - 1),
                pass_name=name_of(flight), day=d, seed=3, product="GRD",
            )
            for d in days
        ]  # fmt: skip
        stacks[name] = np.array([i.vv_yx for i in images]), np.array([i.vh_yx for i in images])
        values = [
            f"{db(a):.1f}"
            for k, band in enumerate(("vv", "vh"))
            for a in (real[band][:, of], stacks[name][k])
        ]
        print(f"| {name} | " + " | ".join(values) + " |")
    ratio = {band: stack / stack.mean(0) for band, stack in real.items()}
    between = np.corrcoef(ratio["vv"][0][forest], ratio["vv"][9][forest])[0, 1]
    across = np.corrcoef(ratio["vv"][3][forest], ratio["vh"][3][forest])[0, 1]
    vv, vh = (a.reshape(24, -1) for a in stacks["forest"])
    print(
        f"correlation of two dates, real {between:.3f}, twin {np.corrcoef(vv[0], vv[9])[0, 1]:.3f};", end=" "
    )
    print(f"of VV and VH, real {across:.3f}, twin {np.corrcoef(vv[3], vh[3])[0, 1]:.3f}")


if __name__ == "__main__":
    main()
