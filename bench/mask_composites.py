"""Print what cloud masks leave in a median composite of the twin (synthetic), by mask and growth.

    python bench/mask_composites.py [--places 12] [--seed 31] [--json FILE]

Surface reflectance with its scene classification, three months a place. The error is against the median of
the same looks without any cloud, where all masks leave a look: mean absolute difference over six bands, and
the share of pixels that are off by more than .02 in any band. A mask that hides more leaves fewer looks.
"""

import argparse
import json
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
from masks import RECIPE

from eomap.core.grid import Frame
from eomap.core.period import Period
from eomap.core.ports import CloudClassifier
from eomap.io.cloud_weights import load_cloud_network
from eomap.kernels.median import median_composite
from eomap.sensors.cloud_shadow import SunAt
from eomap.sensors.cloudmask import NETWORK_BANDS, NETWORK_CLOUD, NETWORK_SHADOW, Setting, clear_mask
from eomap.sensors.water_snow import is_water
from eomap.twin.acquisitions import Acquisition, acquisitions
from eomap.twin.sky import CLEAR, Sky
from eomap.twin.world import World, sun_at

sys.path.insert(0, str(RECIPE))
from scenes import places

SIDE_PX, LOOKS, SEED = 240, 10, 31
GROWTHS_M = (0.0, 20.0, 60.0, 120.0)
WAYS = (
    ("none", "none", (None,)),
    ("scl", "scl", GROWTHS_M),
    ("network", "network", GROWTHS_M),
    ("spectral", "spectral", (None,)),
    ("spectral and cast shadow", "spectral", (None,)),
)
"""Name, method, growths of each mask."""
Bool = npt.NDArray[np.bool_]
Row = tuple[float, float, float, float]


def looks(world: World, frame: Frame, first: date) -> list[Acquisition]:
    """Return a place's acquisitions of three months, one a day."""
    period = Period(first, first + timedelta(days=90))
    found = acquisitions(frame.bounds_deg(), period, ("s2",), seed=world.seed)
    days = {a.day: a for a in found if isinstance(a.frame, Frame) and a.frame.epsg == frame.epsg}
    return [days[d] for d in sorted(days)][:LOOKS]


def main() -> None:
    """Draw, mask, compose, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--places", type=int, default=12)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    classify = load_cloud_network()
    table: dict[str, list[Row]] = {}
    for place in places(asked.places, seed=asked.seed, pixels=(1,), side_px=SIDE_PX):
        world = World(seed=asked.seed)
        taken = looks(world, place.frame, place.day)
        if len(taken) < 4:
            continue
        clean = World(seed=asked.seed, covers={a.day: 0.0 for a in taken})
        stack, bare, masks = [], [], {}
        for acquisition in taken:
            dn, scl = seen(world, acquisition, place.frame)
            bare.append(np.stack(list(seen(clean, acquisition, place.frame)[0].values())))
            stack.append(np.stack(list(dn.values())))
            sun = sun_at(acquisition.frame, acquisition.moment)
            sky: Sky = world.sky(place.frame, acquisition.day, sun)
            masks.setdefault("a perfect mask", []).append(sky.classes() == CLEAR)
            masks.setdefault("network, shadow anywhere", []).append(shadow_anywhere(dn, classify))
            for name, method, growths in WAYS:
                cast = SunAt(sun.zenith_deg, sun.azimuth_deg) if "cast" in name else None
                for grown in growths:
                    setting = Setting(sun=cast, buffer_m=grown)
                    how = {"level": "L2A", "method": method, "classify": classify, "setting": setting}
                    label = name if grown is None else f"{name} grown by {grown:.0f} m"
                    masks.setdefault(label, []).append(clear_mask(dn, scl, **how)[0])
        truth, _ = median_composite(np.stack(bare), np.ones((len(bare), SIDE_PX, SIDE_PX), bool))
        made = {label: median_composite(np.stack(stack), np.stack(clear)) for label, clear in masks.items()}
        everywhere = np.logical_and.reduce([count > 0 for _, count in made.values()])
        if everywhere.any():
            for label, (found, count) in made.items():
                table.setdefault(label, []).append(compared(found, count, truth, everywhere))
    print("| mask | mean absolute error | off by more than .02 | looks used | pixels without a look |")
    print("|---|---|---|---|---|")
    out = {label: np.mean(rows, axis=0).round(5).tolist() for label, rows in table.items()}
    for label, (error, off, used, empty) in out.items():
        print(f"| {label} | {error:.4f} | {off:.3f} | {used:.2f} | {empty:.3f} |")
    print(f"\n{len(next(iter(table.values())))} places, synthetic")
    if asked.json:
        asked.json.write_text(json.dumps({"synthetic": True, "seed": asked.seed, "masks": out}, indent=1))


def seen(world: World, acquisition: Acquisition, frame: Frame) -> tuple[dict, npt.NDArray[np.uint8]]:
    """Return bands (y, x) at 10 m, reflectance x 10000, and the scene classification."""
    made = world.optical(acquisition, frame, (*NETWORK_BANDS, "SCL"), level="L2A")
    fine = {}
    for name, field in made.items():
        factor = frame.height // field.shape[0]
        whole = np.asarray(field) if name == "SCL" else np.clip(np.rint(field * 10_000), 1, 65_535)
        fine[name] = np.repeat(np.repeat(whole, factor, 0), factor, 1)
    scl = fine.pop("SCL").astype(np.uint8)
    return {n: v.astype(np.uint16) for n, v in fine.items()}, scl


def shadow_anywhere(dn: dict, classify: CloudClassifier) -> Bool:
    """Return the network's mask as if its shadow counted far from cloud, too."""
    found = classify([dn[n] for n in NETWORK_BANDS], corrected=True, origin_px=(0, 0))
    shadow = (found == NETWORK_SHADOW) & ~is_water(dn)
    return ~(np.isin(found, NETWORK_CLOUD) | shadow)


def compared(found_byx: npt.NDArray, count_yx: npt.NDArray, truth_byx: npt.NDArray, where: Bool) -> Row:
    """Return mean error and share far off where all masks left a look, looks used, share without any."""
    off = np.abs(found_byx.astype(np.int32) - truth_byx)[:, where] / 10_000
    far = (off.max(axis=0) > 0.02).mean()
    return float(off.mean()), float(far), float(count_yx.mean()), float((count_yx == 0).mean())


if __name__ == "__main__":
    main()
