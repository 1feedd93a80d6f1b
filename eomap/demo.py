"""The demonstration, `make demo`: from made-up scenes to a verified, queried and printed map.

Needs no network connection: the scenes are made here, the network comes with eomap. It runs the commands
that a person would type, and shows each before it runs.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from eomap.core.grid import PIXEL_M, Frame, transformer
from eomap.twin.catalog import write_catalog
from eomap.twin.landscape import land_of

FOLDER = Path("demo")
CELL_PX = 10
OUTSIDE = (226, 228, 230)
"""A grey that neither a cloud nor a class has."""
GROUPS: Mapping[str, tuple[int, ...]] = {
    "built": tuple(range(1, 11)),
    "trees": (11, 12, 13),
    "low plants": (14,),
    "bare": (15, 16),
    "water": (17,),
}
"""LCZ codes brought together, to compare map and truth in one small table."""


@dataclass(frozen=True, slots=True)
class World:
    """What the demonstration makes up: mid-Atlantic, so that nobody takes it for a real place."""

    corners_deg: tuple[tuple[float, float], ...] = (
        (-33.165, 45.112), (-32.95, 45.102), (-32.905, 45.13), (-32.90, 45.225),
        (-32.95, 45.262), (-33.08, 45.27), (-33.17, 45.25), (-33.185, 45.17),
    )  # fmt: skip
    """The area, across the border of two tiles at 33 W."""
    seed: int = 17
    dates: tuple[date, ...] = tuple(date(2024, m, d) for m, d in ((6, 4), (6, 29), (7, 14), (8, 3), (8, 23)))
    cloudy: tuple[float, ...] = (0.08, 0.45, 0.3, 0.4, 0.15)
    always_cloudy: tuple[float, float, float] = (-33.01, 45.168, 800.0)
    point: tuple[float, float] = (-33.1415, 45.212)
    period: str = "2024-06-01/2024-08-31"

    @property
    def area(self) -> shapely.Polygon:
        """The area to map."""
        return shapely.Polygon(self.corners_deg)


def main(
    folder: Path = FOLDER, *, world: World | None = None, model: str = "eomap-lcz-s", engine: str = "ray"
) -> dict[str, Any]:
    """Run the demonstration into a fresh folder; return files, seconds and agreement with the truth."""
    world, started = world or World(), time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    aoi, cube = folder / "area.geojson", folder / "map.zarr"
    _write_area(aoi, world)
    with tempfile.TemporaryDirectory(prefix="eomap-demo-") as scratch:
        _say("Making up scenes (no satellite took these, the place does not exist) ...")
        catalog = write_catalog(
            Path(scratch),
            bounds_deg=world.area.bounds,
            dates=world.dates,
            seed=world.seed,
            cloudy=world.cloudy,
            always_cloudy=world.always_cloudy,
        )
        _say(f"{2 * len(world.dates)} scenes of {len(world.dates)} dates, {time.monotonic() - started:.0f} s")
        what = ["--aoi", str(aoi), "--product", "lcz", "--catalog", str(catalog)]
        what += ["--period", world.period, "--model", model]
        run = ["run", *what, "--engine", engine, "--out", str(cube)]
        _eomap("What would be done?", "plan", *what)
        _eomap("Make the map.", *run)
        _eomap("The same command again: everything is there, nothing is done.", *run)
        _eomap("Is everything there, and as it was written?", "verify", str(cube))
        lon, lat = world.point
        _eomap("What is at a point?", "query", str(cube), f"--point={lon},{lat}")
        _eomap("How many km2 of each class are in the area?", "query", str(cube), "--aoi", str(aoi))
        _eomap("Look at it.", "export", str(cube), "--png", str(folder / "map.png"))
        _eomap("Take it to a GIS.", "export", str(cube), "--cog", str(folder / "map.tif"))
        _draw_panels(folder / "from-clouds-to-map.png", world, aoi, catalog, cube, model)
    agreement = truth_table(world, cube)
    seconds = time.monotonic() - started
    _close(folder, agreement, seconds)
    return {"files": sorted(p.name for p in folder.iterdir()), "seconds": seconds, "agreement": agreement}


def _say(text: str) -> None:
    print(text, flush=True)


def _write_area(path: Path, world: World) -> None:
    feature = {
        "type": "Feature",
        "properties": {"name": "Demo area (made up)"},
        "geometry": shapely.geometry.mapping(world.area),
    }
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")


def _eomap(why: str, *words: str) -> None:
    """Show and run one command; a failure ends the demonstration."""
    _say(f"\n# {why}\n$ eomap {shlex.join(words)}")
    subprocess.run([sys.executable, "-m", "eomap", *words], check=True, env=os.environ | {"COLUMNS": "100"})


def _canvas(world: World) -> Frame:
    """Return the frame of the area, on whole cells of the zone's own grid."""
    cell_m = CELL_PX * PIXEL_M
    box = transformer(4326, _epsg(world)).transform_bounds(*world.area.bounds, densify_pts=21)
    west, south = (int(v // cell_m) * cell_m for v in box[:2])
    east, north = (int(v // cell_m + 1) * cell_m for v in box[2:])
    return Frame(_epsg(world), west, north, (north - south) // PIXEL_M, (east - west) // PIXEL_M)


def _epsg(world: World) -> int:
    from eomap.core.grid import utm_epsg

    centre = world.area.centroid
    return utm_epsg(centre.x, centre.y)


def _codes(cube_path: Path, frame: Frame, every_px: int) -> npt.NDArray[Any]:
    """Return the map's stored codes (y, x) in the middle of every n x n pixels of a frame."""
    from eomap.core.grid import STEPS_PER_DEGREE
    from eomap.io.cube import open_cube

    cube = open_cube(str(cube_path))
    window, d = cube.extent.window, cube.extent.step / STEPS_PER_DEGREE
    x = frame.x0 + (np.arange(frame.width // every_px) + 0.5) * every_px * PIXEL_M
    y = frame.y0 - (np.arange(frame.height // every_px) + 0.5) * every_px * PIXEL_M
    lon, lat = transformer(frame.epsg, 4326).transform(*np.meshgrid(x, y))
    col = np.floor((lon + 180) / d).astype(np.int64) - window.col0
    row = np.floor((90 - lat) / d).astype(np.int64) - window.row0
    codes: npt.NDArray[Any] = cube.read("lcz", window)[row, col]
    return codes


def _draw_panels(path: Path, world: World, aoi: Path, catalog: Path, cube: Path, model: str) -> None:
    """Draw the cloudiest date, what the engine sees through all dates, and the map, side by side."""
    from eomap import api
    from eomap.io.colours import class_rgb, hatched, true_colour
    from eomap.io.picture import side_by_side
    from eomap.products import product

    _say("\nDrawing the cloudiest date, the clear-sky composite and the map side by side ...")
    frame, every = _canvas(world), 2
    plan = api.plan(aoi, catalog=str(catalog), period=world.period, model=model)
    worst = world.dates[int(np.argmax(world.cloudy))]
    codes = _codes(cube, frame, every)

    clear, cloudy = (_seen(plan, frame, day)[:, ::every, ::every] for day in (None, worst))
    # Blue air lies over every scene; the darkest pixels of each band show how much.
    air = np.array([np.percentile(band[band > 0], 0.2) for band in clear])[:, None, None]

    def panel(dn: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
        rgb = true_colour((dn - air + 100) / 10_000, white=0.2)
        return hatched(rgb, (dn == 0).any(axis=0))

    panels = [
        (f"{worst}, one of {len(world.dates)} made-up dates", panel(cloudy)),
        ("Clear-sky composite", panel(clear)),
        ("Local climate zones, made-up scenes", class_rgb(codes, product(plan.product).gives[0])),
    ]
    for _, rgb in panels:
        rgb[codes == 255] = OUTSIDE
    side_by_side(panels, path)


def _seen(plan: Any, canvas: Frame, day: date | None) -> npt.NDArray[np.uint16]:
    """Return red, green, blue (3, y, x) of one date as it is, or of all dates through the engine's mask."""
    from eomap.api.running import scene_of
    from eomap.io.pixels import RasterReader
    from eomap.products import product
    from eomap.worker import Job, fetch_composite

    made = product(plan.product)
    bands = ("B04", "B03", "B02")
    picture = replace(made, needs=(replace(made.needs[0], bands=bands, halo_px=0),))
    out = np.zeros((len(bands), *canvas.shape), dtype=np.uint16)
    reader = RasterReader()
    for task in plan.tasks:
        scenes = [scene_of(plan, s) for s in task.scenes]
        used = tuple(s for s in scenes if day is None or s.moment.startswith(day.isoformat()))
        found = fetch_composite(Job(task, picture, used, plan.mask if day is None else "none", ()), reader)
        row, col = (found.frame.y0 - canvas.y0) // PIXEL_M, (canvas.x0 - found.frame.x0) // PIXEL_M
        rows = slice(max(-row, 0), min(found.frame.height - row, canvas.height))
        cols = slice(max(-col, 0), min(found.frame.width - col, canvas.width))
        part = found.dn_byx[:, rows.start + row : rows.stop + row, cols.start + col : cols.stop + col]
        np.maximum(out[:, rows, cols], part, out=out[:, rows, cols])
    reader.close()
    return out


def truth_table(world: World, cube: Path) -> dict[str, dict[str, float]]:
    """Return, per group of classes, how many cells are that in truth and the share that the map calls so.

    Cells at least four fifths of which are one group, and that were seen; the land is known everywhere.
    """
    frame = _canvas(world)
    codes = _codes(cube, frame, CELL_PX)
    zone = land_of(frame, world.seed).zone_yx
    cells = zone.reshape(codes.shape[0], CELL_PX, codes.shape[1], CELL_PX)
    mapped = (codes >= 1) & (codes <= 17)
    table = {}
    for name, group in GROUPS.items():
        truly = (np.isin(cells, group).mean(axis=(1, 3)) >= 0.8) & mapped
        count = int(truly.sum())
        if count:
            table[name] = {"cells": count, "share": float(np.isin(codes[truly], group).mean())}
    return table


def _close(folder: Path, agreement: Mapping[str, Mapping[str, float]], seconds: float) -> None:
    _say("\nThe land is made up, so its truth is known. Of the cells that are mostly ..., the map calls so:")
    for name, found in agreement.items():
        _say(f"  {name:<11}{found['share']:6.0%}  of {found['cells']:,.0f} cells")
    _say("No network was ever trained on these scenes. What is bare here are beaches, narrower than a cell's")
    _say("surroundings that a network looks at: expect them to drown in water and fields.")
    _say(f"\nDone in {seconds:.0f} s. Look at:")
    notes: Sequence[tuple[str, str]] = (
        ("from-clouds-to-map.png", "a cloudy date, the composite, the map"),
        ("map.png", "the map with legend and scale bar"),
        ("map.tif", "the map for a GIS"),
        ("map.zarr", "the cube: xarray.open_zarr, or eomap query"),
        ("area.geojson", "the area"),
    )
    for name, note in notes:
        _say(f"  {folder / name!s:<30}{note}")


if __name__ == "__main__":
    main()
