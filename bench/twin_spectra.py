"""Print how near the twin's materials come to real Sentinel-2 L2A: eomap/twin/tables/README.md.

    EOMAP_SHARED=../shared python bench/twin_spectra.py Tanzania Brazil

Per class of the Esri 10 m land cover: the RMSE over the ten 10 and 20 m bands between the real class mean
and the nearest mixture of two to four materials that such ground may hold (`OWN_ALLOWED`), fractions not
negative, at most `SHADE` of shade and at least `OWN` of the class's own materials; with mean spectra
("plain") and with each variation within one standard deviation, shared by the mixture ("styled"). Then the
real spread between pixels and the spread that styles of unit variance give the same mixture. Tables were
tuned on Tanzania and Brazil; Denmark is held out: every look at it counts and is noted.
"""

import itertools
import json
import sys
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import rasterio
from maps import DATA
from scipy.optimize import lsq_linear, nnls

from eomap.sensors.sentinel2 import LCZ_BANDS
from eomap.twin.materials import BandTable, Material, band_table

F64 = npt.NDArray[np.float64]
M = Material
OWN_ALLOWED: dict[int, tuple[str, tuple[M, ...], tuple[M, ...]]] = {
    1: ("water", (M.WATER,), (M.SAND, M.SOIL, M.GRASS)),
    2: ("trees", (M.BROADLEAF, M.CONIFER), (M.GRASS, M.SOIL, M.NPV)),
    4: ("crops", (M.CROP, M.GRASS, M.SOIL, M.NPV), (M.BROADLEAF,)),
    5: ("built", (M.TILES, M.GREY_ROOF, M.METAL_ROOF, M.ASPHALT, M.CONCRETE), (M.BROADLEAF, M.GRASS, M.SOIL)),
    6: ("bare", (M.SOIL, M.SAND, M.ROCK), (M.NPV, M.GRASS)),
    9: ("rangeland", (M.GRASS, M.NPV, M.SOIL, M.BROADLEAF), (M.CROP, M.SAND)),
}
"""Esri code: name, materials of which there must be OWN, and materials that may be mixed in."""
OWN, SHADE = 0.3, 0.4
LARGEST_MIXTURE, STYLE_LIMIT, FEWEST_PX = 4, 1.0, 300


def scene(place: str) -> tuple[F64, npt.NDArray[np.uint8]]:
    """Return surface reflectance (b, y, x) in the order of LCZ_BANDS, and Esri codes (y, x)."""
    (folder,) = (DATA / "catalog/sentinel-2-l2a").glob(f"*_{place}_*")
    assets = json.loads((folder / f"{folder.name}.json").read_text())["assets"]
    bands = []
    for name in LCZ_BANDS:
        said = assets[name]["raster:bands"][0]
        with rasterio.open(folder / f"{name}.tif") as file:
            bands.append(file.read(1) * said["scale"] + said["offset"])
    with rasterio.open(DATA / f"catalog/labels/LABEL_{place}/lulc.tif") as file:
        return np.array(bands), file.read(1)


def mixtures(code: int) -> Iterator[tuple[M, ...]]:
    """Yield every choice of two to four materials with at least one of the class's own."""
    _, own, other = OWN_ALLOWED[code]
    for n in range(2, LARGEST_MIXTURE + 1):
        for chosen in itertools.combinations((*own, *other), n):
            if set(chosen) & set(own):
                yield chosen


def fitted(target_b: F64, spectra_mb: F64) -> F64:
    """Return fractions (m), not negative, that sum to between 1 - SHADE and 1, nearest to the target."""
    fraction, _ = nnls(spectra_mb.T, target_b)
    total = fraction.sum()
    bound = float(np.clip(total, 1 - SHADE, 1))
    if bound != total:  # on the bound: a heavy extra equation holds the sum there
        heavy = np.vstack([spectra_mb.T, np.full(len(spectra_mb), 100.0)])
        fraction, _ = nnls(heavy, np.append(target_b, 100 * bound))
    return fraction


def styled(target_b: F64, fraction_m: F64, mean_mb: F64, spread_kmb: F64) -> tuple[F64, F64]:
    """Return the mixture's spectrum (b) and the styles (k) within STYLE_LIMIT that bring it nearest."""
    change_bk = np.einsum("m,kmb->bk", fraction_m, spread_kmb)
    style = lsq_linear(change_bk, target_b - fraction_m @ mean_mb, (-STYLE_LIMIT, STYLE_LIMIT)).x
    return fraction_m @ mean_mb + change_bk @ style, style


def nearest(code: int, target_b: F64, table: BandTable, pick: list[int]) -> tuple[float, float, str, F64]:
    """Return RMSE plain and styled, the mixture in words, and its spread (b) under unit styles."""
    best: tuple[float, float, str, F64] = (np.inf, np.inf, "", np.zeros(0))
    own = OWN_ALLOWED[code][1]
    for chosen in mixtures(code):
        mean_mb = table.mean_mb[list(chosen)][:, pick].astype(float)
        spread_kmb = table.spread_kmb[:, list(chosen)][:, :, pick].astype(float)
        fraction = fitted(target_b, mean_mb)
        if sum(f for m, f in zip(chosen, fraction, strict=True) if m in own) < OWN:
            continue
        plain = float(np.sqrt(np.mean((fraction @ mean_mb - target_b) ** 2)))
        if plain < best[0] - 1e-6:
            seen, _ = styled(target_b, fraction, mean_mb, spread_kmb)
            words = " ".join(f"{m.name} {f:.2f}" for m, f in zip(chosen, fraction, strict=True) if f > 0.005)
            spread = np.sqrt((np.einsum("m,kmb->kb", fraction, spread_kmb) ** 2).sum(0))
            best = plain, float(np.sqrt(np.mean((seen - target_b) ** 2))), words, spread
    return best


def main(places: list[str]) -> None:
    table = band_table("S2A")
    pick = [table.names.index(b) for b in LCZ_BANDS]
    print("| place | class | pixels | RMSE plain | RMSE styled | nearest mixture |\n|" + "---|" * 6)
    spreads = []
    for place in places:
        seen_byx, code_yx = scene(place)
        for code in sorted(set(OWN_ALLOWED) & set(np.unique(code_yx).tolist())):
            of_class = seen_byx[:, code_yx == code]
            if of_class.shape[1] < FEWEST_PX:
                continue
            plain, style, words, spread = nearest(code, of_class.mean(axis=1), table, pick)
            name = OWN_ALLOWED[code][0]
            print(f"| {place} | {name} | {of_class.shape[1]} | {plain:.4f} | {style:.4f} | {words} |")
            spreads += [(place, name, "real", of_class.std(axis=1)), (place, name, "styles", spread)]
    print("\n| place | class | spread | " + " | ".join(LCZ_BANDS) + " |\n|" + "---|" * (3 + len(LCZ_BANDS)))
    for place, name, kind, values in spreads:
        print(f"| {place} | {name} | {kind} | " + " | ".join(f"{v:.3f}" for v in values) + " |")


if __name__ == "__main__":
    main(sys.argv[1:] or ["Tanzania", "Brazil"])
