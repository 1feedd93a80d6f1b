"""From a source's physical values to the numbers of a product's files, piece by piece.

Axis letters: b band, y north to south, x west to east. `_dn` is a digital number.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.grid import Frame, transformer
from eomap.sensors.sentinel2 import SCENE_CLASS
from eomap.twin import acquisitions, orbits
from eomap.twin.acquisitions import Acquisition
from eomap.twin.degrees import DegreeFrame
from eomap.twin.deliveries import LEVELS, RADAR, AssetFile, Delivery
from eomap.twin.earth import points_at, points_of
from eomap.twin.sinusoid import SinusoidFrame
from eomap.twin.source import LAND_COVER, RANK, PixelSource

Array = npt.NDArray[Any]
Bool = npt.NDArray[np.bool_]
_GRD_GAIN = 1000.0
"""A GRD number is this times the root of sigma nought."""
_CLOUDY = (8, 9, 10)
_STATE = np.array([0, 2, 1 << 12, 1], dtype=np.uint16)
"""MODIS 09A1 state bits for RANK good, marginal, snow, cloudy."""
BLOCK_PX = {
    "L1C": 1830, "L2A": 1830, "rtc": 2040, "grd": 2040, "enmap": 600,
    "13Q1": 300, "09A1": 150, "43A4": 150, "12Q1": 150, "46A4": 150,
}  # fmt: skip
"""Side of the pieces in which products are made, in pixels of their frame."""
_INVERSION = np.array([0, 1, 1, 255], dtype=np.uint8)
"""MODIS 43A4 quality for RANK: 0 a full inversion, 1 one of magnitude only; without a clear day none."""
_LEAST_INDEX = np.float32(-0.2)
"""Of MODIS 13Q1: its valid range is -0.2 to 1."""
_BANDS = {"13Q1": ("M1", "M2", "M3", "M7"), "12Q1": (LAND_COVER,)}
"""What is asked of a source for a composite; M1 to M7 for the others, and RANK for all but land cover."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A part of a product: numbers by asset, and how many pixels were seen, and were cloudy or else."""

    row: int
    col: int
    numbers: Mapping[str, Array]
    seen: int
    counts: Mapping[str, int]


def pieces(delivery: Delivery) -> list[list[tuple[int, int]]]:
    """Return the first row and column of each piece, row of pieces by row."""
    side, (height, width) = BLOCK_PX[delivery.kind], delivery.frame.shape
    return [[(r, c) for c in range(0, width, side)] for r in range(0, height, side)]


def rendered(source: PixelSource, delivery: Delivery, row: int, col: int, *, wanted: frozenset[str]) -> Piece:
    """Return one piece of a product; `wanted` names the assets still to be written."""
    side, (height, width) = BLOCK_PX[delivery.kind], delivery.frame.shape
    part = delivery.frame.sub(row, min(row + side, height), col, min(col + side, width))
    if isinstance(part, DegreeFrame):
        light, valid = source.lights(delivery.acquisition, part), np.ones(part.shape, bool)
        made = {f.key: numbers(light, f, valid) for f in delivery.files if f.key in wanted}
        return Piece(row, col, made, light.size, {})
    if isinstance(part, SinusoidFrame):
        return _composite(source, delivery, part, (row, col), wanted)
    if delivery.kind in LEVELS:
        return _optical(source, delivery, part, (row, col), wanted)
    if delivery.kind in RADAR:
        return _radar(source, delivery, part, (row, col), wanted)
    return _hyperspectral(source, delivery, part, (row, col), wanted)


