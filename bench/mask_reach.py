"""Print how far from a cloud the network's shadow should count, by the twin (synthetic) and by Havel.

    EOMAP_SHARED=../shared python bench/mask_reach.py [--json FILE]

A long reach keeps the shadows of high clouds under low suns, on the twin, where they are known; a short one
frees the dark, wet land of Havel, where there is shadow too, but hardly in every wood. A minute, one thread.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from masks import DATA, HAVEL, RECIPE, TWIN_PLACES, TWIN_SEED, TWIN_SIDE_PX, Dn, coarse, load, network_classes

from eomap.sensors.cloudmask import NETWORK_BANDS

sys.path.insert(0, str(RECIPE))
from scenes import BANDS, places, scenes_of

REACHES_PX = (30, 60, 100, 150, 200, 400, 1_020)
"""The last is the side of the twin's places: shadow counts wherever there is a cloud at all."""
USES = ("forest", "wetland", "water", "farm")


def on_twin() -> dict[int, list[float]]:
    """Return per reach kappa (clear, cloud, shadow), share of shadow found, share rightly called so; L1C."""
    sums = {reach: np.zeros((3, 3)) for reach in REACHES_PX}
    to_three = np.array([0, 1, 1, 2, 0])
    for place in places(TWIN_PLACES, seed=TWIN_SEED, pixels=(1,), side_px=TWIN_SIDE_PX):
        made = next(scenes_of(place, 1, bands=BANDS))
        dn: Dn = dict(zip(BANDS, made.above_byx, strict=False))
        five, known = network_classes(dn, "L1C"), made.truth_yx < 5
        truth = to_three[made.truth_yx[known]]
        for reach, sum_tf in sums.items():
            pairs = truth * 3 + coarse(five, dn, reach_px=reach)[known]
            sum_tf += np.bincount(pairs, minlength=9).reshape(3, 3)
    return {reach: figures(m) for reach, m in sums.items()}


def figures(m: npt.NDArray[np.float64]) -> list[float]:
    """Return kappa, share of shadow found and share rightly called shadow of a matrix (truth, found)."""
    accuracy, chance = np.trace(m) / m.sum(), (m.sum(0) @ m.sum(1)) / m.sum() ** 2
    return [
        float((accuracy - chance) / (1 - chance)),
        float(m[2, 2] / m[2].sum()),
        float(m[2, 2] / m[:, 2].sum()),
    ]


def on_havel() -> dict[int, list[float]]:
    """Return per reach the share of some land uses that is shadow."""
    import geopandas as gpd
    import rasterio
    from rasterio.features import rasterize

    folder = DATA / "catalog/sentinel-2-l1c" / HAVEL
    dn = load(folder, NETWORK_BANDS)
    with rasterio.open(folder / "B02.jp2") as file:
        epsg, shape, transform = file.crs.to_epsg(), file.shape, file.transform
    landuse = gpd.read_file(next((DATA / "labels/osm_havel").glob("gis_osm*.gpkg"))).to_crs(epsg)
    inside = [
        rasterize(landuse[landuse.fclass == use].geometry, out_shape=shape, transform=transform).astype(bool)
        for use in USES
    ]
    five = network_classes(dn, "L1C")
    found = {reach: coarse(five, dn, reach_px=reach) == 2 for reach in REACHES_PX}
    return {reach: [float(shadow[i].mean()) for i in inside] for reach, shadow in found.items()}


def main() -> None:
    """Measure both and print one row per reach."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    twin, havel = on_twin(), on_havel()
    print(
        "| reach | twin: kappa of 3 | shadow found | shadow right | "
        + " | ".join(f"Havel: {u}" for u in USES)
        + " |"
    )
    print("|---" * (4 + len(USES)) + "|")
    for reach in REACHES_PX:
        print(f"| {reach * 10} m | " + " | ".join(f"{v:.3f}" for v in twin[reach] + havel[reach]) + " |")
    if asked.json:
        asked.json.write_text(
            json.dumps({"synthetic": ["twin"], "twin": twin, "havel": havel}, indent=1) + "\n"
        )


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    main()
