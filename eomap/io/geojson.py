"""Vet the text of a GeoJSON file before a parser with a stack and a network sees it.

GDAL takes a lot on trust: it reads an unknown `crs` as EPSG:4326, follows links inside `crs`, and
skips what it cannot read. So the skeleton of the document (everything but coordinates) is checked
here, in time and memory linear in the size of the file.
"""

import json
import re
from typing import Any

import numpy as np
import shapely

from eomap.errors import MisuseError

DEEPEST = 64
_PIECE_BYTES = 1 << 24
_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_COORDINATES = re.compile(rb'("coordinates"\s*:\s*)\[[\s\[\],0-9eE.+NaInfityul-]*\]')
_EPSG = re.compile(
    r"(?:urn:ogc:def:crs:EPSG:[\d.]*:|EPSG:|https?://www\.opengis\.net/def/crs/EPSG/[\d.]+/)(\d+)"
)
_CRS84 = re.compile(
    r"(?:urn:ogc:def:crs:OGC:[\d.]*:|OGC:|https?://www\.opengis\.net/def/crs/OGC/[\d.]+/)CRS84"
)
_SHAPES = (
    "Polygon",
    "MultiPolygon",
    "GeometryCollection",
    "Point",
    "MultiPoint",
    "LineString",
    "MultiLineString",
)


def _steps() -> np.ndarray[Any, np.dtype[np.int8]]:
    table = np.zeros(256, np.int8)
    table[[ord("["), ord("{")]] = 1
    table[[ord("]"), ord("}")]] = -1
    return table


def check_depth(data: bytes, *, where: str) -> None:
    """Raise MisuseError when brackets nest too deep or are left open (a truncated file)."""
    bare, steps, depth = _TEXTS.sub(b"", data), _steps(), 0
    for at in range(0, len(bare), _PIECE_BYTES):
        piece = steps[np.frombuffer(bare, np.uint8, min(_PIECE_BYTES, len(bare) - at), at)]
        levels = depth + np.cumsum(piece, dtype=np.int64)
        if levels.max() > DEEPEST:
            raise MisuseError(
                where,
                expected=f"GeoJSON nested {DEEPEST} levels at most",
                got="brackets nested deeper than that",
            )
        depth = int(levels[-1])
    if depth > 0 or b'"' in bare:
        raise MisuseError(
            where, expected="a whole GeoJSON file", got="one that ends in the middle", hint="fetch it again"
        )


def _skeleton(data: bytes, where: str) -> dict[str, Any]:
    try:
        try:
            document = json.loads(_COORDINATES.sub(rb"\1[]", data))
        except ValueError:  # an odd attribute called coordinates, or broken text: look at all of it
            document = json.loads(data)
    except ValueError as error:
        raise MisuseError(where, expected="GeoJSON", got=f"text that is not JSON ({error})"[:120]) from None
    if not isinstance(document, dict) or "type" not in document:
        raise MisuseError(
            where, expected="a GeoJSON object with a type", got=f"a JSON {type(document).__name__}"
        )
    return document


def _check_features(document: dict[str, Any], where: str) -> None:
    kind = document["type"]
    if kind not in ("FeatureCollection", "Feature", *_SHAPES):
        raise MisuseError(where, expected="a FeatureCollection, a Feature or a Polygon", got=repr(kind)[:60])
    if kind != "FeatureCollection":
        return
    features = document.get("features")
    if not isinstance(features, list):
        raise MisuseError(where, expected="a list of features", got=type(features).__name__)
    if not features:
        raise MisuseError(where, expected="at least one polygon", got="an empty FeatureCollection")
    strange = [i for i, f in enumerate(features, 1) if not isinstance(f, dict) or f.get("type") != "Feature"]
    if strange:
        raise MisuseError(where, expected="features only", got=f"something else at number {strange[0]}")


def _crs_name(document: dict[str, Any], where: str) -> str | None:
    """Return the CRS that the file names as AUTHORITY:CODE, or None where it is silent."""
    member = document.get("crs")
    if member is None:
        return None
    properties = member.get("properties") if isinstance(member, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if isinstance(name, str):
        if _CRS84.fullmatch(name):
            return "OGC:CRS84"
        if match := _EPSG.fullmatch(name):
            return f"EPSG:{match[1]}"
    raise MisuseError(
        where,
        expected="no crs member, or one that names an EPSG code or CRS84",
        got=f"crs {name if name is not None else member!r}"[:100],
        hint="remove the crs member and write longitude/latitude",
    )


def vet_geojson(data: bytes, *, where: str) -> str | None:
    """Return the CRS that a GeoJSON text names (AUTHORITY:CODE), None where it is silent.

    Raises MisuseError for truncated or too deeply nested text, text that is no GeoJSON, an empty
    FeatureCollection and a `crs` member that is no plain name.
    """
    check_depth(data, where=where)
    document = _skeleton(data, where)
    _check_features(document, where)
    return _crs_name(document, where)


def plain_polygons(data: bytes) -> list[Any] | None:
    """Return the shapes of a GeoJSON text of polygons that names no CRS (degrees); None for any other.

    What this takes, GDAL reads alike; what it does not, broken text included, is for GDAL to read or refuse.
    Without GDAL's reader an area needs neither geopandas nor pandas, 0.3 s of a run's start.
    """
    try:
        check_depth(data, where="")
        document = json.loads(data)
    except (ValueError, MisuseError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("crs") is not None:
        return None
    kind = document.get("type")
    features = document.get("features") if kind == "FeatureCollection" else [document]
    if not isinstance(features, list) or not features:
        return None
    if kind == "FeatureCollection" and any(
        not isinstance(f, dict) or f.get("type") != "Feature" for f in features
    ):
        return None
    found = [f.get("geometry") if f.get("type") == "Feature" else f for f in features]
    shapes = [_plain_shape(g) for g in found]
    return None if any(s is None for s in shapes) else shapes


def _plain_shape(geometry: Any) -> Any:
    """Return a Polygon or MultiPolygon of closed rings in two dimensions, None for anything else."""
    if not isinstance(geometry, dict) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        return None
    parts = geometry.get("coordinates")
    parts = [parts] if geometry["type"] == "Polygon" else parts or []
    polygons = []
    try:
        for rings in parts:
            if any({type(v) for xy in ring for v in xy} - {int, float} for ring in rings):
                return None
            arrays = [np.array(ring, dtype=np.float64) for ring in rings]
            if not arrays or any(a.ndim != 2 or a.shape[1] != 2 or len(a) < 4 for a in arrays):
                return None
            if any((a[0] != a[-1]).any() or not np.isfinite(a).all() for a in arrays):
                return None
            polygons.append(shapely.Polygon(arrays[0], arrays[1:]))
    except (TypeError, ValueError, OverflowError, shapely.errors.ShapelyError):
        return None
    if not polygons:
        return None
    return polygons[0] if geometry["type"] == "Polygon" else shapely.MultiPolygon(polygons)
