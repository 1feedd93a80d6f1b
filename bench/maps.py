"""LCZ maps of the real scenes, made by the engine itself, for the scripts that score them."""

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eomap import api
from eomap.core.grid import Window
from eomap.io.registry import models, models_folder

SHARED = Path(os.environ.get("EOMAP_SHARED", Path(__file__).parents[2] / "shared"))
"""The folder of real scenes, labels and published weights (EOMAP_SHARED)."""
DATA = SHARED / "data"
os.environ.setdefault("EOMAP_MODEL_MIRROR", str(DATA / "weights"))

BUILT, TREES, BUSH, LOW_PLANTS, BARE, WATER = range(1, 11), (11, 12), (13,), (14,), (15, 16), (17,)
"""Codes of LCZ 1-10, A and B, C, D, E and F, G."""


@dataclass(frozen=True)
class LczMap:
    """A map on its lattice window: codes (y, x), 0 where there was no clear look."""

    window: Window
    codes: npt.NDArray[np.uint8]

    def at(self, lon: npt.NDArray[np.float64], lat: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
        """Return the codes at points; 0 outside the window."""
        step = self.window.step / 12_000
        col = np.floor((lon + 180) / step).astype(int) - self.window.col0
        row = np.floor((90 - lat) / step).astype(int) - self.window.row0
        rows, cols = self.codes.shape
        inside = (row >= 0) & (row < rows) & (col >= 0) & (col < cols)
        return np.where(inside, self.codes[np.clip(row, 0, rows - 1), np.clip(col, 0, cols - 1)], 0)


def networks() -> list[str]:
    """Return the names of the LCZ networks whose weights there are, default first."""
    own = models_folder()
    return [m.name for m in models() if m.product == "lcz" and (m.url or (own / m.file).exists())]


def item(collection: str, name: str) -> dict:
    """Return a STAC item of the static catalogue as it was written."""
    return json.loads((DATA / "catalog" / collection / name / f"{name}.json").read_text())


def lcz_map(scene: dict, model: str, mask: str) -> LczMap:
    """Run plan and run of `eomap.api` on one scene, into a cube that is thrown away."""
    day = scene["properties"]["datetime"][:10]
    west, south, east, north = scene["bbox"]
    plan = api.plan(
        bbox=f"{west},{south},{east},{north}",
        catalog=str(DATA / "catalog"),
        collection=scene["collection"],
        period=f"{day}/{day}",
        model=model,
        mask=mask,
    )
    wanted = [t for t in plan.tasks if scene["id"] in t.scenes]
    if len(plan.scenes) != 1 or not wanted:
        raise SystemExit(f"{scene['id']}: expected a plan of this one scene, got {sorted(plan.scenes)}")
    with tempfile.TemporaryDirectory() as folder:
        api.run(plan, f"{folder}/map.zarr", engine="inline")
        from eomap.io.cube import open_cube

        cube = open_cube(f"{folder}/map.zarr")
        windows = [t.window for t in plan.tasks]
        window = Window(
            windows[0].step,
            min(w.row0 for w in windows),
            max(w.row1 for w in windows),
            min(w.col0 for w in windows),
            max(w.col1 for w in windows),
        )
        codes = cube.read("lcz", window)
    return LczMap(window, np.where(codes == 255, 0, codes).astype(np.uint8))
