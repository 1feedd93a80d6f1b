"""How the error of a median composite falls as clear looks grow, on the twin: synthetic, its truth known.

    python bench/twin_looks.py

Sentinel-2 L2A of the demonstration's town over two months, masked by the scene classification as the engine
does. Looks are taken in order of nearness to the middle day, whose clear surface is the truth; every pixel
uses its own first k clear looks. Prints the mean absolute error over ten bands, and that of single looks
without a mask.
"""

from datetime import date

import numpy as np

from eomap.core.grid import Frame
from eomap.core.period import Period
from eomap.kernels.median import median_composite
from eomap.sensors.sentinel2 import BANDS as SIZES
from eomap.sensors.sentinel2 import LCZ_BANDS as BANDS
from eomap.sensors.sentinel2 import SCENE_CLASS, scl_clear
from eomap.twin.acquisitions import acquisitions, seen
from eomap.twin.earth import points_of
from eomap.twin.world import World

FRAME = Frame(32632, 634_200, 6_158_400, 420, 420)
MIDDLE = date(2024, 6, 30)
PERIOD = Period(date(2024, 5, 31), date(2024, 7, 30))
COUNTS = (1, 2, 3, 4, 5, 6, 8, 10)


def looks(world: World) -> tuple[np.ndarray, np.ndarray]:
    """Return reflectance x 10000 (t, b, y, x) and clear masks (t, y, x), nearest to the middle day first."""
    found = acquisitions(FRAME.bounds_deg(), PERIOD, ("s2",), seed=world.seed)
    stack, clear = [], []
    for one in sorted(found, key=lambda a: (abs((a.day - MIDDLE).days), a.day)):
        bands = world.optical(one, FRAME, (*BANDS, SCENE_CLASS), level="L2A")
        fine = [np.kron(bands[b], np.ones((SIZES[b] // 10,) * 2, np.float32)) for b in BANDS]
        stack.append(np.clip(np.rint(np.stack(fine) * 10_000), 1, 65_535).astype(np.uint16))
        mask = np.kron(scl_clear(bands[SCENE_CLASS]), np.ones((2, 2), bool)).astype(bool)
        clear.append(mask & seen(one, points_of(FRAME)))
    return np.stack(stack), np.stack(clear)


def main() -> None:
    world = World(17, middle=MIDDLE)
    truth = world.truth(FRAME, None)["surface"].values.astype(np.float64)
    dn, clear = looks(world)
    order = clear.cumsum(axis=0)
    enough = order[-1] >= max(COUNTS)
    print(f"{len(dn)} scenes, {enough.mean():.0%} of the pixels have {max(COUNTS)} clear looks (synthetic)")
    print("\n| clear looks | MAE | 90th percentile of the absolute error |\n|---|---|---|")
    for k in COUNTS:
        median, _ = median_composite(dn, clear & (order <= k))
        error = np.abs(median.astype(np.float64) - truth)[:, enough] * 1e-4
        print(f"| {k} | {error.mean():.4f} | {np.percentile(error, 90):.4f} |")
    unmasked = np.abs(dn.astype(np.float64) - truth)[:, :, enough].mean() * 1e-4
    print(f"\nA single look without a mask: MAE {unmasked:.4f}")


if __name__ == "__main__":
    main()
