"""Print what the rule that brings 20 and 60 m bands to 10 m does to the LCZ map of the Havel scene.

    EOMAP_SHARED=../shared python bench/lcz_resampling.py

Windows are laid from three places of the scene, because repeated pixels look different to a network
depending on where a window cuts them. No cloud mask; cells and scores as in lcz_havel.py. Four minutes.
"""

import itertools

import lcz_havel
import numpy as np
import rasterio
import shapely
from maps import DATA, networks
from rasterio.enums import Resampling

from eomap.io.registry import model
from eomap.io.weights import bare_network, weights_path
from eomap.nn.predict import CELL_PX, single_thread
from eomap.nn.windows import Windowed
from eomap.products.lcz import BANDS

FOLDER = DATA / "catalog/sentinel-2-l1c" / lcz_havel.SCENE
RULES = {"nearest": Resampling.nearest, "bilinear": Resampling.bilinear, "bicubic": Resampling.cubic}
STARTS_PX = ((0, 0), (5, 5), (9, 3))
"""Where the first window begins, x and y: the scene corner, half a cell on, eomap's zone grid."""
HALO_PX = 11


def main() -> None:
    single_thread()
    with rasterio.open(FOLDER / "B02.jp2") as file:
        shape, transform = file.shape, file.transform
    windowed = [n for n in networks() if model(n).halo_px == HALO_PX]
    predictors = {n: Windowed(bare_network(model(n), weights_path(model(n)))) for n in windowed}
    print("| rule | first window | network | residential built | precision | open land | forest | water |")
    print("|---|---|---|---|---|---|---|---|")
    agreement = {}
    for rule, (x0, y0) in itertools.product(RULES, STARTS_PX):
        dn = np.empty((len(BANDS), *shape), np.uint16)
        for k, band in enumerate(BANDS):
            with rasterio.open(FOLDER / f"{band}.jp2") as file:
                dn[k] = file.read(1, out_shape=shape, resampling=RULES[rule])
        rows, cols = ((n - 2 * HALO_PX) // CELL_PX for n in (shape[0] - y0, shape[1] - x0))
        ends = [n * CELL_PX + 2 * HALO_PX for n in (rows, cols)]
        part = np.ascontiguousarray(dn[:, y0 : y0 + ends[0], x0 : x0 + ends[1]])
        x, y = np.meshgrid(
            transform.c + 10 * (x0 + HALO_PX) + 100 * np.arange(cols),
            transform.f - 10 * (y0 + HALO_PX) - 100 * np.arange(rows),
        )
        names = lcz_havel.labels(shapely.box(x, y - 100, x + 100, y).ravel(), lcz_havel.EPSG)
        codes = []
        for name, predict in predictors.items():
            probability = predict(part, np.ones((rows, cols), bool), origin_rc=(0, 0))
            codes.append((probability.argmax(axis=0) + 1).astype(np.uint8).ravel())
            print(f"| {rule} | {x0}, {y0} | {name} | {lcz_havel.score(names, codes[-1])} |", flush=True)
        agreement[rule, x0, y0] = (codes[0] == codes[-1]).mean()
    print("\n| agreement of the two networks | " + " | ".join(f"{x}, {y}" for x, y in STARTS_PX) + " |")
    print("|---|" + "---|" * len(STARTS_PX))
    for rule in RULES:
        print(f"| {rule} | " + " | ".join(f"{agreement[rule, x, y]:.3f}" for x, y in STARTS_PX) + " |")


if __name__ == "__main__":
    main()
