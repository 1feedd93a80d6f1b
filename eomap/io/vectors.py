"""Read areas and zones from the vector formats that people have; decide nothing about them.

GeoJSON, GeoPackage, FlatGeobuf, KML, Shapefile (plain or zipped) and GeoParquet, from a path or an
http(s) address. A file is opened only when its first bytes are those of the format its name claims.
"""

import http.client
import os
import tempfile
import urllib.error
import urllib.request
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from eomap.core.aoi import Aoi, clean, vet
from eomap.errors import MisuseError, TransientError
from eomap.io.geojson import plain_polygons, vet_geojson

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

LARGEST_BYTES = 1 << 29
"""For JSON, KML, zips and downloads, which are read whole."""
_FIRST_BYTES = {
    ".geojson": (),
    ".json": (),
    ".gpkg": (b"SQLite format 3\0",),
    ".fgb": (b"fgb\x03",),
    ".kml": (b"<?xml", b"<kml"),
    ".parquet": (b"PAR1",),
    ".geoparquet": (b"PAR1",),
    ".zip": (b"PK\x03\x04",),
    ".shp": (b"\x00\x00\x27\x0a",),
}
_FORMATS = "GeoJSON, GeoPackage, GeoParquet, FlatGeobuf, KML or (zipped) Shapefile"
_READ_WHOLE = (".geojson", ".json", ".kml", ".zip")


def read_aoi(path_or_url: str | Path, *, where: str = "") -> Aoi:
    """Return the area that a vector file describes: the union of its polygons.

    Raises MisuseError, in one line, for whatever keeps it from being an area; TransientError when a
    server fails. Coordinates in another CRS are brought to lon/lat, with a note.
    """
    where = where or f"--aoi {_shown(path_or_url)}"
    if (shapes := _plain(path_or_url)) is not None:
        return vet(shapes, where=where)
    frame, notes = _read(path_or_url, where)
    aoi = vet(frame.geometry, where=where)
    return replace(aoi, notes=notes + aoi.notes)


def _plain(source: str | Path) -> list[Any] | None:
    """Return the shapes of a local GeoJSON file that is nothing but polygons, None for any other source."""
    path = Path(source)
    if "://" in str(source) or path.suffix.lower() not in (".geojson", ".json"):
        return None
    try:
        return plain_polygons(path.read_bytes()) if path.stat().st_size <= LARGEST_BYTES else None
    except (OSError, ValueError):
        return None


def read_zones(path_or_url: str | Path, *, where: str = "") -> "GeoDataFrame":
    """Return the features of a vector file, vetted like an area each, attributes kept, lon/lat degrees.

    Notes are in `.attrs["notes"]`. Raises as `read_aoi` does, and for a zone that encloses nothing.
    """
    where = where or f"zones {_shown(path_or_url)}"
    frame, notes = _read(path_or_url, where)
    shapes, more = clean(frame.geometry, where=where)
    flat = [i for i, shape in enumerate(shapes, 1) if shape.is_empty]
    if flat:
        raise MisuseError(
            where, expected="zones with an area", got=f"none in feature {flat[0]} of {len(shapes)}"
        )
    zones = frame.set_geometry(np.asarray(shapes), crs="OGC:CRS84")
    zones.attrs["notes"] = notes + more
    return zones


def _shown(source: str | Path) -> str:
    """Return the name of a source without its folder, query or password."""
    text = str(source)
    return PurePosixPath(urlsplit(text).path if "://" in text else text).name or text[:80]


def _read(source: str | Path, where: str) -> tuple["GeoDataFrame", tuple[str, ...]]:
    with _local(source, where) as path:
        head = _head(path, where)
        suffix = path.suffix.lower()
        _check_kind(head, suffix, where)
        if suffix in _READ_WHOLE and path.stat().st_size > LARGEST_BYTES:
            raise MisuseError(
                where,
                expected=f"at most {LARGEST_BYTES >> 20} MB",
                got=f"{path.stat().st_size >> 20} MB",
                hint="write it as GeoParquet or FlatGeobuf, or simplify it",
            )
        frame = _frame(path, suffix, where)
    return _in_degrees(frame, where)


