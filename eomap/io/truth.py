"""Truth on disk: a folder with `truth.json`, which lists frames and the GeoTIFFs of their layers.

Layers of one name are one mosaic over the frames, which may lie in several UTM zones. A cell takes
its truth from the first frame, by id, whose raster contains the cell's centre. What is read, and how, is
in `eomap.io.truth_pixels`.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eomap.core.grid import transformer
from eomap.errors import BrokenInputError, MisuseError
from eomap.io.hrefs import HrefRules

DOCUMENT = "truth.json"
LARGEST_BYTES = 64 << 20
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class TruthFile:
    """One layer on one frame."""

    path: str
    frame: str
    epsg: int
    transform: tuple[float, float, float, float, float, float]
    """Affine coefficients a, b, c, d, e, f; north up, in metres."""
    shape: tuple[int, int]
    """Rows, columns."""
    bounds_deg: Bounds
    nodata: float | None
    scale: float
    bands: tuple[str, ...]

    @property
    def pixel_m(self) -> float:
        """Side of a pixel."""
        return self.transform[0]


@dataclass(frozen=True, slots=True)
class TruthLayer:
    """A truth layer: one mosaic over the frames that have it."""

    name: str
    kind: str
    """`class` (codes, never averaged) or `value`."""
    unit: str
    bands: tuple[str, ...]
    """Empty for a raster of one nameless band."""
    dates: tuple[str, ...]
    synthetic: bool
    files: tuple[TruthFile, ...]
    """Sorted by frame id."""

    @property
    def bounds_deg(self) -> Bounds:
        """West, south, east, north of all frames together."""
        west, south, east, north = zip(*(f.bounds_deg for f in self.files), strict=True)
        return min(west), min(south), max(east), max(north)


@dataclass(frozen=True, slots=True)
class Truth:
    """An opened truth folder; pixels are read later."""

    folder: str
    synthetic: bool
    described: Mapping[str, tuple[tuple[str, int, Mapping[str, Any]], ...]]
    """Layer name to (frame id, EPSG code, entry in truth.json), sorted by frame id."""

    @property
    def names(self) -> tuple[str, ...]:
        """The layers there are."""
        return tuple(sorted(self.described))

    def layer(self, name: str) -> TruthLayer:
        """Return a layer with its files' headers read; raise MisuseError on an unknown or broken one."""
        if name not in self.described:
            raise MisuseError(
                self.folder, expected=f"a truth layer: {', '.join(self.names) or 'none there'}", got=name
            )
        entries = self.described[name]
        said = {_said(self, name, entry) for _, _, entry in entries}
        if len(said) > 1:
            raise MisuseError(
                f"{self.folder}: {name}",
                expected="one kind, unit and list of bands over all frames",
                got=f"{len(said)} different ones",
            )
        kind, unit, bands = said.pop()
        return TruthLayer(
            name,
            kind,
            unit,
            bands,
            tuple(sorted({str(e["date"]) for _, _, e in entries if e.get("date")})),
            self.synthetic or any(e.get("synthetic") is True for _, _, e in entries),
            tuple(_file(Path(self.folder), name, *entry) for entry in entries),
        )


def open_truth(folder: str | Path) -> Truth:
    """Return the truth of a folder; raise MisuseError where there is none, or none of this form."""
    root = Path(folder)
    path = root / DOCUMENT
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise MisuseError(str(path), expected="a list of frames", got="more than 64 MiB of text")
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise MisuseError(
            str(root), expected=f"a folder with {DOCUMENT}", got="none there", hint="check --truth"
        ) from None
    except (OSError, ValueError) as problem:
        raise MisuseError(str(path), expected="JSON", got=str(problem)[:120]) from None
    frames = document.get("frames") if isinstance(document, dict) else None
    if not isinstance(frames, list):
        raise MisuseError(str(path), expected="an object with a list `frames`", got=type(document).__name__)
    described: dict[str, list[tuple[str, int, Mapping[str, Any]]]] = {}
    for frame in frames:
        try:
            named, epsg, layers = str(frame["id"]), int(frame["epsg"]), dict(frame["layers"])
            entries = {str(k): dict(v) for k, v in layers.items()}
        except (KeyError, TypeError, ValueError) as problem:
            raise MisuseError(
                str(path), expected="frames with id, epsg and layers", got=f"none or another: {problem}"[:120]
            ) from None
        for name, entry in entries.items():
            described.setdefault(name, []).append((named, epsg, entry))
    by_id = {n: tuple(sorted(e, key=lambda one: one[0])) for n, e in described.items()}
    return Truth(str(root), document.get("synthetic") is True, by_id)


