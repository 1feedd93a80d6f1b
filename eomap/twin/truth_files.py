"""The truth of a twin on disk: `truth.json`, and one raster per layer and zone.

The document lists frames, one per UTM zone that the bounds touch; each names its layers: a relative href,
side of the pixels, unit, kind, nodata, scale, bands and date.
"""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from eomap.core.grid import NORTHERN_LIMIT_DEG, PIXEL_M, SOUTHERN_LIMIT_DEG, Frame, utm_epsg
from eomap.twin.files import Raster, RasterFile
from eomap.twin.source import PixelSource, TruthLayer
from eomap.twin.squares import Bounds, bounds_in_zone

SNAP_M, MARGIN_M, BLOCK_PX = 300, 600.0, 1800
DOCUMENT, FOLDER = "truth.json", "truth"


def truth_frames(bounds_deg: Bounds) -> list[Frame]:
    """Return the frames that hold bounds, a part for each UTM zone, on multiples of 300 m."""
    west, south, east, north = bounds_deg
    south, north = max(south, SOUTHERN_LIMIT_DEG), min(north, NORTHERN_LIMIT_DEG)
    lons = np.unique(np.r_[np.arange(west, east, 0.5), east])
    lats = np.unique(np.r_[np.arange(south, north, 0.5), north])
    zones: dict[int, list[tuple[float, float]]] = {}
    for lon in lons.tolist():
        for lat in lats.tolist():
            inside = lon - 1e-9 if lon == east else lon
            zones.setdefault(utm_epsg((inside + 180) % 360 - 180, lat), []).append((lon, lat))
    found = []
    for epsg, places in sorted(zones.items()):
        x, y = zip(*places, strict=True)
        # Half a degree of sampling, so that the border of a zone lies within.
        part = (
            max(west, min(x) - 0.5),
            max(south, min(y) - 0.5),
            min(east, max(x) + 0.5),
            min(north, max(y) + 0.5),
        )
        box = bounds_in_zone(part, epsg)
        x0, y1 = (int((v - MARGIN_M) // SNAP_M) * SNAP_M for v in box[:2])
        x1, y0 = (-int((-v - MARGIN_M) // SNAP_M) * SNAP_M for v in box[2:])
        found.append(Frame(epsg, x0, y0, (y0 - y1) // PIXEL_M, (x1 - x0) // PIXEL_M))
    return found


def write_truth(
    out: Path, bounds_deg: Bounds, source: PixelSource, *, days: Sequence[date], pool: Executor
) -> None:
    """Write the truth of bounds, without a day and on each of the days; does nothing where it is there."""
    if (out / DOCUMENT).exists():
        return
    frames = []
    for frame in truth_frames(bounds_deg):
        name = f"utm{frame.epsg % 100:02d}{'n' if frame.epsg < 32700 else 's'}"
        layers: dict[str, Any] = {}
        for day in (None, *days):
            layers |= _write_layers(out, name, frame, source, day, pool)
        frames.append({"id": name, "epsg": frame.epsg, "x0": frame.x0, "y0": frame.y0, "layers": layers})
    part = out / f".{DOCUMENT}.part"
    part.write_text(json.dumps({"synthetic": True, "frames": frames}, indent=1), encoding="utf-8")
    part.replace(out / DOCUMENT)


def _write_layers(
    out: Path, name: str, frame: Frame, source: PixelSource, day: date | None, pool: Executor
) -> dict[str, Any]:
    """Write the layers of a frame that have a day, or none, and return their entries."""
    home = out / FOLDER / name
    home.mkdir(parents=True, exist_ok=True)
    suffix = f"_{day:%Y%m%d}" if day else ""
    said: dict[str, Any] = {}
    with ExitStack() as stack:
        files: dict[str, RasterFile] = {}

        def made(at: tuple[int, int]) -> Mapping[str, TruthLayer]:
            row, col = at
            part = frame.sub(row, min(row + BLOCK_PX, frame.height), col, min(col + BLOCK_PX, frame.width))
            return source.truth(part, day)

        for row in range(0, frame.height, BLOCK_PX):
            row_of = [(row, col) for col in range(0, frame.width, BLOCK_PX)]
            for (_, col), found in zip(row_of, pool.map(made, row_of), strict=True):
                for key, layer in found.items():
                    if key not in files:
                        path = home / f"{key}{suffix}.tif"
                        files[key] = stack.enter_context(RasterFile(path, _raster(frame, layer)))
                        said[f"{key}{suffix}"] = _entry(f"{FOLDER}/{name}/{path.name}", layer, day)
                    px = round(layer.pixel_m / PIXEL_M, 6)
                    files[key].write(layer.values, row=int(row / px), col=int(col / px))
        list(pool.map(RasterFile.finish, files.values()))
    return said


def _raster(frame: Frame, layer: TruthLayer) -> Raster:
    size = layer.pixel_m
    shape = (round(frame.height * PIXEL_M / size), round(frame.width * PIXEL_M / size))
    transform = (size, 0.0, float(frame.x0), 0.0, -size, float(frame.y0))
    return Raster(
        shape, transform, f"EPSG:{frame.epsg}", layer.values.dtype.name, layer.nodata,
        max(1, len(layer.bands)), layer.bands, layer.kind != "value",
    )  # fmt: skip


def _entry(href: str, layer: TruthLayer, day: date | None) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "href": href,
        "pixel_m": layer.pixel_m,
        "unit": layer.unit,
        "kind": layer.kind,
        "nodata": layer.nodata,
        "scale": layer.scale,
        "synthetic": True,
    }
    entry |= {"bands": list(layer.bands)} if layer.bands else {}
    entry |= {"meanings": {str(k): v for k, v in layer.meanings.items()}} if layer.meanings else {}
    return entry | ({"date": day.isoformat()} if day else {})
