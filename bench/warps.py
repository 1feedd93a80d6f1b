"""Print as JSON how fast the warps are, and how true, beside GDAL's (rasterio.warp.reproject) in one process.

python bench/warps.py

Made-up uint16 pixels of 10 m, one band, with 2 % nodata; 4096 x 4096 pixels of a frame near 12 E, 52.5 N.
"Other" is the share of the frame's pixels that differ from the file's pixel at the exact position by pyproj.
"""

import json
import platform
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from pyproj import Transformer

from eomap.core.grid import Frame, transformer
from eomap.kernels.resample import interpolate
from eomap.kernels.warp import Place, control_grids
from eomap.kernels.warp_area import warp_average, warp_mode
from eomap.kernels.warp_cubic import warp_cubic
from eomap.kernels.warp_linear import warp_bilinear
from eomap.kernels.warp_nearest import warp_nearest

SIDE, MARGIN, COARSE = 4096, 1200, 10


def mpx_per_s(call: Callable[[], object], pixels: int, *, repeat: int = 5) -> float:
    """Return megapixels of the result per CPU-second: the median of some runs, after one that compiles."""
    call()
    seconds = []
    for _ in range(repeat):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return round(pixels / sorted(seconds)[repeat // 2] / 1e6, 1)


def scene(source: int, frame_epsg: int) -> tuple[Frame, Place, np.ndarray]:
    """Return a frame, and a file in another system that covers it."""
    x, y = (round(v, -1) for v in transformer(4326, frame_epsg).transform(12.0, 52.5))
    frame = Frame(frame_epsg, int(x) - 5 * SIDE, int(y) + 5 * SIDE, SIDE, SIDE)
    x, y = (round(v, -1) for v in transformer(4326, source).transform(12.0, 52.5))
    side = SIDE + 2 * MARGIN
    rng = np.random.default_rng(0)
    native = rng.integers(1, 10_000, (side, side)).astype(np.uint16)
    native[rng.random(native.shape) < 0.02] = 0
    return frame, Place(source, (x - 5 * side, y + 5 * side), (10.0, -10.0), native.shape), native


def by_gdal(frame: Frame, place: Place, native: np.ndarray, how: str) -> np.ndarray:
    """Return the frame's pixels as GDAL warps them, with nodata 0."""
    from rasterio.transform import Affine
    from rasterio.warp import Resampling, reproject

    made = np.zeros(frame.shape, native.dtype)
    there = Affine(place.pixel_xy[0], 0, place.corner_xy[0], 0, place.pixel_xy[1], place.corner_xy[1])
    reproject(
        native, made, src_transform=there, src_crs=place.crs, dst_transform=Affine(*frame.transform),
        dst_crs=frame.epsg, resampling=Resampling[how], src_nodata=0, dst_nodata=0, num_threads=1,
    )  # fmt: skip
    return made


def exact_nearest(frame: Frame, place: Place, native: np.ndarray) -> np.ndarray:
    """Return the pixel at each centre's exact position."""
    x = frame.x0 + (np.arange(frame.width) + 0.5) * frame.pixel_m
    project = Transformer.from_crs(frame.epsg, place.crs, always_xy=True)
    made = np.empty(frame.shape, native.dtype)
    for r in range(frame.height):
        y = np.full(frame.width, frame.y0 - (r + 0.5) * frame.pixel_m)
        u, v = project.transform(x, y)
        col, row = (np.asarray(u) - place.corner_xy[0]) / 10, (place.corner_xy[1] - np.asarray(v)) / 10
        made[r] = native[np.floor(row).astype(int), np.floor(col).astype(int)]
    return made


def compared(source: int, frame_epsg: int) -> dict[str, Any]:
    """Return speeds and agreement of every warp for one pair of systems."""
    frame, place, native = scene(source, frame_epsg)
    pixels = SIDE * SIDE

    def grid(at_corners: bool = False, of: Frame = frame) -> Any:
        return control_grids(of, place, at_corners=at_corners)[0]

    ours: dict[str, Callable[[], Any]] = {
        "nearest": lambda: warp_nearest(native, grid()),
        "bilinear": lambda: warp_bilinear(native, grid(), nodata=0),
        "cubic": lambda: warp_cubic(native, grid(), nodata=0),
    }
    found: dict[str, Any] = {
        f"{how}, nodes included": {
            "eomap_mpx_per_cpu_s": mpx_per_s(call, pixels),
            "gdal_mpx_per_cpu_s": mpx_per_s(
                lambda how=how: by_gdal(frame, place, native, how), pixels, repeat=1
            ),
        }
        for how, call in ours.items()
    }
    exact = exact_nearest(frame, place, native)
    other = {"eomap": warp_nearest(native, grid()), "gdal": by_gdal(frame, place, native, "nearest")}
    found["nearest, other than exact"] = {who: float((made != exact).mean()) for who, made in other.items()}
    coarse = Frame(frame.epsg, frame.x0, frame.y0, SIDE // COARSE, SIDE // COARSE, 10 * COARSE)
    codes = (native % 17).astype(np.uint8)
    kinds: tuple[tuple[str, Callable[..., Any], np.ndarray], ...] = (
        ("average", warp_average, native), ("mode", warp_mode, codes),
    )  # fmt: skip
    for how, warp, values in kinds:
        found[f"{how}, 100 m, megapixels of the file"] = {
            "eomap_mpx_per_cpu_s": mpx_per_s(
                lambda w=warp, v=values: w(v, grid(True, coarse), nodata=0), pixels
            ),
            "gdal_mpx_per_cpu_s": mpx_per_s(
                lambda v=values, how=how: by_gdal(coarse, place, v, how), pixels, repeat=1
            ),
        }
    return found


def main() -> None:
    result: dict[str, Any] = {"machine": platform.machine(), "numpy": np.__version__}
    for source, frame_epsg in ((32633, 32632), (3035, 32633)):
        result[f"EPSG:{source} to EPSG:{frame_epsg}"] = compared(source, frame_epsg)
    rng = np.random.default_rng(1)
    for factor in (2, 6):
        side = SIDE // factor
        native = rng.integers(1, 10_000, (side + 2, side + 2)).astype(np.uint16)
        at = 1 + (np.arange(side * factor) + 0.5) / factor
        result[f"parallel, linear, {factor} times finer"] = mpx_per_s(
            lambda n=native, at=at: interpolate(n, at, at, nodata=0), at.size**2
        )
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
