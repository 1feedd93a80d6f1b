"""The demonstration, `make demo`: from synthetic scenes to a verified, queried, scored and printed map.

Needs no network connection: the scenes come from the twin, eomap's synthetic Earth, and the network comes
with eomap. It runs the commands that a person would type, and shows each before it runs.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from eomap.core.grid import PIXEL_M, STEPS_PER_DEGREE, Frame, Window, transformer, utm_epsg

FOLDER = Path("demo")
PICTURE = "from-clouds-to-map.png"
OUTSIDE = (226, 228, 230)
"""A grey that neither a cloud nor a class has."""
Rgb = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when: a town on a coast, with a river, fields and forest, in a fortnight of mixed weather."""

    corners_deg: tuple[tuple[float, float], ...] = (
        (11.07, 55.487), (11.15, 55.478), (11.19, 55.498), (11.195, 55.55),
        (11.16, 55.572), (11.09, 55.57), (11.066, 55.545),
    )  # fmt: skip
    """The area, across the border of two tiles at 55.5 N."""
    seed: int = 17
    period: str = "2024-06-10/2024-06-22"
    point: tuple[float, float] = (11.127, 55.527)

    @property
    def area(self) -> shapely.Polygon:
        """The area to map."""
        return shapely.Polygon(self.corners_deg)


def main(
    folder: Path = FOLDER, *, place: Place | None = None, model: str = "eomap-lcz-s", engine: str = "ray"
) -> dict[str, Any]:
    """Run the demonstration into a fresh folder; return its files, seconds and figures against the truth."""
    place, started = place or Place(), time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    aoi, cube, scenes = folder / "area.geojson", folder / "map.zarr", folder / "scenes"
    _write_area(aoi, place)
    catalog = scenes / "catalog.json"
    _eomap(
        "Take pictures of a synthetic Earth: no satellite took these, and the land is made up.",
        *("twin", "build", "--aoi", str(aoi), "--period", place.period, "--sensors", "s2,s1"),
        *("--level", "L1C", "--seed", str(place.seed), "--dated-truth", "--out", str(scenes)),
    )
    what = ["--aoi", str(aoi), "--product", "lcz", "--catalog", str(catalog), "--period", place.period]
    what += ["--collection", "sentinel-2-l1c", "--model", model]
    run = ["run", *what, "--engine", engine, "--out", str(cube)]
    _eomap("What would be done?", "plan", *what)
    _eomap("Make the map.", *run)
    _eomap("The same command again: everything is there, nothing is done.", *run)
    _eomap("Is everything there, and as it was written?", "verify", str(cube))
    lon, lat = place.point
    _eomap("What is at a point?", "query", str(cube), f"--point={lon},{lat}")
    _eomap("How many km2 of each class are in the area?", "query", str(cube), "--aoi", str(aoi))
    _eomap(
        "The Earth is synthetic, so the truth is known: how right is the map?",
        *("score", str(cube), "--truth", str(scenes), "--html", str(folder / "score.html")),
    )
    _eomap("Look at it.", "export", str(cube), "--png", str(folder / "map.png"))
    _eomap("Take it to a GIS.", "export", str(cube), "--cog", str(folder / "map.tif"))
    _draw_panels(folder / PICTURE, place, aoi, scenes, cube, model)
    seconds = time.monotonic() - started
    _close(folder, seconds)
    return {"files": sorted(p.name for p in folder.iterdir()), "seconds": seconds}


def _say(text: str) -> None:
    print(text, flush=True)


def _write_area(path: Path, place: Place) -> None:
    feature = {
        "type": "Feature",
        "properties": {"name": "Demo area (synthetic)"},
        "geometry": shapely.geometry.mapping(place.area),
    }
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")


def _eomap(why: str, *words: str) -> None:
    """Show and run one command; a failure ends the demonstration."""
    _say(f"\n# {why}\n$ eomap {shlex.join(words)}")
    subprocess.run([sys.executable, "-m", "eomap", *words], check=True, env=os.environ | {"COLUMNS": "100"})


