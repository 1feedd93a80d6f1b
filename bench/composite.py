"""Make the composite of one whole made-up tile; print seconds, peak memory and what the plan said, as JSON.

    python bench/composite.py [LOOKS] [MASK] [FOLDER]
    MEMORY_MB=2500 GRID=EPSG:32631 python bench/composite.py 40     # a square of 6000 x 6000 native pixels

The pixels are noise, which compresses badly: the sizes written are an upper bound. Linux only: peak
memory is the process's high-water mark, set back before each stage.
"""

import json
import os
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import shapely

from eomap.api.running import cube_of, job_of, write_metadata
from eomap.core.aoi import from_bbox, vet
from eomap.core.grid import Frame, Tile
from eomap.core.period import Period
from eomap.core.source import Asset, Band, Item
from eomap.core.zones import tile_outline_deg
from eomap.planner import Order, plan_of
from eomap.products import product
from eomap.worker import infer_and_land, sight_of

TILE = Tile(180, 380)
"""At the equator, where frames are largest."""
SQUARE = Tile(329, 20, 32631)
"""Where its zone is asked for: 60 km north of the equator, in the middle of the zone."""
SIDE = 1024


class Noise:
    """A reader of noise about a reflectance of .2; every fifth pixel of the scene classification is cloud."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.values = rng.normal(2000, 120, (SIDE, SIDE)).astype(np.uint16)
        self.classes = np.where(rng.random((SIDE, SIDE)) < 0.2, 9, 4).astype(np.uint16)

    def read(self, band: Band, frame: Frame, *, signing: str = "") -> np.ndarray:
        """Return the noise, shifted by a number of its own for each file."""
        shift = sum(band.href.encode()) * 37
        rows = (np.arange(frame.height) - frame.y0 // 10 + shift) % SIDE
        cols = (np.arange(frame.width) + frame.x0 // 10 + shift * 11) % SIDE
        return (self.classes if band.categorical else self.values)[rows[:, None], cols[None, :]]


def item(number: int) -> Item:
    """Return a scene that covers the tile."""
    moment = datetime(2024, 1, 1, 10, tzinfo=UTC) + timedelta(days=5 * number)
    west, south, east, north = shapely.union(shapely.box(*TILE.bounds_deg), tile_outline_deg(SQUARE)).bounds
    bands = (*product("composite").needs[0].bands, "SCL")
    return Item(
        id=f"S2A_made_up_{moment:%Y%m%d}_L2A",
        collection="sentinel-2-l2a",
        moment=moment,
        footprint_wkb=shapely.to_wkb(shapely.box(west - 0.1, south - 0.1, east + 0.1, north + 0.1)),
        assets=tuple(Asset(b, f"/made/up/{number}/{b}.tif") for b in bands),
        properties={"s2:processing_baseline": "05.10", "eomap:synthetic": True},
    )


def peak_mb() -> int:
    """Return the high-water mark of this process's memory since it was last asked."""
    text = Path("/proc/self/status").read_text()
    Path("/proc/self/clear_refs").write_text("5")
    return int(text.split("VmHWM:")[1].split()[0]) // 1024


def main() -> None:
    looks = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    mask = sys.argv[2] if len(sys.argv) > 2 else "auto"
    grid, memory_mb = os.environ.get("GRID", "lattice"), int(os.environ.get("MEMORY_MB", "6144"))
    order = Order(
        product("composite"), Period.parse("2024"), "made-up", "sentinel-2-l2a", "", "", mask,
        grid=grid, memory_bytes=memory_mb << 20,
    )  # fmt: skip
    west, south, east, north = TILE.bounds_deg
    lattice = grid == "lattice"
    plan = plan_of(
        from_bbox(f"{west},{south},{east},{north}")
        if lattice
        else vet([tile_outline_deg(SQUARE)], where="bench"),
        order,
        [item(n) for n in range(looks)],
        names=None,
        signing="",
        code="bench",
    )
    task = max(plan.tasks, key=lambda t: t.memory_bytes)  # beside it, slivers of an outline drawn in degrees
    with tempfile.TemporaryDirectory(dir=sys.argv[3] if len(sys.argv) > 3 else None) as folder:
        cube = cube_of(plan, f"{folder}/map.zarr")
        write_metadata(plan, cube)
        job, before = job_of(plan, task), peak_mb()
        composite = sight_of(job, Noise())
        fetched, began = peak_mb(), time.process_time()
        receipt = infer_and_land(job, composite, None, cube)
        landed, spent = peak_mb(), time.process_time() - began
    pixels = composite.first.n_clear_yx.size
    print(
        json.dumps(
            {
                "machine": platform.machine(),
                "looks": looks,
                "mask": mask,
                "block_px": task.block_px,
                "megapixels": round(pixels / 1e6, 1),
                "megacells": round(np.prod(task.window.shape) / 1e6, 1),
                "seconds": receipt.seconds,
                "cpu_seconds": {"infer and land": round(spent, 1)},
                "written_mb": round(sum(w.size for w in receipt.objects) / 1e6),
                "peak_mb": {"before": before, "fetch": fetched, "infer and land": landed},
                "planned": {"mb": task.memory_bytes >> 20, "seconds": task.seconds},
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