@contextmanager
def _local(source: str | Path, where: str) -> Iterator[Path]:
    """Yield a path to the source; what comes from the network lies in a folder that goes away again."""
    scheme = urlsplit(str(source)).scheme if "://" in str(source) else ""
    if not scheme:
        yield Path(source)
        return
    if scheme not in ("http", "https") or not urlsplit(str(source)).hostname:
        raise MisuseError(
            where, expected="a path or an http(s) address", got=f"{scheme}://", hint="fetch the file first"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("area" + PurePosixPath(urlsplit(str(source)).path).suffix)
        path.write_bytes(_fetched(str(source), where))
        yield path


def _fetched(url: str, where: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            data = answer.read(LARGEST_BYTES + 1)
    except urllib.error.HTTPError as error:
        if error.code in (408, 425, 429) or error.code >= 500:
            raise TransientError(where, expected="a file", got=f"HTTP {error.code}") from None
        raise MisuseError(
            where, expected="a file", got=f"HTTP {error.code}", hint="check the address"
        ) from None
    except (ValueError, http.client.InvalidURL):
        raise MisuseError(where, expected="an http(s) address", got="something that is none") from None
    except (OSError, http.client.HTTPException) as error:
        raise TransientError(where, expected="an answer", got=type(error).__name__) from None
    if len(data) > LARGEST_BYTES:
        raise MisuseError(
            where, expected=f"at most {LARGEST_BYTES >> 20} MB", got="more", hint="fetch it first"
        )
    return bytes(data)


def _head(path: Path, where: str) -> bytes:
    """Return the first bytes of a file; raise MisuseError where it cannot be opened."""
    try:
        with path.open("rb") as file:
            head = file.read(1024)
    except FileNotFoundError:
        raise MisuseError(where, expected="a file", got="no such file") from None
    except IsADirectoryError:
        raise MisuseError(where, expected="a file", got="a folder", hint="name one file in it") from None
    except PermissionError:
        raise MisuseError(where, expected="a file you may read", got="permission denied") from None
    except (OSError, ValueError) as error:
        raise MisuseError(where, expected="a readable file", got=type(error).__name__) from None
    if not head:
        raise MisuseError(where, expected=_FORMATS, got="an empty file")
    return head


def _check_kind(head: bytes, suffix: str, where: str) -> None:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"<html" in head.lower() or text[:14].lower() == b"<!doctype html":
        raise MisuseError(
            where, expected=_FORMATS, got="a web page, not an area", hint="use the address of the file itself"
        )
    if suffix not in _FIRST_BYTES:
        raise MisuseError(where, expected=_FORMATS, got=f"a name ending in {suffix or 'nothing known'!r}")
    wanted = _FIRST_BYTES[suffix]
    if wanted and not (text if suffix == ".kml" else head).startswith(wanted):
        raise MisuseError(where, expected=f"a {suffix[1:]} file", got="something else under that name")
    if not wanted and text[:1] not in (b"{", b"["):
        raise MisuseError(where, expected="GeoJSON", got="text that does not start with '{'")


def _frame(path: Path, suffix: str, where: str) -> "GeoDataFrame":
    """Return the features as the format's reader sees them."""
    import geopandas
    import shapely.errors

    named = None
    if suffix in (".geojson", ".json"):
        named = vet_geojson(path.read_bytes(), where=where)
    if suffix == ".kml":
        _check_kml(path, where)
    target = _shapefile_in(path, where) if suffix == ".zip" else path
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if suffix in (".parquet", ".geoparquet"):
                frame = geopandas.read_parquet(path)
            else:
                frame = _layers(target, suffix, where)
            if named:
                frame = frame.set_crs(named, allow_override=True)
    except (RuntimeError, ValueError, KeyError, OSError, shapely.errors.ShapelyError) as error:
        reason = " ".join(str(error).replace(str(path), path.name).split())
        raise MisuseError(
            where, expected=_FORMATS, got=f"a file that cannot be read ({reason[:160]})"
        ) from None
    if not isinstance(frame, geopandas.GeoDataFrame):
        raise MisuseError(where, expected="features with geometry", got="a table without any")
    return frame


def _layers(target: Path | str, suffix: str, where: str) -> Any:
    import geopandas
    import pandas
    import pyogrio

    names = [name for name, kind in pyogrio.list_layers(target) if kind is not None]
    if len(names) > 1 and suffix != ".kml":
        raise MisuseError(
            where, expected="one layer", got=f"{len(names)}: {', '.join(names[:5])}", hint="keep one"
        )
    if not names:
        raise MisuseError(where, expected="features with geometry", got="a table without any")
    frames = [geopandas.read_file(target, layer=name, engine="pyogrio") for name in names]
    return frames[0] if len(frames) == 1 else pandas.concat(frames, ignore_index=True)


def _check_kml(path: Path, where: str) -> None:
    text = path.read_bytes()
    if b"<kml" not in text:
        raise MisuseError(where, expected="a KML file", got="other XML under that name")
    if b"<OGRVRT" in text or b"<VRT" in text:  # GDAL would follow it to other files
        raise MisuseError(where, expected="a KML file", got="a virtual dataset under that name")
    if b"<!ENTITY" in text or b"<!DOCTYPE" in text:
        raise MisuseError(where, expected="KML without a document type", got="XML entity declarations")


def _shapefile_in(path: Path, where: str) -> str:
    """Return the address of the one shapefile inside a zip."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            shapes = [i for i in infos if i.filename.lower().endswith(".shp")]
            if len(shapes) != 1:
                raise MisuseError(where, expected="one .shp in the zip", got=str(len(shapes)))
            if sum(i.file_size for i in infos) > LARGEST_BYTES:
                raise MisuseError(where, expected=f"at most {LARGEST_BYTES >> 20} MB unpacked", got="more")
            with archive.open(shapes[0]) as file:
                _check_kind(file.read(4), ".shp", where)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
        raise MisuseError(where, expected="a zipped Shapefile", got=f"a broken zip ({error})"[:120]) from None
    return f"/vsizip/{os.fspath(path.resolve())}/{shapes[0].filename}"


def _in_degrees(frame: "GeoDataFrame", where: str) -> tuple["GeoDataFrame", tuple[str, ...]]:
    """Return the features in lon/lat degrees, with a note of what was done to them."""
    import pyproj.exceptions

    if len(frame) == 0:
        raise MisuseError(where, expected="at least one polygon", got="no features at all")
    if frame.crs is None:
        bounds = np.nan_to_num(frame.total_bounds, nan=0.0, posinf=0.0, neginf=0.0)
        if (np.abs(bounds) > [540, 90, 540, 90]).any():
            raise MisuseError(
                where, expected="a CRS", got="none, and no degrees", hint="add the CRS (a .prj file, say)"
            )
        return frame, ("the file names no CRS: longitude/latitude assumed",)
    flat = frame.crs.to_2d()
    if flat.to_epsg() == 4326 or flat.to_authority() == ("OGC", "CRS84"):
        return frame, ()
    try:
        return frame.to_crs("OGC:CRS84"), (f"reprojected from {flat.to_string()[:60]} to longitude/latitude",)
    except pyproj.exceptions.ProjError as error:
        raise MisuseError(
            where, expected="a CRS that can be brought to lon/lat", got=str(error)[:120]
        ) from None
