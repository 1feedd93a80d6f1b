"""Print how the clear-sky masks do on every real scene, as the Markdown of docs/explanation/cloud-masks.md.

    EOMAP_SHARED=../shared python bench/masks.py

Needs the extra `s2cloudless` and, for the land use of the Havel scene, geopandas. One thread, one minute.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
from rasterio.features import rasterize

from eomap.sensors.boxes import box_sum, dilate, erode
from eomap.sensors.cloudmask import S2CLOUDLESS_BANDS, bands_needed, clear_by_s2cloudless, clear_by_spectrum

DATA = Path(os.environ.get("EOMAP_SHARED", Path(__file__).parents[2] / "shared")) / "data"
HAVEL = "S2A_MSIL1C_20170216T102101_T33UUU_clip"

CLOUDY = (
    "S2A_L1C_Slovenia_20150731",
    "S2A_L1C_Slovenia_20150820",
    "S2_L1C_20200823T054639_20200823T055618_T43RCP",
    HAVEL,
)


def scenes() -> Iterator[tuple[Path, str]]:
    for level in ("L1C", "L2A"):
        for folder in sorted((DATA / "catalog" / f"sentinel-2-{level.lower()}").glob("*/")):
            yield folder, level


def load(folder: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return bands (y, x) at 10 m, reflectance x 10000, offset removed, 0 for nodata."""
    item = json.loads(next(folder.glob("*.json")).read_text())
    shape, dn = None, {}
    for name in ("B02", *(n for n in names if n != "B02")):
        asset = item["assets"][name]
        with rasterio.open(folder / asset["href"]) as file:
            raw = file.read(1)
        shape = shape or raw.shape
        y, x = (np.arange(n) * m // n for n, m in zip(shape, raw.shape, strict=True))
        shift = round(asset.get("raster:bands", [{"offset": 0}])[0]["offset"] * 10_000)
        dn[name] = np.where(raw > 0, np.clip(raw.astype(int) + shift, 1, 65_535), 0).astype(np.uint16)[y][
            :, x
        ]
    return dn


def spectral(folder: Path, level: str) -> np.ndarray:
    return clear_by_spectrum(load(folder, bands_needed(level, "spectral")), level)


def scene_table() -> None:
    print(
        "| scene | level | spectral: not clear | s2cloudless: not clear | agreement |\n|---|---|---|---|---|"
    )
    for folder, level in scenes():
        mask = spectral(folder, level)
        reference = clear_by_s2cloudless(load(folder, S2CLOUDLESS_BANDS), level) if level == "L1C" else None
        theirs = "" if reference is None else f"{1 - reference.mean():.3f}"
        same = "" if reference is None else f"{(mask == reference).mean():.3f}"
        print(f"| {folder.name[:38]} | {level} | {1 - mask.mean():.3f} | {theirs} | {same} |")


def vietnam() -> None:
    folder = next((DATA / "catalog/sentinel-2-l2a").glob("S2B_MSIL2A_20200223*"))
    with rasterio.open(folder / "cloud_mask.tif") as file:
        asset = file.read(1)
    values = dict(zip(*(v.tolist() for v in np.unique(asset, return_counts=True)), strict=True))
    mask = spectral(folder, "L2A")
    print(f"\nVietnam: values of its own cloud_mask {values}; agreement {((asset == 0) == mask).mean():.4f}")


def havel() -> None:
    folder = DATA / "catalog/sentinel-2-l1c" / HAVEL
    rule, reference = spectral(folder, "L1C"), clear_by_s2cloudless(load(folder, S2CLOUDLESS_BANDS), "L1C")
    shadow = shadow_trial(load(folder, bands_needed("L1C", "spectral")))
    with rasterio.open(folder / "B02.jp2") as file:
        epsg, shape, transform = file.crs.to_epsg(), file.shape, file.transform
    landuse = gpd.read_file(next((DATA / "labels/osm_havel").glob("gis_osm*.gpkg"))).to_crs(epsg)
    print("\n| Havel, OSM land use | pixels | spectral | s2cloudless | spectral alone | shadow trial |")
    print("|---|---|---|---|---|---|")
    for name, polygons in landuse.groupby("fclass"):
        inside = rasterize(polygons.geometry, out_shape=shape, transform=transform).astype(bool)
        if inside.sum() < 1000:
            continue
        shares = (~rule, ~reference, ~rule & reference, shadow)
        print(f"| {name} | {inside.sum()} | " + " | ".join(f"{s[inside].mean():.3f}" for s in shares) + " |")


def hand_labels() -> None:
    with np.load(DATA / "cloud/ukis_sentinel2.npz") as file:
        image, label = file["img"], file["msk"][..., 0]
    names = ("B02", "B03", "B04", "B08", "B11")
    dn = {n: np.round(image[..., k] * 10_000).astype(np.uint16) for k, n in enumerate(names)}
    cloud = ~clear_by_spectrum(dn, "L1C")
    print("\n| ukis scene, cloud against rest | accuracy | kappa | cloud found | rest kept |")
    print("|---|---|---|---|---|")
    grown = dilate(label == 4, 6)
    for words, truth in (("labels as drawn", label == 4), ("labels grown by the same 6 px", grown)):
        accuracy = (cloud == truth).mean()
        chance = cloud.mean() * truth.mean() + (1 - cloud.mean()) * (1 - truth.mean())
        kappa = (accuracy - chance) / (1 - chance)
        figures = (accuracy, kappa, cloud[truth].mean(), 1 - cloud[~truth].mean())
        print(f"| {words} | " + " | ".join(f"{v:.3f}" for v in figures) + " |")
    shadow = shadow_trial(dn)
    found = {
        n: f"{shadow[(label == v) & ~cloud].mean():.3f}"
        for n, v in (("shadow", 0), ("water", 1), ("land", 3))
    }
    print(f"\nShadow trial on the ukis scene, share flagged by label: {found}")


def shadow_trial(dn: dict[str, np.ndarray]) -> np.ndarray:
    """Return where a simple shadow rule fires: dark NIR and SWIR, still green, within 1 km of cloud."""
    clear = clear_by_spectrum(dn, "L1C")
    red, nir, swir = (box_sum(dn[n], 2).astype(np.int64) for n in ("B04", "B08", "B11"))
    dark = (nir < 25 * 2000) & (swir < 25 * 1200) & (7 * nir > 13 * red)
    return dilate(erode(dark & clear & dilate(~clear, 100), 2), 4) & clear


def surface_trial() -> None:
    """Cloudy L1C scenes made L2A by the straight lines of a clear pair, against their own L1C mask."""
    catalog, names = DATA / "catalog", bands_needed("L2A", "spectral")
    print("\n| L1C scene as L2A | line of | L1C cloud found | L1C clear lost |\n|---|---|---|---|")
    for pair in ("20200604T054639_20200604T054831_T43RCP", "Brazil_20210723"):
        above = load(catalog / f"sentinel-2-l1c/S2_L1C_{pair}", names)
        below = load(catalog / f"sentinel-2-l2a/S2_L2A_{pair}", names)
        line = {n: np.polyfit(above[n].ravel(), below[n].ravel(), 1) for n in names}
        for scene in CLOUDY:
            dn = load(catalog / "sentinel-2-l1c" / scene, bands_needed("L1C", "spectral"))
            cloud = ~clear_by_spectrum(dn, "L1C")
            surface = {n: np.clip(np.polyval(line[n], dn[n]), 1, 65_535).astype(np.uint16) for n in names}
            found = ~clear_by_spectrum(surface, "L2A")
            print(
                f"| {scene[:26]} | {pair[:8]} | {found[cloud].mean():.3f} | {(found & ~cloud).mean():.3f} |"
            )


def speed() -> None:
    dn = load(DATA / "catalog/sentinel-2-l1c" / HAVEL, (*S2CLOUDLESS_BANDS, "B03"))
    for name, mask in (("spectral", clear_by_spectrum), ("s2cloudless", clear_by_s2cloudless)):
        start = time.process_time()
        mask(dn, "L1C")
        print(f"\n{name}: {dn['B02'].size / 1e6 / (time.process_time() - start):.2f} Mpix per CPU-second")


if __name__ == "__main__":
    scene_table()
    vietnam()
    havel()
    hand_labels()
    surface_trial()
    speed()
