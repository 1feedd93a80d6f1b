"""Print what one Sentinel-2 scene of the twin costs, as JSON: CPU seconds by stage, wall time, peak memory.

    python bench/twin_scene.py                      # a whole square, 10,980 x 10,980, 13 bands (L1C)
    python bench/twin_scene.py --side 3660          # the middle of the square only, in a minute
    python bench/twin_scene.py --level L2A --threads 1 --profile out.prof

The scene is the one that `eomap twin build --seed 17 --whole-scenes --period 2024-06-22` makes of the square
around 1.48 W, 55.05 N: North Sea coast, towns, fields, half of it below cloud. Files are written as the
command writes them, into a folder that is then removed. CPU seconds are user + system of all threads, after
one small piece has been made, so that kernels are compiled and tables are read.
"""

import argparse
import cProfile
import json
import os
import resource
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from run import hardware

from eomap.core.period import Period
from eomap.twin import build, exposure, files, rendering, world
from eomap.twin.deliveries import Delivery
from eomap.twin.quirks import Quirks

BOUNDS_DEG, DAY, SEED = (-1.49, 55.04, -1.47, 55.06), "2024-06-22", 17
STAGES = {
    "land": (world, "land_of"),
    "scenery": (world, "scenery"),
    "sky": (world, "sky_of"),
    "light": (world.World, "_exposure"),
    "bands": (exposure, "band_of"),
    "classes": (exposure, "scene_classes"),
    "numbers": (rendering, "numbers"),
    "scratch": (files.RasterFile, "write"),
    "compress": (files.RasterFile, "finish"),
    "checksum": (build, "checksum"),
}
"""Functions whose CPU time is counted, less that of those among them that they call."""


class Clock:
    """CPU seconds by stage, over all threads."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._lock, self._inner = threading.Lock(), threading.local()

    def timed(self, stage: str, do: Callable[..., Any]) -> Callable[..., Any]:
        """Return the same function, timed."""

        def wrapped(*args: Any, **how: Any) -> Any:
            outer, self._inner.spent = getattr(self._inner, "spent", 0.0), 0.0
            start = time.thread_time()
            try:
                return do(*args, **how)
            finally:
                spent = time.thread_time() - start
                with self._lock:
                    self.seconds[stage] += spent - self._inner.spent
                self._inner.spent = outer + spent

        return wrapped

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count in all STAGES while the block runs."""
        plain = {stage: getattr(home, name) for stage, (home, name) in STAGES.items()}
        for stage, (home, name) in STAGES.items():
            setattr(home, name, self.timed(stage, plain[stage]))
        try:
            yield
        finally:
            for stage, (home, name) in STAGES.items():
                setattr(home, name, plain[stage])


def scene(level: str, side: int | None) -> Delivery:
    """Return the scene, or the square of `side` pixels in the middle of it."""
    order = build.Order(
        BOUNDS_DEG, Period.parse(f"{DAY}/{DAY}"), ("s2",), SEED, levels=(level,), whole_scenes=True
    )
    (found,) = build.ordered(order)
    if side is None:
        return found
    first = (found.frame.height - side) // 2 // 60 * 60
    return replace(found, frame=found.frame.sub(first, first + side, first, first + side))


def cpu_s() -> float:
    """Return user + system seconds of this process and its children."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in both)


def measured(level: str, side: int | None, threads: int, profile: str | None) -> dict[str, Any]:
    """Make the scene and return what it cost."""
    delivery, source, clock = scene(level, side), world.World(SEED), Clock()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(threads) as pool:
        home = Path(folder)
        build._write_product(home / "warm", scene(level, 120), Quirks(), source, pool)
        world.LANDS.clear()
        watch = cProfile.Profile() if profile else nullcontext()
        if profile:
            rendered, build.rendered = build.rendered, lambda *a, **k: watch.runcall(rendered, *a, **k)
        begin, spent = time.perf_counter(), cpu_s()
        with clock.running():
            build._write_product(home / "scene", delivery, Quirks(), source, pool)
        wall, spent = time.perf_counter() - begin, cpu_s() - spent
        if profile:
            watch.dump_stats(profile)
        size = sum(p.stat().st_size for p in (home / "scene").iterdir())
    stages = {k: round(v, 1) for k, v in clock.seconds.items()}
    return {
        "scene": delivery.id,
        "shape": list(delivery.frame.shape),
        "threads": threads,
        "cpu_s": round(spent, 1),
        "wall_s": round(wall, 1),
        "peak_rss_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "cpu_s_by_stage": dict(sorted(stages.items(), key=lambda item: -item[1])),
        "cpu_us_per_pixel": round(spent / (delivery.frame.height * delivery.frame.width) * 1e6, 2),
        "written_mb": round(size / 1e6, 1),
        "hardware": hardware(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--side", type=int, help="pixels; a multiple of 60")
    parser.add_argument("--level", choices=("L1C", "L2A"), default="L1C")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--profile", help="write a cProfile of the pieces; wants --threads 1")
    given = parser.parse_args()
    print(json.dumps(measured(given.level, given.side, given.threads, given.profile), indent=1))


if __name__ == "__main__":
    main()
