"""Real Sentinel-2 crops and what two published networks say of them: the real part of the training.

Reads the folder named by EOMAP_SHARED (docs/how-to/test-data.md); nothing of it is redistributed. Teachers:
Dynamic World (doi:10.1038/s41597-022-01307-4) for what is built, so2sat-resnet20 for local climate zones.
Axis letters: n crop, b band, y, x pixels of 10 m; i, j cells.
"""

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import Resampling

from eomap.io.registry import model
from eomap.io.weights import load_network, weights_path
from eomap.nn.windows import Windowed
from eomap.products.settlement import BANDS
from eomap.sensors.cloudmask import clear_mask

DATA = Path(os.environ.get("EOMAP_SHARED", Path(__file__).parents[3] / "shared")) / "data"
os.environ.setdefault("EOMAP_MODEL_MIRROR", str(DATA / "weights"))
HAVEL = "S2A_MSIL1C_20170216T102101_T33UUU_clip"
HAVEL_TRAIN_COLUMNS = 1024
"""Of Havel the east third is never trained on; of the other scenes, Denmark is not at all."""
PAIRS = {
    "S2_L1C_Brazil_20210723": "S2_L2A_Brazil_20210723",
    "S2_L1C_Tanzania_20230610": "S2_L2A_Tanzania_20230610",
    "S2_L1C_20200604T054639_20200604T054831_T43RCP": "S2_L2A_20200604T054639_20200604T054831_T43RCP",
}
"""L1C scenes and the L2A of the same day: the teachers look at L1C, the pupil at both."""
SINGLE = ("S2A_L1C_Slovenia_20150711", "S2A_L1C_Slovenia_20150830", HAVEL)
TIMES = 3
"""So often a scene is in the set that gives one crop only."""
SIDE_PX, STEP_PX = 270, 190
SURE = 0.5
"""Zones are taught where the teacher gives them at least this much."""
_BUILT = 6
_SEEN = [BANDS.index(b) for b in ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B11", "B12")]
# Its own scaling, facts of the published network: log(1 + 0.005 DN), centred and divided, then a sigmoid.
_CENTRE = np.array(
    [1.7417268, 1.7261205, 1.6798346, 1.7734969, 2.2891541, 2.3829397, 2.382894, 2.1952484, 1.5548129]
)
_WIDTH = np.array(
    [2.0232987, 2.0389052, 2.1795928, 2.2890068, 2.6171675, 2.7734186, 2.7578333, 2.7890925, 2.4140535]
)

F32 = npt.NDArray[np.float32]
U16 = npt.NDArray[np.uint16]
_EDGE_CELLS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """Real crops of SIDE_PX, what is beyond a scene being 0, and what the teachers say of them."""

    l1c_nbyx: U16
    l2a_nbyx: U16
    """The same places at L2A where there is such a scene, else L1C again."""
    built_nij: F32
    """Probability of Dynamic World's class `built` on 20 m cells, NaN under clouds and beyond a scene."""
    zone_nij: npt.NDArray[np.uint8]
    """1 to 17 on 100 m cells, 0 where the teacher is not sure."""


def item_codes(name: str, bands: tuple[str, ...] = BANDS) -> U16:
    """Return a scene of the catalogue as codes (b, y, x), 0 where there is no pixel."""
    level = "sentinel-2-l1c" if "L1C" in name else "sentinel-2-l2a"
    folder = DATA / "catalog" / level / name
    item = json.loads((folder / f"{name}.json").read_text())
    with rasterio.open(folder / item["assets"]["B02"]["href"]) as file:
        shape = file.shape
    made = []
    for band in bands:
        asset = item["assets"][band]
        with rasterio.open(folder / asset["href"]) as file:
            dn = file.read(1, out_shape=shape, resampling=Resampling.bilinear)
        claim = asset["raster:bands"][0]
        code = np.rint((dn * claim["scale"] + claim["offset"]) * 10_000)
        made.append(np.where(dn > 0, np.clip(code, 1, 65_535), 0))
    return np.stack(made).astype(np.uint16)


@cache
def _dynamic_world() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(DATA / "weights/dynamicworld/dynamicworld_forward.onnx", options)


def built_share(code_byx: U16) -> F32:
    """Return the probability of `built` (y, x) by Dynamic World for L1C codes of BANDS, NaN where unseen."""
    shown = np.moveaxis(code_byx[_SEEN].astype(np.float64), 0, -1)
    scaled = (np.log(shown * 0.005 + 1) - _CENTRE) / _WIDTH
    x = (1 / (1 + np.exp(1 - 5 * scaled)))[None].astype(np.float32)
    network = _dynamic_world()
    (logits,) = network.run(None, {network.get_inputs()[0].name: x})
    power = np.exp(logits[0] - logits[0].max(-1, keepdims=True))
    share = power[..., _BUILT] / power.sum(-1)
    return np.where((code_byx == 0).any(axis=0), np.nan, share).astype(np.float32)


def on_cells(share_yx: F32) -> F32:
    """Return the means of 2 x 2 pixels, NaN where one is."""
    height, width = (n // 2 * 2 for n in share_yx.shape)
    cells = share_yx[:height, :width].reshape(height // 2, 2, width // 2, 2)
    made: F32 = cells.mean(axis=(1, 3))
    return made


def zones(code_byx: U16) -> npt.NDArray[np.uint8]:
    """Return the zone of each 100 m cell by so2sat-resnet20, 0 where it is unsure or near the edge."""
    entry = model("so2sat-resnet20")
    predict = Windowed(load_network(entry, weights_path(entry)))
    cells = tuple(n // 10 for n in code_byx.shape[1:])
    part = code_byx[:, : cells[0] * 10, : cells[1] * 10]
    halo = predict.halo_px
    padded = np.pad(part, ((0, 0), (halo, halo), (halo, halo)))
    probability = predict(padded, np.ones(cells, bool), origin_rc=(0, 0))
    zone = np.where(probability.max(axis=0) >= SURE, probability.argmax(axis=0) + 1, 0)
    inner = np.zeros(cells, bool)
    inner[_EDGE_CELLS:-_EDGE_CELLS, _EDGE_CELLS:-_EDGE_CELLS] = True
    return np.where(inner, zone, 0).astype(np.uint8)


def crops() -> Crops:
    """Return all crops that may be trained on."""
    parts: list[tuple[U16, U16, F32, npt.NDArray[np.uint8]]] = []
    for name in (*PAIRS, *SINGLE):
        top = item_codes(name)
        ground = item_codes(PAIRS[name]) if name in PAIRS else top
        built, zone = on_cells(_clear_only(built_share(top), name)), zones(top)
        if name == HAVEL:
            top, ground = (a[..., :HAVEL_TRAIN_COLUMNS] for a in (top, ground))
            built, zone = built[:, : HAVEL_TRAIN_COLUMNS // 2], zone[:, : HAVEL_TRAIN_COLUMNS // 10]
        parts += _cut(top, ground, built, zone)
    return Crops(*(np.stack(p) for p in zip(*parts, strict=True)))


def _clear_only(share_yx: F32, name: str) -> F32:
    """Return a teacher's raster without what lies under clouds, by the spectral rule."""
    bands = tuple(dict.fromkeys((*BANDS, "B10")))
    dn = dict(zip(bands, item_codes(name, bands), strict=True))
    clear, _ = clear_mask(dn, None, level="L1C", method="spectral")
    return np.where(clear, share_yx, np.nan).astype(np.float32)


def _cut(top: U16, ground: U16, built: F32, zone: npt.NDArray[np.uint8]) -> list[Any]:
    """Return crops every STEP_PX of a large scene; a small one in the middle of a crop, TIMES over."""
    _, height, width = top.shape
    if min(height, width) < SIDE_PX:
        at = tuple((SIDE_PX - n) // 20 * 10 for n in (height, width))
        whole = np.zeros((2, len(BANDS), SIDE_PX, SIDE_PX), np.uint16)
        whole[0, :, at[0] : at[0] + height, at[1] : at[1] + width] = top
        whole[1, :, at[0] : at[0] + height, at[1] : at[1] + width] = ground
        share = np.full((SIDE_PX // 2,) * 2, np.nan, np.float32)
        share[at[0] // 2 : at[0] // 2 + len(built), at[1] // 2 : at[1] // 2 + built.shape[1]] = built
        code = np.zeros((SIDE_PX // 10,) * 2, np.uint8)
        code[at[0] // 10 : at[0] // 10 + len(zone), at[1] // 10 : at[1] // 10 + zone.shape[1]] = zone
        return [(whole[0], whole[1], share, code)] * TIMES
    found = []
    for row in range(0, height - SIDE_PX + 1, STEP_PX):
        for col in range(0, width - SIDE_PX + 1, STEP_PX):
            px = np.s_[:, row : row + SIDE_PX, col : col + SIDE_PX]
            half = np.s_[row // 2 : (row + SIDE_PX) // 2, col // 2 : (col + SIDE_PX) // 2]
            tenth = np.s_[row // 10 : (row + SIDE_PX) // 10, col // 10 : (col + SIDE_PX) // 10]
            found.append((top[px], ground[px], built[half], zone[tenth]))
    return found
