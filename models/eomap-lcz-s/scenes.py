"""The real scenes that eomap-lcz-s learns from, and the split: which parts are never trained on.

Reads the folder named by EOMAP_SHARED (docs/how-to/test-data.md); nothing of it is redistributed.
"""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import Resampling

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
HAVEL = "S2A_MSIL1C_20170216T102101_T33UUU_clip"
HELD_OUT = ("S2_L1C_Denmark_20171030", "S2A_L1C_Slovenia_20150909")
"""Scenes that no training crop touches; of Havel the east third is held out too."""
HAVEL_TRAIN_COLUMNS = 1024
_BOUCONNE_ORDER = (0, 1, 2, 4, 5, 6, 3, 7, 8, 9)  # the file has B08 before B05

F32 = npt.NDArray[np.float32]


def item_pixels(folder: Path, *, repeat: bool = False) -> F32:
    """Return reflectance (b, y, x) of a catalogue item at 10 m, offsets removed.

    Coarser bands are interpolated linearly, as the engine reads them, or repeated.
    """
    item = json.loads((folder / f"{folder.name}.json").read_text())
    bands = []
    with rasterio.open(folder / item["assets"]["B02"]["href"]) as file:
        shape = file.shape
    rule = Resampling.nearest if repeat else Resampling.bilinear
    for name in BANDS:
        asset = item["assets"][name]
        with rasterio.open(folder / asset["href"]) as file:
            dn = file.read(1, out_shape=shape, resampling=rule)
        claim = asset["raster:bands"][0]
        bands.append(np.clip(dn * np.float32(claim["scale"]) + np.float32(claim["offset"]), 0, None))
    return np.stack(bands).astype(np.float32)


def training_scenes(shared: Path) -> dict[str, F32]:
    """Return the scenes that may be trained on, by name."""
    catalog = shared / "data" / "catalog"
    scenes = {}
    for folder in sorted((catalog / "sentinel-2-l1c").iterdir()):
        if folder.is_dir() and folder.name not in HELD_OUT:
            scenes[folder.name] = item_pixels(folder)
    scenes["Havel, repeated"] = item_pixels(catalog / "sentinel-2-l1c" / HAVEL, repeat=True)
    for name in (HAVEL, "Havel, repeated"):
        scenes[name] = scenes[name][..., :HAVEL_TRAIN_COLUMNS]
    # Surface reflectance is not what the teachers were trained on, yet a teacher can be copied anywhere;
    # these two add textures (a Vietnamese coast, a French forest) that no L1C scene at hand has.
    vietnam = next((catalog / "sentinel-2-l2a").glob("*_T48QUE_*"))
    scenes[vietnam.name] = item_pixels(vietnam)
    with rasterio.open(shared / "data" / "series" / "bouconne_7dates_10bands.tif") as file:
        series = file.read().reshape(7, len(BANDS), file.height, file.width)
    for date in (0, 6):
        scenes[f"bouconne_{date}"] = (series[date, _BOUCONNE_ORDER] * 1e-4).astype(np.float32)
    return scenes


def held_out_scenes(shared: Path) -> dict[str, F32]:
    """Return the scenes and the part of Havel kept for evaluation, by name."""
    folder = shared / "data" / "catalog" / "sentinel-2-l1c"
    scenes = {name: item_pixels(folder / name) for name in HELD_OUT}
    scenes["Havel, east third"] = item_pixels(folder / HAVEL)[..., HAVEL_TRAIN_COLUMNS:]
    return scenes
