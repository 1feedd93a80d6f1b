"""Print as JSON what blending 64 windows of 17 classes costs, beside a plain copy by rasterio.merge.

python bench/mosaics.py [--windows 8]

Windows of 1024 x 1024 overlap by 64 pixels: 8 x 8 of them make 7744 x 7744. The map is blended block
by block, so that the canvas stays in the processor's cache. The windows are made
before and repeat two patterns.
"""

import argparse
import json
import platform
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from eomap.kernels.blend import finished
from eomap.kernels.mosaic import Window, add_window, blank, feather, wiped

SIDE, OVERLAP, CLASSES, BLOCK = 1024, 64, 17, (32, 1024)


def blended(windows: list[Window], side: int, as_f32: bool) -> dict[str, np.ndarray]:
    """Return the whole map, block by block."""
    made = {
        "code": np.empty((side, side), np.uint8),
        "confidence": np.empty((side, side), np.float32),
        "entropy": np.empty((side, side), np.float32),
        "ood": np.empty((side, side), np.float32),
        "count": np.empty((side, side), np.uint16),
    }
    canvas = blank((CLASSES, *BLOCK))
    for row in range(0, side, BLOCK[0]):
        for col in range(0, side, BLOCK[1]):
            canvas = wiped(canvas, (row, col))
            for window in windows:
                r, c = window.corner
                if r - BLOCK[0] < row < r + SIDE and c - BLOCK[1] < col < c + SIDE:
                    add_window(canvas, window)
            blend = finished(canvas, as_f32=as_f32)
            for name, layer in made.items():
                place = layer[row : row + BLOCK[0], col : col + BLOCK[1]]
                place[...] = getattr(blend, name)[: place.shape[0], : place.shape[1]]
    return made


def cpu_s(call: Any) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def merged(folder: Path, windows: list[Window]) -> float:
    """Return CPU-seconds of rasterio.merge for one band of float32, uncompressed files."""
    import rasterio
    from rasterio.merge import merge
    from rasterio.transform import from_origin

    values = np.random.default_rng(0).random((SIDE, SIDE)).astype(np.float32)
    paths = []
    for n, window in enumerate(windows):
        y, x = window.corner
        path = folder / f"{n}.tif"
        with rasterio.open(
            path, "w", driver="GTiff", width=SIDE, height=SIDE, count=1, dtype="float32", crs=32632,
            transform=from_origin(500_000 + 10 * x, 5_000_000 - 10 * y, 10, 10), tiled=True,
        ) as file:  # fmt: skip
            file.write(values, 1)
        paths.append(path)
    return cpu_s(lambda: merge(paths))


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--windows", type=int, default=8, help="windows along each side")
    n = arguments.parse_args().windows
    rng = np.random.default_rng(0)
    side, weight = n * (SIDE - OVERLAP) + OVERLAP, feather(SIDE, OVERLAP)
    patterns = [rng.dirichlet(np.full(CLASSES, 0.3), (SIDE, SIDE)).transpose(2, 0, 1) for _ in range(2)]
    ood = rng.random((SIDE, SIDE)).astype(np.float32)
    result: dict[str, Any] = {"machine": platform.machine(), "numpy": np.__version__, "pixels": side * side}
    for kind in ("uint8", "float32"):
        as_f32 = kind == "float32"
        probs = [
            np.ascontiguousarray(p.astype(np.float32) if as_f32 else np.rint(p * 255).astype(np.uint8))
            for p in patterns
        ]
        windows = [
            Window(probs[(r + c) % 2], (r * (SIDE - OVERLAP), c * (SIDE - OVERLAP)), weight, weight, ood)
            for r in range(n)
            for c in range(n)
        ]
        blended(windows[:1], SIDE, as_f32)
        seconds = sorted(cpu_s(lambda windows=windows, f=as_f32: blended(windows, side, f)) for _ in range(3))
        result[f"blend of {CLASSES} classes, {kind}"] = {
            "cpu_s": [round(s, 2) for s in seconds],
            "mpx_per_cpu_s": round(side * side / 1e6 / seconds[1], 1),
        }
    result["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    with tempfile.TemporaryDirectory() as folder:
        seconds_merge = merged(Path(folder), windows)
    result["rasterio.merge, one band copied"] = {
        "cpu_s": round(seconds_merge, 2),
        "mpx_per_cpu_s": round(side * side / 1e6 / seconds_merge, 1),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
