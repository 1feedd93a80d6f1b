"""Draw docs/images/potsdam-enmap.png and sinop-modis.png from the composites of real scenes.

    EOMAP_SHARED=../shared python bench/hyper_pictures.py

Both are made by `eomap.api` from the example catalogue, as `eomap run` makes them. EnMAP: tiles of the
EnMAP-Box, data DLR 2022; MODIS: series of the package sits, NASA LP DAAC 2013-2014.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from eomap import api
from eomap.io.picture import side_by_side
from eomap.sensors.response import to_bands

IMAGES = Path(__file__).parents[1] / "docs/images"
POTSDAM = {"bbox": "12.98,52.34,13.08,52.44", "period": "2022-07", "sensor": "enmap"}
SINOP = {"bbox": "-55.75,-11.80,-55.20,-11.50", "period": "2013-09-01/2014-08-31", "sensor": "modis-13q1"}
RAMP = (
    (0.15, (140, 81, 10)),
    (0.35, (223, 194, 125)),
    (0.5, (245, 245, 220)),
    (0.7, (90, 174, 97)),
    (0.9, (0, 68, 27)),
)
"""NDVI and its colour, drawn on between them."""


def composite(asked: dict[str, str], folder: Path, name: str) -> Any:
    """Return the layer of values of a verified composite as xarray has it, cells with a look only."""
    catalog = str(Path(os.environ["EOMAP_SHARED"]) / "data/catalog/catalog.json")
    plan = api.plan(catalog=catalog, product="composite", **asked)
    out = str(folder / f"{asked['sensor']}{asked['period'][:4]}{name}.zarr")
    summary = api.run(plan, out, engine="inline")
    if not summary.complete or api.verify(out):
        raise SystemExit(f"{out}: not complete, or not what was written")
    cube = api.open_cube(out)
    seen = (cube.n_clear.to_numpy() > 0) & (cube.n_clear.to_numpy() < 65_535)
    rows, cols = (np.flatnonzero(seen.any(axis=a)) for a in (1, 0))
    layer = next(v for v in ("reflectance", "vegetation_index") if v in cube)
    return cube[layer][:, rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]


def colours(byx: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return (y, x, 3) bytes of three bands, stretched; white where nothing was seen."""
    light = np.clip((np.moveaxis(byx, 0, -1) - low) / (high - low), 0, 1)
    return np.where(np.isnan(light), 255, np.nan_to_num(light) * 255).astype(np.uint8)


def greens(yx: np.ndarray) -> np.ndarray:
    """Return (y, x, 3) bytes of an index by RAMP; white where nothing was seen."""
    at = [v for v, _ in RAMP]
    made = np.stack([np.interp(yx, at, [c[n] for _, c in RAMP]) for n in range(3)], axis=-1)
    return np.where(np.isnan(yx)[..., None], 255, np.nan_to_num(made)).astype(np.uint8)


def save(panels: list, name: str, panel_px: int) -> None:
    target = IMAGES / name
    side_by_side(panels, target, panel_px=panel_px)
    Image.open(target).quantize(128, method=Image.Quantize.MEDIANCUT).save(target, optimize=True)
    print(f"{name}: {target.stat().st_size >> 10} KiB")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        spectrum = composite(POTSDAM, Path(folder), "").to_numpy()
        true, false = (
            to_bands(spectrum, "S2A", bands=b) for b in (("B04", "B03", "B02"), ("B11", "B8A", "B04"))
        )
        panels = []
        for label, bands in (("True colour: B04 B03 B02", true), ("Infrared: B11 B8A B04", false)):
            low, high = np.nanpercentile(bands, (1, 99), axis=(1, 2))
            panels.append((label, colours(bands, low, high)))
        save(panels, "potsdam-enmap.png", 420)
        year = composite(SINOP, Path(folder), "").to_numpy()[0]
        wet = composite(SINOP | {"period": "2014-02-01/2014-02-28"}, Path(folder), "wet").to_numpy()[0]
        save(
            [("One look, February 2014", greens(wet)), ("Median of 12 looks", greens(year))],
            "sinop-modis.png",
            480,
        )
        print(
            f"NDVI of the year: {np.nanpercentile(year, (5, 50, 95)).round(3)}, not seen in February: "
            f"{np.isnan(wet).sum()} of {wet.size}, in the year {np.isnan(year).sum()}"
        )


if __name__ == "__main__":
    main()
