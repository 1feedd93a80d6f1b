"""Print how cloud masks do on every real scene and on held-out places of the twin (synthetic), as Markdown.

    EOMAP_SHARED=../shared python bench/masks.py [real] [labelled] [twin] [speed] [--json FILE]

Needs the extras `s2cloudless` and `ukis`; one that is not installed is left out. One thread, five minutes.
Masks are compared bare, without the growth that `clear_mask` adds. Classes: 0 clear (snow too), 1 cloud,
2 shadow; for our network also thin, thick and snow. `labelled` looks at the hand-labelled scene: count it.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio

from eomap.io.cloud_weights import load_cloud_network
from eomap.nn import clouds_s
from eomap.sensors import ukis
from eomap.sensors.boxes import dilate
from eomap.sensors.cloud_shadow import SunAt, shadow_of
from eomap.sensors.cloudmask import (
    NETWORK_BANDS,
    NETWORK_CLOUD,
    S2CLOUDLESS_BANDS,
    SHADOW_REACH_PX,
    bands_needed,
    clear_by_s2cloudless,
    clear_by_spectrum,
)
from eomap.sensors.water_snow import is_snow, is_water

DATA = Path(os.environ.get("EOMAP_SHARED", Path(__file__).parents[2] / "shared")) / "data"
RECIPE = Path(__file__).parents[1] / "models" / "eomap-clouds-s"
HAVEL = "S2A_MSIL1C_20170216T102101_T33UUU_clip"
TWIN_SEED, TWIN_PLACES, TWIN_SIDE_PX = 4_711, 12, 1_020
LABELLED_REACH_PX = SHADOW_REACH_PX // 3
"""600 m in pixels of 30 m: the labelled scene does not state its own, its authors work at about that."""
METHODS = ("spectral", "spectral, cast", "s2cloudless", "s2cloudless, cast", "ukis, bare", "ukis", "network")
U8 = npt.NDArray[np.uint8]
Dn = dict[str, npt.NDArray[np.uint16]]
COARSE = {clouds_s.CLEAR: 0, clouds_s.THIN: 1, clouds_s.THICK: 1, clouds_s.SHADOW: 2, clouds_s.SNOW: 0}


def scenes() -> Iterator[tuple[Path, str]]:
    """Yield the folders of all real scenes and their levels."""
    for level in ("L1C", "L2A"):
        for folder in sorted((DATA / "catalog" / f"sentinel-2-{level.lower()}").glob("*/")):
            yield folder, level


def load(folder: Path, names: tuple[str, ...]) -> Dn:
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


def network_classes(dn: Dn, level: str, *, every_px: int = 2) -> U8:
    """Return the five classes of our network."""
    network = load_cloud_network(every_px=every_px)
    return network([dn[n] for n in NETWORK_BANDS], corrected=level == "L2A", origin_px=(0, 0))


def found_by(method: str, dn: Dn, level: str, sun: SunAt | None) -> U8 | None:
    """Return 0, 1 or 2 (y, x), or None where a method cannot say anything of a scene."""
    name, _, cast = method.partition(", ")
    if (cast == "cast" and sun is None) or (name == "s2cloudless" and level != "L1C"):
        return None
    if name == "network":
        five = network_classes(dn, level)
        return coarse(five, dn)
    if name == "ukis":
        return ukis.classes_by_ukis(dn, level, guarded=cast != "bare")
    clear = {"spectral": clear_by_spectrum, "s2cloudless": clear_by_s2cloudless}[name](dn, level)
    out = (~clear).astype(np.uint8)
    if cast and sun is not None:
        out[shadow_of(~clear, dn["B08"], spared_yx=is_snow(dn) | is_water(dn), sun=sun)] = 2
    return out


def coarse(five: U8, dn: Dn, *, reach_px: int = SHADOW_REACH_PX) -> U8:
    """Return 0, 1, 2 as `clear_mask` takes the network's classes: not all of its shadow counts."""
    out = np.array([COARSE[c] for c in range(5)], np.uint8)[np.minimum(five, 4)]
    out[(out == 2) & (is_water(dn) | ~dilate(np.isin(five, NETWORK_CLOUD), reach_px))] = 0
    return out


def available() -> tuple[str, ...]:
    """Return the methods whose packages are installed."""
    missing = []
    for package, name in (("s2cloudless", "s2cloudless"), ("ukis_csmask", "ukis")):
        try:
            __import__(package)
        except ImportError:
            missing.append(name)
    return tuple(m for m in METHODS if m.partition(",")[0] not in missing)


