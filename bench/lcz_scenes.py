"""Print how the LCZ networks do on the other real scenes: docs/explanation/lcz-havel.md.

    EOMAP_SHARED=../shared python bench/lcz_scenes.py

Maps by the engine with its own cloud mask. Truth where there is some: the Esri 10 m land cover (Brazil,
Denmark, Tanzania) and the land use of Slovenia, on lattice cells more than half of one class. Three minutes.
"""

import itertools

import numpy as np
import numpy.typing as npt
import rasterio
from maps import BARE, BUILT, BUSH, DATA, LOW_PLANTS, TREES, WATER, LczMap, item, lcz_map, networks
from pyproj import Transformer
from rasterio.transform import from_bounds

GROUPS = {"1-10": BUILT, "A B": TREES, "C": BUSH, "D": LOW_PLANTS, "E F": BARE, "G": WATER}
ESRI = {1: WATER, 2: TREES, 4: LOW_PLANTS, 5: BUILT, 6: BARE, 9: (*BUSH, *LOW_PLANTS)}
"""Esri code to the LCZ that count as right: rangeland may be bush or low plants."""
SLOVENIA = {1: LOW_PLANTS, 2: TREES, 3: LOW_PLANTS, 4: BUSH, 8: BUILT}
"""Cultivated land, forest, grassland, shrubs, artificial surfaces."""
N_CODES = 12


def truth_of(name: str) -> tuple[npt.NDArray, rasterio.Affine, int, dict[int, tuple[int, ...]]] | None:
    """Return codes (y, x), their transform, zone and meaning for a scene; None where nobody labelled it."""
    place = next((p for p in ("Brazil", "Denmark", "Tanzania") if p in name), None)
    if place:
        with rasterio.open(DATA / f"catalog/labels/LABEL_{place}/lulc.tif") as file:
            return file.read(1), file.transform, file.crs.to_epsg(), ESRI
    if "Slovenia" in name:
        codes = np.load(DATA / "series/slovenia/mask_timeless/LULC.npy")[..., 0]
        with rasterio.open(DATA / f"catalog/sentinel-2-l1c/{name}/B02.tif") as file:
            return codes, from_bounds(*file.bounds, *codes.shape[::-1]), file.crs.to_epsg(), SLOVENIA
    return None


def majority(truth: tuple, made: LczMap) -> npt.NDArray[np.int64]:
    """Return the code that more than half of a lattice cell's pixels have, 0 where there is none (y, x)."""
    codes, transform, epsg, _ = truth
    rows, cols = np.indices(codes.shape)
    x, y = transform * (cols.ravel() + 0.5, rows.ravel() + 0.5)
    lon, lat = Transformer.from_crs(epsg, 4326, always_xy=True).transform(x, y)
    window, step = made.window, made.window.step / 12_000
    col = np.floor((np.asarray(lon) + 180) / step).astype(int) - window.col0
    row = np.floor((90 - np.asarray(lat)) / step).astype(int) - window.row0
    keep = (row >= 0) & (row < window.shape[0]) & (col >= 0) & (col < window.shape[1])
    counts = np.zeros((*window.shape, N_CODES), int)
    np.add.at(counts, (row[keep], col[keep], codes.ravel()[keep]), 1)
    total = counts.sum(axis=-1)
    # A cell cut by the edge of the labels has few pixels: at least half of a whole cell must be there.
    sure = (2 * counts.max(axis=-1) > total) & (total > 0.5 * np.median(total[total > 0]))
    return np.where(sure, counts.argmax(axis=-1), 0)


def n_right(
    codes: npt.NDArray[np.uint8], truth: npt.NDArray[np.int64], meaning: dict[int, tuple[int, ...]]
) -> int:
    """Return how many cells are called one of the zones that their truth means."""
    return sum(int((np.isin(codes, zones) & (truth == k)).sum()) for k, zones in meaning.items())


def main() -> None:
    names = networks()
    pairs = list(itertools.combinations(names, 2))
    print("| scene | level | cells seen | " + " | ".join(f"{a} = {b}" for a, b in pairs) + " | labelled | "
          + " | ".join(f"{n}: right" for n in names) + " | " + " | ".join(f"{n}: false built" for n in names)
          + " |\n|" + "---|" * (4 + len(pairs) + 2 * len(names)))  # fmt: skip
    called = []
    for level in ("l1c", "l2a"):
        collection = f"sentinel-2-{level}"
        for folder in sorted((DATA / "catalog" / collection).glob("*/")):
            if "MSIL1C" in folder.name:
                continue  # Havel: lcz_havel.py
            maps = {n: lcz_map(item(collection, folder.name), n, "spectral") for n in names}
            codes = {n: m.codes for n, m in maps.items()}
            seen = codes[names[0]] > 0
            label = f"{folder.name[:30]} | {level.upper()}"
            for name in names if seen.any() else ():
                shares = (np.isin(codes[name], g)[seen].mean() for g in GROUPS.values())
                called.append(f"| {label} | {name} | " + " | ".join(f"{s:.2f}" for s in shares) + " |")
            same = [f"{(codes[a] == codes[b])[seen].mean():.3f}" if seen.any() else "" for a, b in pairs]
            truth = truth_of(folder.name)
            right, wrong, n = [""] * len(names), [""] * len(names), ""
            if truth and seen.any():
                code = majority(truth, maps[names[0]])
                known = seen & np.isin(code, list(truth[3]))
                n, built = str(known.sum()), [k for k, v in truth[3].items() if v == BUILT]
                right = [str(n_right(codes[m], code * known, truth[3])) for m in names]
                wrong = [str((np.isin(codes[m], BUILT) & known & ~np.isin(code, built)).sum()) for m in names]
            print("| " + " | ".join((label, str(seen.sum()), *same, n, *right, *wrong)) + " |", flush=True)
    print("\n| share of cells called | level | network | " + " | ".join(GROUPS) + " |")
    print("|" + "---|" * (3 + len(GROUPS)), *called, sep="\n")


if __name__ == "__main__":
    main()