def shown(acquisition: Acquisition, frame: Frame, *, every_px: int) -> Bool:
    """Return what an acquisition shows of a frame (y, x), in squares of `every_px` pixels.

    The same as `acquisitions.seen` of the centres, but asks no pixel where the frame's corners settle it.
    """
    shape = (frame.height // every_px, frame.width // every_px)
    if acquisition.flight is not None:
        west, south, east, north = frame.bounds_m
        x, y = np.array([west, east, west, east]), np.array([south, south, north, north])
        corners = points_at(*transformer(frame.epsg, 4326).transform(x, y))
        middle = points_at(
            *transformer(frame.epsg, 4326).transform([(west + east) / 2], [(south + north) / 2])
        )
        found = orbits.settled(acquisition.flight, middle, corners, seconds=acquisition.slice_s)
        if found is not None:
            return np.full(shape, found)
    return acquisitions.seen(acquisition, points_of(frame, every_px=every_px))


def numbers(values: Array, file: AssetFile, valid: Bool, *, offset_dn: int = 0) -> Array:
    """Return the digital numbers of physical values, `file.nodata` where not valid or NaN.

    Scaled numbers are rounded half up and kept within the type, off its nodata.
    """
    nodata = 0 if file.nodata is None else file.nodata
    unseen = ~valid
    if file.categorical or file.dtype == "float32":
        out = values.astype(file.dtype)
        if values.dtype.kind == "f":
            unseen |= np.isnan(values)
        out[..., unseen] = nodata
        return out
    scaled = values * np.float32(_GRD_GAIN if file.scale is None else 1 / file.scale)
    scaled += np.float32(0.5)
    np.floor(scaled, out=scaled)
    scaled += np.float32(offset_dn)  # after rounding, so that an offset is all that it makes differ
    lowest, highest = np.iinfo(file.dtype).min, np.iinfo(file.dtype).max
    if nodata <= 0:
        lowest = int(nodata) + 1
    else:
        highest = int(nodata) - 1
    np.clip(scaled, lowest, highest, out=scaled)
    missing = np.isnan(scaled)
    if missing.any():
        scaled[missing] = nodata
    out = scaled.astype(file.dtype)
    out[..., unseen] = nodata
    return out


def _optical(
    source: PixelSource, delivery: Delivery, frame: Frame, at: tuple[int, int], wanted: frozenset[str]
) -> Piece:
    files = [f for f in delivery.files if f.key in wanted]
    by_size = {px: shown(delivery.acquisition, frame, every_px=px) for px in (1, 2, 6)}
    if not by_size[1].any():
        empty = {f.key: np.zeros(by_size[f.pixel_px].shape, dtype=f.dtype) for f in files}
        return Piece(*at, empty, 0, {})
    bands = [f.source for f in files if f.source != SCENE_CLASS]
    found = source.optical(delivery.acquisition, frame, (*bands, SCENE_CLASS), level=delivery.kind)
    made = {
        f.key: numbers(found[f.source], f, by_size[f.pixel_px], offset_dn=delivery.offset_dn) for f in files
    }
    cloudy = np.isin(found[SCENE_CLASS], _CLOUDY) & by_size[2]
    return Piece(*at, made, int(by_size[2].sum()), {"cloud": int(cloudy.sum())})


def _radar(
    source: PixelSource, delivery: Delivery, frame: Frame, at: tuple[int, int], wanted: frozenset[str]
) -> Piece:
    files = [f for f in delivery.files if f.key in wanted]
    valid = shown(delivery.acquisition, frame, every_px=1)
    if not valid.any():
        return Piece(*at, {f.key: np.full(valid.shape, f.nodata, dtype=f.dtype) for f in files}, 0, {})
    found = source.radar(delivery.acquisition, frame, product=delivery.kind)
    made = {}
    for file in files:
        power = found[file.source]
        made[file.key] = numbers(power if delivery.kind == "rtc" else np.sqrt(power), file, valid)
    return Piece(*at, made, int(valid.sum()), {})


def _hyperspectral(
    source: PixelSource, delivery: Delivery, frame: Frame, at: tuple[int, int], wanted: frozenset[str]
) -> Piece:
    valid = shown(delivery.acquisition, frame, every_px=3)
    files = [f for f in delivery.files if f.key in wanted]
    if not valid.any():
        lead = {f.key: (f.bands, *valid.shape) if f.bands > 1 else valid.shape for f in files}
        return Piece(*at, {f.key: np.full(lead[f.key], f.nodata, dtype=f.dtype) for f in files}, 0, {})
    cube, flags = source.hyperspectral(delivery.acquisition, frame)
    made = {f.key: numbers(cube if f.bands > 1 else flags[f.source], f, valid) for f in files}
    counts = {name: int((flag.astype(bool) & valid).sum()) for name, flag in flags.items()}
    return Piece(*at, made, int(valid.sum()), counts)


def _composite(
    source: PixelSource, delivery: Delivery, frame: SinusoidFrame, at: tuple[int, int], wanted: frozenset[str]
) -> Piece:
    valid, rank = frame.on_earth(), np.zeros(frame.shape, np.uint8)
    bands = _BANDS.get(delivery.kind, tuple(f"M{n}" for n in range(1, 8)))
    asked = bands if LAND_COVER in bands else (*bands, RANK)
    found = dict(source.modis(delivery.acquisition, frame, asked))
    if RANK in found:
        rank = np.minimum(found[RANK], 3)
        found |= {"state": _STATE[rank], "inversion": _INVERSION[rank]}
    if delivery.kind == "13Q1":
        red, nir, blue = found["M1"], found["M2"], found["M3"]
        with np.errstate(divide="ignore", invalid="ignore"):
            found["NDVI"] = (nir - red) / (nir + red)
            # doi 10.1016/S0034-4257(02)00096-2, equation of the MODIS EVI.
            found["EVI"] = 2.5 * (nir - red) / (nir + 6 * red - np.float32(7.5) * blue + 1)
        found |= {k: np.clip(found[k], _LEAST_INDEX, 1) for k in ("NDVI", "EVI")}
    if delivery.kind == "43A4":
        found |= {b: np.where(rank == 3, np.float32(np.nan), found[b]) for b in bands}
    made = {f.key: numbers(found[f.source], f, valid) for f in delivery.files if f.key in wanted}
    return Piece(*at, made, int(valid.sum()), {"cloud": int(((rank == 3) & valid).sum())})
