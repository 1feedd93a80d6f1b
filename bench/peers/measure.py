"""Median composites of 839 km2, twenty scenes, two zones: eomap beside its peers, in one run.

    python -m venv /somewhere/peers && /somewhere/peers/bin/pip install -r bench/peers/requirements.txt
    python bench/peers/measure.py --python /somewhere/peers/bin/python [--rounds 3] [--folder F] [--out FILE]

Every contender makes the same picture of the same files: EPSG:32632, 10 m, nearest, clouds out, +1000 out,
median over time, whole numbers, Zarr. In a round each runs once, one after the other, as a process of its
own; what it costs are CPU-seconds of it and of everything that it started (Ray's daemons, too), imports
included.
"""

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import psutil
import zarr
from fixture import make
from pyproj import Transformer
from run import hardware

HERE = Path(__file__).parent
EPSG, BOUNDS_M = 32632, (704_000, 5_098_000, 744_960, 5_118_480)
BANDS = ("B02", "B03", "B04", "B08")
DECODE_MB_S = 340
"""What a core decodes of deflate COGs by GDAL: stack figures of this kind of machine."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    """Of the largest process, resident."""
    processes: int
    said: str = field(default="", compare=False)


def measured(command: list[str], more: Mapping[str, str]) -> Cost:
    """Run a command and return its cost, with all that it left behind and all that those left.

    Ray's daemon forgets what its workers took, so every process is asked ten times a second: the last tenth
    of each is lost. The larger of this sum and of what the system counted is taken.
    """
    peak: dict[int, int] = {}
    took: dict[int, float] = {}
    over = threading.Event()

    def watch() -> None:
        me = psutil.Process()
        while not over.wait(0.1):
            for child in me.children(recursive=True):
                try:
                    peak[child.pid] = max(peak.get(child.pid, 0), child.memory_info().rss)
                    times = child.cpu_times()
                    took[child.pid] = times.user + times.system
                except psutil.Error:
                    continue

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    before, start = os.times(), time.perf_counter()
    # Installed peers come as bytecode; what runs from a checkout may keep its own.
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | dict(more)
    ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - start
    _reap()
    after = os.times()
    over.set()
    watcher.join()
    if ended.returncode:
        raise SystemExit(f"{' '.join(command)}\n{ended.stdout[-2000:]}\n{ended.stderr[-4000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    cpu = max(cpu, sum(took.values()))
    return Cost(
        round(cpu, 2), round(wall, 2), round(max(peak.values(), default=0) / 1e6), len(peak), ended.stdout
    )


def _reap() -> None:
    """Wait for orphans: as their reaper, this process is told what they took."""
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _become_reaper() -> None:
    set_child_subreaper = 36
    ctypes.CDLL(None, use_errno=True).prctl(set_child_subreaper, 1, 0, 0, 0)


def area(folder: Path) -> Path:
    """Write the square of the zone as lon/lat GeoJSON, its straight edges in a thousand steps."""
    west, south, east, north = BOUNDS_M
    share = np.linspace(0, 1, 1001)
    x = np.concatenate(
        [west + share * (east - west), np.full(1001, east), east - share * (east - west), np.full(1001, west)]
    )
    y = np.concatenate(
        [
            np.full(1001, north),
            north - share * (north - south),
            np.full(1001, south),
            south + share * (north - south),
        ]
    )
    lon, lat = Transformer.from_crs(EPSG, 4326, always_xy=True).transform(x, y)
    ring = [[float(a), float(b)] for a, b in zip(lon, lat, strict=True)]
    ring.append(ring[0])
    path = folder / "area.geojson"
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    return path


def eomap_run(catalog: Path, aoi: Path, out: Path, engine: str) -> list[str]:
    """Return the command of a whole run: search, plan, read, compose, write, ledger, manifest."""
    said = [
        "--aoi",
        str(aoi),
        "--catalog",
        str(catalog),
        "--product",
        "composite",
        "--bands",
        ",".join(BANDS),
    ]
    said += ["--period", "2022", "--grid", f"EPSG:{EPSG}", "--engine", engine, "--out", str(out)]
    return [sys.executable, "-m", "eomap", "run", *said]


def pixels(name: str, out: Path) -> np.ndarray:
    """Return what a contender wrote (b, y, x), 0 where nothing was seen."""
    if name.startswith("eomap"):
        from eomap.core.grid import Window, origin
        from eomap.io.cube import open_cube

        west, south, east, north = BOUNDS_M
        west0, north0 = origin(EPSG)
        rows, cols = [(north0 - v) // 10 for v in (north, south)], [(v - west0) // 10 for v in (west, east)]
        cube, window = open_cube(str(out)), Window(1, *rows, *cols, EPSG)
        values = cube.read("reflectance", window)
        return np.where(values == 65_535, 0, values)
    if name.startswith("rasterio"):
        return zarr.open_array(str(out), mode="r")[:]
    group = zarr.open_group(str(out), mode="r")
    return np.stack([group[b][:] for b in BANDS])


def agreement(found: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """Return how a picture differs from another: pixels seen by one only, mean and largest difference."""
    seen, both = (found > 0) != (reference > 0), (found > 0) & (reference > 0)
    apart = np.abs(found.astype(int) - reference.astype(int))[both]
    return {"mask_differs": float(seen.mean()), "mean_dn": float(apart.mean()), "most_dn": int(apart.max())}


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--python", required=True, help="A Python that has the peers.")
    ask.add_argument("--folder", type=Path, help="Where the scenes are, or go.  [default: a temporary one]")
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--only", help="Names of contenders, comma-separated parts of them.")
    ask.add_argument("--out", type=Path, help="JSON.")
    asked = ask.parse_args()
    _become_reaper()
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch)
        folder = asked.folder or here / "scenes"
        catalog = folder / "catalog.json"
        if not catalog.exists():
            make(folder, side=2400, dates=10)
        _report(asked, here, catalog, area(here))


def _report(asked: Any, here: Path, catalog: Path, aoi: Path) -> None:
    peers = {
        "odc-stac + dask": HERE / "by_odc_stac.py",
        "stackstac + dask": HERE / "by_stackstac.py",
        "rasterio + numba loop": HERE / "by_loop.py",
    }
    outs = {name: here / f"{n}.zarr" for n, name in enumerate((*peers, "eomap inline", "eomap on Ray"))}
    more = {
        "BBOX": ",".join(map(str, BOUNDS_M)),
        "EPSG": str(EPSG),
        "EOMAP_SHARED": os.environ.get("EOMAP_SHARED", ""),
    }
    commands = {n: [asked.python, str(script), str(catalog), str(outs[n])] for n, script in peers.items()}
    for engine, name in (("inline", "eomap inline"), ("ray", "eomap on Ray")):
        commands[name] = eomap_run(catalog, aoi, outs[name], engine)
    if asked.only:
        parts = asked.only.split(",")
        commands = {n: c for n, c in commands.items() if any(p in n for p in parts)}
    costs: dict[str, list[Cost]] = {n: [] for n in commands}
    for _ in range(asked.rounds):
        for name, command in commands.items():
            for left in (outs[name], Path(f"{outs[name]}.ledger")):
                subprocess.run(["rm", "-rf", str(left)], check=True)
            costs[name].append(measured(command, more))
            print(
                name,
                *(f"{k} {v}" for k, v in asdict(costs[name][-1]).items() if k != "said"),
                file=sys.stderr,
            )
    found: dict[str, Any] = {
        n: {"runs": [{k: v for k, v in asdict(c).items() if k != "said"} for c in cs]}
        for n, cs in costs.items()
    }
    for name, cs in costs.items():
        found[name] |= {"cpu_s": median(c.cpu_s for c in cs), "peak_mb": max(c.peak_mb for c in cs)}
    if "odc-stac + dask" in commands:
        reference = pixels("odc-stac + dask", outs["odc-stac + dask"])
        for name in commands:
            found[name]["against odc-stac"] = agreement(pixels(name, outs[name]), reference)
    report = {"hardware": hardware(), "km2": 839, "scenes": 20, "contenders": found, "floor": floor(catalog)}
    for name in (n for n in peers if n in found):
        report[f"times {name}"] = {
            n: round(median(p.cpu_s / c.cpu_s for p, c in zip(costs[name], cs, strict=True)), 2)
            for n, cs in costs.items()
            if n.startswith("eomap")
        }
    for name in (n for n in commands if n.startswith("eomap")):
        found[name]["stages"] = stages(outs[name])
    print(json.dumps(report, indent=1))
    if asked.out:
        asked.out.write_text(json.dumps(report, indent=1) + "\n")


def floor(catalog: Path) -> dict[str, float]:
    """Return what cannot be avoided: bytes of all whole blocks under the area, by the rate of the decoder."""
    import rasterio
    from rasterio.warp import transform_bounds

    total = 0
    for path in sorted(catalog.parent.glob("S2*/*.tif")):
        with rasterio.open(path) as file:
            west, south, east, north = transform_bounds(f"EPSG:{EPSG}", file.crs, *BOUNDS_M)
            row0, col0 = file.index(west, north)
            row1, col1 = file.index(east, south)
            high, wide = file.block_shapes[0]
            rows = min(-(-(row1 + 1) // high) * high, file.height) - max(row0, 0) // high * high
            cols = min(-(-(col1 + 1) // wide) * wide, file.width) - max(col0, 0) // wide * wide
            total += max(rows, 0) * max(cols, 0) * np.dtype(file.dtypes[0]).itemsize
    return {"needed_mb": round(total / 1e6), "decode_s": round(total / 1e6 / DECODE_MB_S, 2)}


def stages(out: Path) -> dict[str, float]:
    """Return where the time of a run went, as its receipts tell."""
    spent: dict[str, float] = {}
    decoded = 0
    for path in Path(f"{out}.ledger").glob("receipts/*.json"):
        receipt = json.loads(path.read_text())
        decoded += receipt["decoded_bytes"]
        for name, seconds in receipt["seconds"].items():
            spent[name] = round(spent.get(name, 0) + seconds, 2)
    return {**spent, "decoded_mb": round(decoded / 1e6)}


if __name__ == "__main__":
    main()
