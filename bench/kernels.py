"""Print megapixels per CPU-second of each kernel and of its NumPy twin, as JSON with the hardware.

python bench/kernels.py
"""

import json
import platform
import time
from collections.abc import Callable

import numpy as np

from eomap.kernels import cells, fill, median


def mpix_per_s(call: Callable[[], object], pixels: int, *, repeat: int) -> float:
    """Return the best of `repeat` runs, after one run that compiles."""
    call()
    seconds = []
    for _ in range(repeat):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return round(pixels / min(seconds) / 1e6, 2)


def main() -> None:
    rng = np.random.default_rng(0)
    dn = rng.integers(1, 10_000, (10, 10, 1024, 1024)).astype(np.uint16)
    clear = rng.random((10, 1024, 1024)) < 0.6
    gaps = np.where(rng.random((10, 1024, 1024)) < 0.1, 0, dn[0]).astype(np.uint16)
    looks = rng.integers(0, 11, (1000, 1000)).astype(np.uint16)
    prob = rng.dirichlet(np.ones(17), 250_000).T.reshape(17, 500, 500).astype(np.float32)
    wanted = np.ones((500, 500), bool)
    small = np.ascontiguousarray(dn[..., :256, :256]), np.ascontiguousarray(clear[..., :256, :256])
    pixels = 1024**2
    result = {
        "median, 10 looks x 10 bands, 40 % masked": (
            mpix_per_s(lambda: median.median_composite(dn, clear), pixels, repeat=5),
            mpix_per_s(lambda: median.median_composite_numpy(*small), 256**2, repeat=2),
        ),
        "fill, 10 bands, 10 % gaps, radius 10": (
            mpix_per_s(lambda: fill.fill_gaps(gaps, 10), pixels, repeat=5),
            mpix_per_s(lambda: fill.fill_gaps_numpy(gaps, 10), pixels, repeat=2),
        ),
        "cells of 10 px": (
            mpix_per_s(lambda: cells.cell_clear(looks, 10), looks.size, repeat=5),
            mpix_per_s(lambda: cells.cell_clear_numpy(looks, 10), looks.size, repeat=2),
        ),
        "summary of 17 classes, Mcells": (
            mpix_per_s(lambda: cells.summarise(prob, wanted), wanted.size, repeat=5),
            mpix_per_s(lambda: cells.summarise_numpy(prob, wanted), wanted.size, repeat=2),
        ),
    }
    table = {name: {"numba": fast, "numpy": plain} for name, (fast, plain) in result.items()}
    print(
        json.dumps(
            {"machine": platform.machine(), "numpy": np.__version__, "mpix_per_cpu_s": table}, indent=1
        )
    )


if __name__ == "__main__":
    main()
