"""Materials and air against a real scene that they were tuned on; more of it in bench/twin_spectra.py."""

import json

import numpy as np
import pytest
import rasterio
from scipy.optimize import nnls

from eomap.sensors.sentinel2 import LCZ_BANDS
from eomap.twin.atmosphere import Air, optics, toa
from eomap.twin.materials import Material, band_table

pytestmark = pytest.mark.shared


def real(shared, level, place):
    """Reflectance (b, y, x) in the order of LCZ_BANDS."""
    (folder,) = (shared / f"data/catalog/sentinel-2-{level}").glob(f"*_{place}_*")
    assets = json.loads((folder / f"{folder.name}.json").read_text())["assets"]
    bands = []
    for name in LCZ_BANDS:
        said = assets[name]["raster:bands"][0]
        with rasterio.open(folder / f"{name}.tif") as file:
            bands.append(file.read(1) * said["scale"] + said["offset"])
    return np.array(bands)


def test_trees_and_water_are_mixtures_of_our_materials(shared):
    table = band_table("S2A")
    pick = [table.names.index(b) for b in LCZ_BANDS]
    seen = real(shared, "l2a", "Brazil")
    with rasterio.open(shared / "data/catalog/labels/LABEL_Brazil/lulc.tif") as file:
        code = file.read(1)
    mixtures = {
        2: (Material.BROADLEAF, Material.CONIFER, Material.GRASS, Material.NPV),
        1: (Material.WATER, Material.SAND),  # a quarter of what is labelled water there is a sand bar
    }
    for label, materials in mixtures.items():
        target = np.append(seen[:, code == label].mean(axis=1), 10.0)
        spectra = np.vstack([table.mean_mb[list(materials)][:, pick].T, np.full(len(materials), 10.0)])
        fraction, _ = nnls(spectra.astype(float), target)  # the last row holds the sum at one
        off = (spectra @ fraction - target)[:-1]
        assert np.sqrt((off**2).mean()) < 0.012 and fraction[0] > 0.4


def test_real_surface_under_our_air_looks_like_the_real_top_of_the_atmosphere(shared):
    top, surface = real(shared, "l1c", "Brazil"), real(shared, "l2a", "Brazil")
    around = surface.mean(axis=(1, 2))
    made = optics("S2A", 51.0, Air(0.12, 1.6))
    for name, above, below, mean in zip(LCZ_BANDS, top, surface, around, strict=True):
        assert np.sqrt(((toa(below, mean, made.band(name)) - above) ** 2).mean()) < 0.012, name