def real() -> dict:
    """Print the share of every real scene that each method hides, and what our network calls it."""
    methods = tuple(m for m in available() if "," not in m)
    print("| scene | level | " + " | ".join(methods) + " | thin | thick | shadow | snow |")
    print("|---" * (6 + len(methods)) + "|")
    out = {}
    for folder, level in scenes():
        names = dict.fromkeys(
            (*NETWORK_BANDS, *bands_needed(level, "spectral"), *(S2CLOUDLESS_BANDS if level == "L1C" else ()))
        )
        dn = load(folder, tuple(names))
        hidden = {m: found_by(m, dn, level, None) for m in methods}
        shares = {m: None if f is None else float((f > 0).mean()) for m, f in hidden.items()}
        five = np.bincount(network_classes(dn, level).ravel(), minlength=256)[:5] / dn["B02"].size
        cells = ["" if v is None else f"{v:.3f}" for v in shares.values()] + [f"{v:.3f}" for v in five[1:]]
        print(f"| {folder.name[:26]} | {level} | " + " | ".join(cells) + " |")
        out[f"{folder.name[:26]} {level}"] = {**shares, "classes": five.tolist()}
    return out


def havel() -> dict:
    """Print the share of each land use of the Havel scene that is hidden: none is cloudier by itself."""
    import geopandas as gpd
    from rasterio.features import rasterize

    folder = DATA / "catalog/sentinel-2-l1c" / HAVEL
    dn = load(folder, tuple(dict.fromkeys((*NETWORK_BANDS, *S2CLOUDLESS_BANDS))))
    methods = tuple(m for m in available() if "," not in m)
    found = {m: found_by(m, dn, "L1C", None) for m in methods}
    with rasterio.open(folder / "B02.jp2") as file:
        epsg, shape, transform = file.crs.to_epsg(), file.shape, file.transform
    landuse = gpd.read_file(next((DATA / "labels/osm_havel").glob("gis_osm*.gpkg"))).to_crs(epsg)
    print("\n| Havel, OSM land use | pixels | " + " | ".join(methods) + " | network: shadow |")
    print("|---" * (3 + len(methods)) + "|")
    out = {}
    for name, polygons in landuse.groupby("fclass"):
        inside = rasterize(polygons.geometry, out_shape=shape, transform=transform).astype(bool)
        if inside.sum() < 1000:
            continue
        shares = [float((found[m][inside] > 0).mean()) for m in methods]
        shares.append(float((found["network"][inside] == 2).mean()))
        print(f"| {name} | {inside.sum()} | " + " | ".join(f"{s:.3f}" for s in shares) + " |")
        out[str(name)] = shares
    return out


def labelled() -> dict:
    """Print the scores on the hand-labelled scene: clear, cloud, shadow."""
    with np.load(DATA / "cloud/ukis_sentinel2.npz") as file:
        image, label = file["img"], file["msk"][..., 0]
    dn = {n: np.round(image[..., k] * 10_000).astype(np.uint16) for k, n in enumerate(NETWORK_BANDS)}
    truth = np.where(label == 4, 1, np.where(label == 0, 2, 0))
    # The scene comes at the pixel size for which networks like ukis are made: no change of size here.
    ours = coarse(network_classes(dn, "L1C", every_px=1), dn, reach_px=LABELLED_REACH_PX)
    rows = {"spectral": (~clear_by_spectrum(dn, "L1C")).astype(int), "network": ours}
    if "ukis" in available():
        rows["ukis"] = as_it_is(image)
    print(
        "\n| labelled scene | kappa | accuracy | clear found / right | cloud | shadow |\n" + "|---" * 6 + "|"
    )
    return {name: scored(name, matrix_of(truth, found, 3)) for name, found in rows.items()}


def as_it_is(image: npt.NDArray[np.float32]) -> U8:
    """Return what ukis-csmask says of an image in its own pixels."""
    from ukis_csmask.mask import CSmask

    made = CSmask(image.astype(np.float32).copy(), list(ukis.NAMES), product_level="l1c")
    return made.csm[..., 0]


def matrix_of(truth: npt.NDArray, found: npt.NDArray, n: int) -> npt.NDArray[np.float64]:
    """Return the confusion matrix (truth, found) of the pixels whose truth is below n."""
    known = truth < n
    pairs = truth[known].astype(int) * n + found[known]
    return np.bincount(pairs, minlength=n * n).reshape(n, n).astype(float)


def scored(name: str, m: npt.NDArray[np.float64]) -> dict:
    """Print and return kappa, accuracy, and the share of each class that is found and rightly called so."""
    total = m.sum()
    accuracy, chance = np.trace(m) / total, (m.sum(0) * m.sum(1)).sum() / total**2
    kappa = (accuracy - chance) / (1 - chance)
    found, right = np.diag(m) / m.sum(1), np.diag(m) / np.maximum(m.sum(0), 1)
    parts = [f"{f:.3f} / {r:.3f}" for f, r in zip(found, right, strict=True)]
    print(f"| {name} | {kappa:.3f} | {accuracy:.3f} | " + " | ".join(parts) + " |")
    return {"kappa": kappa, "accuracy": accuracy, "found": found.tolist(), "right": right.tolist()}


