"""Print megapixels per CPU-second of the ways to make one picture of many looks, as JSON with the hardware.

python bench/composites.py [SIDE]

Ten looks of ten bands, 40 % of the looks masked, all made up. One thread each; every kernel runs once before
it is timed. Where `geomad` is installed, its geometric median runs beside eomap's, turn by turn, on the same
pixels as float32 reflectance with NaN.
"""

import importlib.util
import json
import os
import platform
import sys
import time
from collections.abc import Callable

import numpy as np

from eomap.kernels import choice, deviations, geomedian, levels, median
from eomap.kernels.network import middle_of
from eomap.kernels.power import mean_in_power

LOOKS, BANDS, MASKED = 10, 10, 0.4
Call = Callable[[], object]


def cpu_s(call: Call) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def best_s(*calls: Call, repeat: int = 7) -> list[float]:
    """Return the least CPU-seconds of each, taken turn by turn, after one run that warms up."""
    for call in calls:
        call()
    return np.min([[cpu_s(call) for call in calls] for _ in range(repeat)], axis=0).tolist()


def made_up(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return codes (t, b, y, x), rows of all looks beside each other in memory, and the clear mask."""
    rng = np.random.default_rng(0)
    ground = rng.integers(300, 4000, (side, 1, BANDS, side))
    code = np.maximum(ground + rng.normal(0, 250, (side, LOOKS, BANDS, side)), 1).astype(np.uint16)
    clear = rng.random((side, LOOKS, side)) >= MASKED
    return code.transpose(1, 2, 0, 3), clear.transpose(1, 0, 2)


def compile_s(looks: int) -> float:
    start = time.perf_counter()
    middle_of(looks, median.ROW_PX, False)
    return round(time.perf_counter() - start, 2)


def beside_geomad(code: np.ndarray, clear: np.ndarray) -> dict[str, float]:
    """Return both speeds on 256 x 256 pixels, their ratio, and the largest difference in reflectance.

    Pixels of two looks are left out of the difference: any point between them is a geometric median, eomap
    takes the mean, and geomad, which starts at 0 for most pixels, another.
    """
    import geomad

    value = np.where(clear[:, None], code / 1e4, np.nan).astype(np.float32)[..., :256, :256].copy()
    seen, last = np.ones(value[:, 0].shape, bool), np.ascontiguousarray(value.transpose(2, 3, 1, 0))
    ours_s, theirs_s = best_s(
        lambda: geomedian.geomedian(value, seen, eps=1e-4),
        lambda: geomad.nangeomedian_pcm(last, eps=1e-4, num_threads=1),
    )
    exact, looks = geomedian.geomedian(value, seen, eps=1e-7)
    theirs = geomad.nangeomedian_pcm(last, eps=1e-7, num_threads=1).transpose(2, 0, 1)
    return {
        "eomap": round(256**2 / ours_s / 1e6, 2),
        "geomad": round(256**2 / theirs_s / 1e6, 2),
        "times as fast": round(theirs_s / ours_s, 2),
        "largest difference": float(np.abs(exact - theirs)[:, looks > 2].max()),
    }


def main() -> None:
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    code, clear = made_up(side)
    planar, planar_clear = np.ascontiguousarray(code), np.ascontiguousarray(clear)
    score = np.random.default_rng(1).random(clear.shape, np.float32)
    plane = np.empty((side, side), np.uint16)
    out = np.empty((BANDS, side, side), np.uint16), plane, plane.copy()
    centre, _ = geomedian.geomedian(planar, planar_clear)
    calls: dict[str, Call] = {
        "reading all once (max)": planar.max,
        "median, looks by row": lambda: median.median_composite(code, clear, out=out[:2]),
        "median, looks in planes": lambda: median.median_composite(planar, planar_clear, out=out[:2]),
        "median and spread, looks by row": lambda: median.median_and_spread(code, clear, out=out),
        "median and spread, looks in planes": lambda: median.median_and_spread(planar, planar_clear, out=out),
        "median, band after band": lambda: [
            median.median_composite(planar[:, b : b + 1], planar_clear, out=(out[0][b : b + 1], plane))
            for b in range(BANDS)
        ],
        "geomedian": lambda: geomedian.geomedian(planar, planar_clear),
        "smad, emad, bcmad": lambda: deviations.deviations(planar, planar_clear, centre),
        "medoid": lambda: choice.medoid(planar, planar_clear),
        "best available pixel": lambda: choice.best_scored(planar, planar_clear, score),
        "max NDVI": lambda: choice.greenest(planar, planar_clear, red=2, nir=6),
        "mean": lambda: levels.clear_mean(planar, planar_clear),
        "mean power": lambda: mean_in_power(planar, planar_clear),
        "percentiles 10, 50, 90": lambda: levels.percentiles(planar, planar_clear, [10, 50, 90]),
    }
    report = {
        "machine": platform.machine(),
        "numpy": np.__version__,
        "load": os.getloadavg()[0],
        "looks": LOOKS,
        "bands": BANDS,
        "masked": MASKED,
        "side_px": side,
        "compile_s, 0 if kept on disk": {n: compile_s(n) for n in (2, 10, 20, 40)},
        "mpix_per_cpu_s": {k: round(side**2 / best_s(c, repeat=5)[0] / 1e6, 2) for k, c in calls.items()},
    }
    if importlib.util.find_spec("geomad"):
        report["geometric median beside geomad"] = beside_geomad(code, clear)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