def _canvas(place: Place) -> Frame:
    """Return the frame of the area, on whole 100 m cells of its zone's own grid."""
    centre = place.area.centroid
    epsg = utm_epsg(centre.x, centre.y)
    box = transformer(4326, epsg).transform_bounds(*place.area.bounds, densify_pts=21)
    west, south = (int(v // 100) * 100 for v in box[:2])
    east, north = (int(v // 100 + 1) * 100 for v in box[2:])
    return Frame(epsg, west, north, (north - south) // PIXEL_M, (east - west) // PIXEL_M)


def _on_canvas(codes: npt.NDArray[Any], window: Window, frame: Frame, every_px: int) -> npt.NDArray[Any]:
    """Return the lattice cell in the middle of every n x n pixels of a frame."""
    d = window.step / STEPS_PER_DEGREE
    x = frame.x0 + (np.arange(frame.width // every_px) + 0.5) * every_px * PIXEL_M
    y = frame.y0 - (np.arange(frame.height // every_px) + 0.5) * every_px * PIXEL_M
    lon, lat = transformer(frame.epsg, 4326).transform(*np.meshgrid(x, y))
    col = np.floor((lon + 180) / d).astype(np.int64) - window.col0
    row = np.floor((90 - lat) / d).astype(np.int64) - window.row0
    return codes[row, col]


def _draw_panels(path: Path, place: Place, aoi: Path, scenes: Path, cube: Path, model: str) -> None:
    """Draw what two satellites saw, what was kept of it, the map and the truth, side by side."""
    from eomap import api
    from eomap.io.colours import class_rgb, hatched, true_colour
    from eomap.io.cube import open_cube
    from eomap.io.picture import side_by_side
    from eomap.io.truth import open_truth
    from eomap.io.truth_pixels import read_classes
    from eomap.products import product

    _say("\nDrawing what was seen, what was kept, the map and the truth side by side ...")
    frame, every = _canvas(place), 2
    catalog, collection = str(scenes / "catalog.json"), "sentinel-2-l1c"
    plan = api.plan(aoi, catalog=catalog, collection=collection, period=place.period, model=model)
    days = sorted({str(s["moment"])[:10] for s in plan.scenes.values()})
    seen = {day: _seen(plan, frame, day, mask="none") for day in days}
    kept = {day: _seen(plan, frame, day, mask=plan.mask) for day in days}
    clear = _seen(plan, frame, "", mask=plan.mask)
    window = open_cube(str(cube)).extent.window
    legend = product(plan.product).gives[0]
    codes = _on_canvas(open_cube(str(cube)).read("lcz", window), window, frame, every)
    area = np.asarray(codes != legend.fill)

    def share(dn: npt.NDArray[np.uint16]) -> float:
        return float(np.asarray((dn > 0).all(axis=0))[::every, ::every][area].mean())

    shown, shares = ({day: share(dn) for day, dn in of.items()} for of in (seen, kept))
    # The date that shows the whole area and most of both, land and clouds.
    mixed = min(days, key=lambda day: abs(shares[day] - 0.5) + 1 - shown[day])
    # Blue air lies over every scene; the darkest pixels of each band show how much.
    air = np.array([np.percentile(band[band > 0], 0.2) for band in clear])[:, None, None]

    def picture(dn: npt.NDArray[np.uint16], hide: npt.NDArray[np.bool_]) -> Rgb:
        rgb = true_colour((dn[:, ::every, ::every] - air + 100) / 10_000, white=0.26)
        return hatched(rgb, hide[::every, ::every])

    truth = read_classes(open_truth(scenes).layer("lcz"), window)
    true_codes = _on_canvas(np.where(truth > 0, truth, legend.fill).astype(np.uint8), window, frame, every)
    nowhere = np.zeros(frame.shape, bool)
    panels = [
        (f"Sentinel-2, {mixed}, one of {len(days)} dates", picture(seen[mixed], nowhere)),
        (f"Cloud mask: {shares[mixed]:.0%} of it kept", picture(seen[mixed], (kept[mixed] == 0).any(axis=0))),
        ("Clear-sky composite of all dates", picture(clear, (clear == 0).any(axis=0))),
        ("Sentinel-1 on the first date: VV, VH, ratio", _radar(scenes, frame)[::every, ::every]),
        ("Local climate zones, the map", class_rgb(codes, legend)),
        ("Local climate zones, the truth", class_rgb(true_codes, legend)),
    ]
    for _, rgb in panels:
        rgb[~area] = OUTSIDE
    side_by_side([(f"{label} (synthetic)", rgb) for label, rgb in panels], path, columns=3)


def _seen(plan: Any, canvas: Frame, day: str, *, mask: str) -> npt.NDArray[np.uint16]:
    """Return red, green, blue (3, y, x) of one day or all days as the engine sees them; 0 where unseen."""
    from eomap.api.running import scene_of
    from eomap.io.pixels import RasterReader
    from eomap.products import product
    from eomap.worker import Job, sight_of

    made = product(plan.product)
    picture = replace(made, needs=(replace(made.needs[0], bands=("B04", "B03", "B02"), halo_px=0),))
    out = np.zeros((3, *canvas.shape), dtype=np.uint16)
    reader = RasterReader()
    for task in plan.tasks:
        scenes = [scene_of(plan, s) for s in task.scenes]
        used = tuple(s for s in scenes if s.moment.startswith(day))
        found = sight_of(Job(task, picture, used, mask, ()), reader)
        row, col = (found.frame.y0 - canvas.y0) // PIXEL_M, (canvas.x0 - found.frame.x0) // PIXEL_M
        rows = slice(max(-row, 0), min(found.frame.height - row, canvas.height))
        cols = slice(max(-col, 0), min(found.frame.width - col, canvas.width))
        part = found.first.code_byx[:, rows.start + row : rows.stop + row, cols.start + col : cols.stop + col]
        np.maximum(out[:, rows, cols], part, out=out[:, rows, cols])
    reader.close()
    return out


def _radar(scenes: Path, frame: Frame) -> Rgb:
    """Return VV, VH and their ratio of the first day of Sentinel-1 as red, green and blue (y, x, 3)."""
    from eomap.core.period import Period
    from eomap.core.source import Band
    from eomap.io.catalog import open_catalog
    from eomap.io.pixels import RasterReader

    area = shapely.box(*frame.bounds_deg())
    catalog = open_catalog(str(scenes / "catalog.json"))
    items = catalog.search("sentinel-1-rtc", geometry=area, period=Period.parse("2014-01-01/2100-01-01"))
    reader, power = RasterReader(), np.zeros((2, *frame.shape), np.float32)
    first = min(item.moment.date() for item in items)
    for item in (i for i in items if i.moment.date() == first):
        for k, name in enumerate(("vv", "vh")):
            asset = item.asset(name)
            if asset is not None:
                part = reader.read(Band(name, asset.href, 1.0, 0.0, asset.nodata), frame)
                np.copyto(power[k], part, where=(power[k] == 0) & (part > 0))
    reader.close()
    with np.errstate(divide="ignore", invalid="ignore"):
        vv, vh = (10 * np.log10(p) for p in power)
        ratio = vv - vh
    limits = ((vv, -19, -3), (vh, -26, -10), (ratio, 2, 13))
    shown = [np.clip((a - low) / (high - low), 0, 1) for a, low, high in limits]
    return np.nan_to_num(np.stack(shown, axis=-1) * 255).astype(np.uint8)


def _close(folder: Path, seconds: float) -> None:
    _say(
        "\nNo network was ever trained on these scenes, and the figures above are of a synthetic Earth: they"
    )
    _say("say that the path works, not how good the network is on the real one.")
    _say(f"\nDone in {seconds:.0f} s. Look at:")
    notes: Sequence[tuple[str, str]] = (
        (PICTURE, "what two satellites saw, what was kept, the map, the truth"),
        ("map.png", "the map with legend and scale bar"),
        ("score.html", "how right it is, with pictures"),
        ("map.tif", "the map for a GIS"),
        ("map.zarr", "the cube: xarray.open_zarr, or eomap query"),
        ("scenes", "the scenes and their truth: a STAC catalogue like any other"),
        ("area.geojson", "the area"),
    )
    for name, note in notes:
        _say(f"  {folder / name!s:<30}{note}")


if __name__ == "__main__":
    main()
