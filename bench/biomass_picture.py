"""Draw docs/images/biomass.png: real EnMAP over Potsdam and its map; a place of the twin, its truth and map.

EOMAP_SHARED=../shared python bench/biomass.py --picture docs/images/biomass.png
"""

import os
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from eomap import api
from eomap.io.picture import side_by_side
from eomap.sensors.enmap import CENTRE_NM

RAMP = ((255, 250, 225), (196, 222, 140), (90, 170, 90), (20, 110, 70), (5, 45, 50))
"""Colours from none to 300 Mg/ha."""
HIGHEST_MG_HA, PANEL_PX = 300.0, 360
COLOUR_NM = (665.0, 560.0, 492.0)


def draw(path: Path, data: str) -> None:
    """Write the picture."""
    panels = [*of_potsdam(), *of_twin(data)]
    side_by_side(panels, path, columns=3, panel_px=PANEL_PX)
    Image.open(path).quantize(160, method=Image.Quantize.MEDIANCUT).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size >> 10} KiB")


def of_potsdam() -> list[tuple[str, np.ndarray]]:
    from biomass import POTSDAM, potsdam_map

    nearest = [min(CENTRE_NM, key=lambda b: abs(CENTRE_NM[b] - nm)) for nm in COLOUR_NM]
    catalog = str(Path(os.environ["EOMAP_SHARED"]) / "data/catalog/catalog.json")
    with tempfile.TemporaryDirectory() as folder:
        plan = api.plan(catalog=catalog, product="composite", bands=nearest, **POTSDAM)
        out = str(Path(folder) / "colour.zarr")
        api.run(plan, out, engine="inline")
        colour = api.open_cube(out).reflectance.load()
        made = potsdam_map(folder)[["biomass", "sigma", "n_clear"]].load()
    seen = (made.n_clear.to_numpy() > 0) & np.isfinite(made.biomass.to_numpy())
    rows, cols = (np.flatnonzero(seen.any(axis=a)) for a in (1, 0))
    part = np.s_[..., rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    return [
        ("Real: EnMAP, Potsdam, 24 July 2022", stretched(colour.to_numpy()[part])),
        ("Its map (network of the twin)", ramp(made.biomass.to_numpy()[part])),
        ("Its sigma", ramp(made.sigma.to_numpy()[part])),
    ]


def of_twin(data: str) -> list[tuple[str, np.ndarray]]:
    """Return the test place of Sentinel-2 whose truth varies most."""
    from biomass import RECIPES, network_of

    from eomap.io.weights import load_network, weights_path
    from eomap.training.twin_samples import parsed, twin_samples
    from eomap.training.windows import Windows

    recipe = RECIPES["sentinel"]
    windows = Windows(recipe, twin_samples(parsed(data), recipe.arrays))
    known = network_of("sentinel")
    network = load_network(known, weights_path(known))
    middle = (windows.places // 2,) * 2
    most = max(windows.samples.of("test"), key=lambda n: float(windows.window(int(n), middle)[2].std()))
    code, _, truth = windows.window(int(most), middle)
    said = network(code[None].astype(np.uint16), np.zeros((1, 0), np.float32))[0]
    return [
        ("Synthetic: Sentinel-2 of the twin", stretched(np.where(code > 0, code, np.nan)[[2, 1, 0]])),
        ("Its true biomass, 0 to 300 Mg/ha", ramp(truth[0])),
        ("Its map", ramp(said[0])),
    ]


def stretched(rgb_byx: np.ndarray) -> np.ndarray:
    low, high = np.nanpercentile(rgb_byx, (1, 98), axis=(1, 2))
    light = np.clip((np.moveaxis(rgb_byx, 0, -1) - low) / (high - low), 0, 1)
    return np.where(np.isnan(light), 255, np.nan_to_num(light) * 255).astype(np.uint8)


def ramp(mg_ha_yx: np.ndarray) -> np.ndarray:
    at = np.clip(np.nan_to_num(mg_ha_yx) / HIGHEST_MG_HA, 0, 1) * (len(RAMP) - 1)
    made = np.stack([np.interp(at, range(len(RAMP)), [c[k] for c in RAMP]) for k in range(3)], axis=-1)
    return np.where(np.isnan(mg_ha_yx)[..., None], 255, made).astype(np.uint8)