def twin() -> dict:
    """Print what each method makes of the five true classes on places of the twin not learnt from."""
    sys.path.insert(0, str(RECIPE))
    from scenes import BANDS, places, scenes_of

    names = tuple(dict.fromkeys((*BANDS, *S2CLOUDLESS_BANDS)))
    sums: dict[tuple[str, str], npt.NDArray] = {}
    own: dict[str, npt.NDArray] = {}
    for place in places(TWIN_PLACES, seed=TWIN_SEED, pixels=(1,), side_px=TWIN_SIDE_PX):
        made = next(scenes_of(place, 1, bands=names))
        sun = SunAt(place.sun.zenith_deg, place.sun.azimuth_deg)
        for level, stack in (("L1C", made.above_byx), ("L2A", made.corrected_byx)):
            dn, bare = dict(zip(names, stack, strict=False)), None
            for method in available():
                if method.startswith("ukis") and level == "L2A":
                    continue  # half of all time for nothing new
                guarded = method == "ukis" and bare is not None
                found = np.where((bare == 2) & (is_snow(dn) | is_water(dn)), 0, bare) if guarded else None
                found = found_by(method, dn, level, sun) if found is None else found
                if found is None:
                    continue
                bare = found if method == "ukis, bare" else bare
                counts = [np.bincount(found[made.truth_yx == c], minlength=3) for c in range(5)]
                sums[method, level] = sums.get((method, level), 0) + np.array(counts, float)
            five = matrix_of(made.truth_yx, np.minimum(network_classes(dn, level), 4), 5)
            own[level] = own.get(level, 0) + five
    print(
        "\n| twin (synthetic) | level | kappa of 3 | clear kept | thin: cloud | thick: cloud | shadow found |"
    )
    print("| shadow right | snow: cloud | snow: shadow |\n" + "|---" * 10 + "|")
    out = {}
    for (method, level), m in sums.items():
        three = np.array([m[0] + m[4], m[1] + m[2], m[3]])
        accuracy, chance = np.trace(three) / three.sum(), (three.sum(0) @ three.sum(1)) / three.sum() ** 2
        share = m / m.sum(axis=1, keepdims=True)
        figures = {
            "kappa": (accuracy - chance) / (1 - chance),
            "clear kept": share[0, 0],
            "thin found": share[1, 1],
            "thick found": share[2, 1],
            "shadow found": share[3, 2],
            "shadow right": m[3, 2] / max(m[:, 2].sum(), 1),
            "snow called cloud": share[4, 1],
            "snow called shadow": share[4, 2],
        }
        print(f"| {method} | {level} | " + " | ".join(f"{v:.3f}" for v in figures.values()) + " |")
        out[f"{method} {level}"] = {k: float(v) for k, v in figures.items()}
    print("\n| network on the twin (synthetic) | kappa | accuracy | " + " | ".join(clouds_s.CLASSES) + " |")
    print("|---" * 8 + "|")
    return {"three": out, "five": {level: scored(level, m) for level, m in own.items()}, "synthetic": True}


def speed() -> dict:
    """Print CPU-seconds a million pixels of 10 m."""
    dn = load(
        DATA / "catalog/sentinel-2-l1c" / HAVEL, tuple(dict.fromkeys((*NETWORK_BANDS, *S2CLOUDLESS_BANDS)))
    )
    network = load_cloud_network()
    ways: dict[str, Callable[[], object]] = {
        "spectral": lambda: clear_by_spectrum(dn, "L1C"),
        "network": lambda: network([dn[n] for n in NETWORK_BANDS], corrected=False, origin_px=(0, 0)),
    }
    if "s2cloudless" in available():
        ways["s2cloudless"] = lambda: clear_by_s2cloudless(dn, "L1C")
    if "ukis" in available():
        ways["ukis"] = lambda: ukis.classes_by_ukis(dn, "L1C")
    out = {}
    print("\n| method | CPU-s per Mpx |\n|---|---|")
    for name, run in ways.items():
        run()
        start = time.process_time()
        run()
        out[name] = (time.process_time() - start) / (dn["B02"].size / 1e6)
        print(f"| {name} | {out[name]:.2f} |")
    return out


PARTS = {"real": real, "havel": havel, "labelled": labelled, "twin": twin, "speed": speed}
if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=list(PARTS))
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    report = {part: PARTS[part]() for part in asked.parts}
    if asked.json:
        asked.json.write_text(json.dumps(report, indent=1) + "\n")
