"""How the error of a composite falls with the number of looks read, and what choosing them is worth.

    python bench/looks_selection.py [SEED ...]

On the twin (synthetic, its truth known): Sentinel-2 L2A of the demonstration's town over four months,
masked by its scene classification. K looks are taken by `--max-looks` (eomap.looks), by least cloud alone,
and by chance (the mean of 20 draws), knowing only what a catalogue says: footprint, day, and the cloud cover
of a scene, here that of 12 x 12 km around. Error: mean absolute, ten bands, of pixels with a clear look;
`unseen` is the share without. The truth is the clear surface of the middle day. Writes looks-selection.json.
"""

import json
import platform
import sys
from datetime import date
from pathlib import Path

import numpy as np
import shapely
import twin_looks

from eomap.core.grid import Frame
from eomap.core.period import Period
from eomap.core.source import Scene
from eomap.kernels.median import median_composite
from eomap.looks import chosen_scenes
from eomap.sensors.sentinel2 import SCENE_CLASS, scl_clear
from eomap.twin.acquisitions import acquisitions
from eomap.twin.world import World

PERIOD = Period(date(2024, 5, 1), date(2024, 8, 29))
COUNTS = (1, 2, 3, 5, 8, None)
DRAWS = 20
FRAME = twin_looks.FRAME
WIDE = Frame(FRAME.epsg, FRAME.x0 - 4_200, FRAME.y0 + 4_200, 3 * FRAME.height, 3 * FRAME.width)
OUT = Path(__file__).parent / "looks-selection.json"


def scenes_of(world: World) -> tuple[list[Scene], dict[str, float]]:
    """Return the scenes in the order of `twin_looks.looks`, and their cloud cover in percent by id."""
    found = acquisitions(FRAME.bounds_deg(), PERIOD, ("s2",), seed=world.seed)
    west, south, east, north = FRAME.bounds_deg()
    wkb = shapely.to_wkb(shapely.box(west, south, east, north), hex=True)
    scenes, cloud = [], {}
    for n, one in enumerate(sorted(found, key=lambda a: (abs((a.day - twin_looks.MIDDLE).days), a.day))):
        name = f"{n:03d}-{one.place}"
        classes = world.optical(one, WIDE, (SCENE_CLASS,), level="L2A")[SCENE_CLASS]
        cloud[name] = float(100 * (1 - scl_clear(classes).mean()))
        scenes.append(Scene(name, "s2", one.moment.isoformat(), "L2A", (), "", wkb))
    return scenes, cloud


def measured(seed: int) -> list[dict]:
    """Return a row for each number of looks and each way to choose them."""
    twin_looks.PERIOD = PERIOD
    world = World(seed, middle=twin_looks.MIDDLE)
    truth = world.truth(FRAME, None)["surface"].values.astype(np.float64)
    dn, clear = twin_looks.looks(world)
    scenes, cloud = scenes_of(world)
    ids = [s.id for s in scenes]
    dice = np.random.default_rng(seed)
    days: dict[str, list[str]] = {}
    for scene in scenes:
        days.setdefault(scene.moment[:10], []).append(scene.id)
    cloudy = {d: np.mean([cloud[n] for n in names]) for d, names in days.items()}

    def on(chosen) -> list[str]:
        return [name for day in chosen for name in days[day]]

    def error(names) -> tuple[float, float]:
        rows = sorted(ids.index(n) for n in names)
        median, count = median_composite(dn[rows], clear[rows])
        seen = count > 0
        mae = float(np.abs(median - truth)[:, seen].mean()) * 1e-4 if seen.any() else np.nan
        return mae, float(1 - seen.mean())

    rows = []
    for k in COUNTS:
        most = len(days) if k is None else min(k, len(days))
        best = chosen_scenes(scenes, FRAME.bounds_deg(), cloud_percent=cloud, period=PERIOD, most=most)
        ways = {
            "best": [[s.id for s in best]],
            "least cloud": [on(sorted(days, key=lambda d: (cloudy[d], d))[:most])],
            "chance": [on(dice.choice(sorted(days), most, replace=False)) for _ in range(DRAWS)],
        }
        for way, draws in ways.items():
            found = np.array([error(d) for d in draws])
            mae, unseen = np.nanmean(found, axis=0)
            rows.append(
                {"seed": seed, "k": k or "all", "way": way, "scenes": len(draws[0]),
                 "mae": round(float(mae), 5), "unseen": round(float(unseen), 4)}
            )  # fmt: skip
    return rows


def main() -> None:
    seeds = [int(s) for s in sys.argv[1:]] or [17, 18, 19]
    rows = [row for seed in seeds for row in measured(seed)]
    mean = []
    print("| looks | best: MAE, unseen | least cloud | chance |\n|---|---|---|---|")
    for k in [c or "all" for c in COUNTS]:
        cells = []
        for way in ("best", "least cloud", "chance"):
            of = [r for r in rows if r["k"] == k and r["way"] == way]
            mae, unseen = (float(np.mean([r[n] for r in of])) for n in ("mae", "unseen"))
            mean.append({"k": k, "way": way, "mae": round(mae, 5), "unseen": round(unseen, 4)})
            cells.append(f"{mae:.4f}, {unseen:.1%}")
        print(f"| {k} | {' | '.join(cells)} |")
    said = {"synthetic": True, "period": str(PERIOD), "machine": platform.processor() or platform.machine()}
    OUT.write_text(json.dumps({**said, "seeds": seeds, "mean": mean, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