def _said(truth: Truth, name: str, entry: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    kind, bands = entry.get("kind", "value"), entry.get("bands") or ()
    if kind not in ("class", "value") or not isinstance(bands, list | tuple):
        raise MisuseError(
            f"{truth.folder}: {name}",
            expected="kind `class` or `value`, bands a list",
            got=f"{kind!r}, {bands!r}"[:120],
        )
    return kind, str(entry.get("unit", "")), tuple(str(b) for b in bands)


def _file(root: Path, name: str, frame: str, epsg: int, entry: Mapping[str, Any]) -> TruthFile:
    """Return a file's place and size from its header; refuse what lies elsewhere or is not as described."""
    import rasterio

    where = f"{root / DOCUMENT}: {frame}, {name}"
    path = _inside(root, entry.get("href"), where)
    try:
        scale = float(entry.get("scale", 1.0))
        nodata = None if entry.get("nodata") is None else float(entry["nodata"])
    except (TypeError, ValueError) as problem:
        raise MisuseError(where, expected="numbers as scale and nodata", got=str(problem)[:120]) from None
    try:
        # The driver is named, or GDAL would follow a VRT in disguise to any other file.
        with rasterio.open(path, driver="GTiff") as file:
            t, shape, count = file.transform, file.shape, file.count
            found = file.crs.to_epsg() if file.crs else None
            bounds = file.bounds
    except rasterio.errors.RasterioError as problem:
        raise MisuseError(where, expected="a readable GeoTIFF", got=str(problem)[:160]) from None
    bands = entry.get("bands") or ()
    if found != epsg:
        raise MisuseError(where, expected=f"EPSG:{epsg}", got=f"EPSG:{found}" if found else "no EPSG code")
    if t.b or t.d or not math.isclose(t.a, -t.e) or t.a <= 0:
        raise MisuseError(where, expected="square pixels, north up", got=f"transform {tuple(t)[:6]}")
    if "pixel_m" in entry and not math.isclose(t.a, float(entry["pixel_m"])):
        raise MisuseError(where, expected=f"pixels of {entry['pixel_m']} m", got=f"{t.a:g} m")
    if count != max(len(bands), 1):
        raise MisuseError(where, expected=f"{max(len(bands), 1)} bands", got=str(count))
    outline = transformer(epsg, 4326).transform_bounds(
        bounds.left, bounds.bottom, bounds.right, bounds.top, densify_pts=21
    )
    if outline[0] > outline[2]:  # across the antimeridian
        outline = (-180.0, outline[1], 180.0, outline[3])
    return TruthFile(path, frame, epsg, tuple(t)[:6], shape, outline, nodata, scale, tuple(bands))


def _inside(root: Path, href: object, where: str) -> str:
    """Return the path of a href relative to the folder; raise MisuseError where it leads out of it."""
    if not isinstance(href, str) or not href or "://" in href or Path(href).is_absolute():
        raise MisuseError(where, expected="a relative href", got=repr(href)[:120])
    try:
        path = HrefRules(roots=(root,)).vet(str((root / href).resolve()))
    except BrokenInputError:
        raise MisuseError(where, expected="a file inside the folder", got=repr(href)[:120]) from None
    if not Path(path).is_file():
        raise MisuseError(where, expected="a file", got=f"none at {href[:120]}")
    return path
