"""Data sets of MODIS in HDF4 files, where there is no GeoTIFF: pixels by pyhdf, places by their metadata.

GDAL as rasterio ships it reads no HDF4, so an optional package does: `pip install 'eomap[hdf4]'`.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.errors import BrokenInputError, MisuseError

_SPHERE = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R={} +units=m +no_defs"


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the pixels of a data set lie on the sinusoidal grid."""

    shape: tuple[int, int]
    """Rows, columns."""
    corners_m: tuple[float, float, float, float]
    """West, north, east, south."""
    radius_m: float
    """Of the sphere."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """One data set of an open file."""

    file: Any
    """pyhdf.SD.SD"""
    values: Any
    """pyhdf.SD.SDS"""
    grid: Grid

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of its numbers, from one of them: pyhdf has codes of its own."""
        return np.asarray(self.values.get(start=(0, 0), count=(1, 1))).dtype

    @property
    def wkt(self) -> str:
        """The grid's coordinate system."""
        from pyproj import CRS

        return CRS.from_proj4(_SPHERE.format(self.grid.radius_m)).to_wkt()

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """Affine coefficients a, b, c, d, e, f."""
        west, north, east, south = self.grid.corners_m
        rows, cols = self.grid.shape
        return (east - west) / cols, 0.0, west, 0.0, (south - north) / rows, north

    def window(self, rows: tuple[int, int], cols: tuple[int, int], *, index: int = 1) -> npt.NDArray[Any]:
        """Return the pixels (y, x) between those rows and columns, ends excluded."""
        size = (rows[1] - rows[0], cols[1] - cols[0])
        return np.asarray(self.values.get(start=(rows[0], cols[0]), count=size))

    def close(self) -> None:
        """Close the file."""
        self.values.endaccess()
        self.file.end()


def data_set(path: str, name: str) -> DataSet:
    """Return the data set of a local file whose name ends with `name`, as `is_called` has it.

    Raises MisuseError where pyhdf is not installed, BrokenInputError on what is no such file or lacks it.
    """
    try:
        from pyhdf.error import HDF4Error
        from pyhdf.SD import SD
    except ImportError:
        raise MisuseError(
            "HDF4", expected="the package pyhdf", got="none", hint="pip install 'eomap[hdf4]'"
        ) from None
    if "://" in path or path.startswith("/vsi"):
        raise BrokenInputError(path, expected="HDF4 on this machine's disk", got="an address elsewhere")
    try:
        file = SD(path)
    except HDF4Error as problem:
        raise BrokenInputError(path, expected="a readable HDF4 file", got=str(problem)[:200]) from None
    names = [n for n, said in file.datasets().items() if len(said[1]) == 2]
    found = min((n for n in names if is_called(n, name)), key=len, default="")
    if not found:
        got = ", ".join(names)[:200] or "none"
        file.end()
        raise BrokenInputError(path, expected=f"a data set for {name}", got=got)
    return DataSet(file, file.select(found), grid_of(file.attributes()["StructMetadata.0"], found, path))


def is_called(data_set: str, name: str) -> bool:
    """Say whether a data set's name is `name` behind what products put before it, or its first layer.

    >>> is_called("250m 16 days NDVI", "NDVI"), is_called("sur_refl_b01_1", "b01"), is_called("b010", "b01")
    (True, True, False)
    """
    return re.search(rf"(?:^|_){re.escape(name)}(?:_1)?$", data_set.replace(" ", "_"), re.I) is not None


def grid_of(metadata: str, data_set: str, where: str) -> Grid:
    """Return the grid of a data set by the file's structural metadata (HDF-EOS2, `StructMetadata.0`).

    Raises BrokenInputError where it is not there, or not sinusoidal.
    """
    for text in re.split(r"^\s*GROUP=GRID_\d+\s*$", metadata, flags=re.M)[1:]:
        text = re.split(r"^\s*END_GROUP=GRID_\d+\s*$", text, flags=re.M)[0]
        if f'DataFieldName="{data_set}"' not in text:
            continue
        try:
            said = {k: re.search(rf"^\s*{k}=\(?([^)\n]*)", text, re.M)[1] for k in _ENTRIES}  # type: ignore[index]
            if said["Projection"].strip() != "GCTP_SNSOID":
                break
            west, north, east, south = (
                float(v) for k in ("UpperLeftPointMtrs", "LowerRightMtrs") for v in said[k].split(",")
            )
            shape = int(said["YDim"]), int(said["XDim"])
            return Grid(shape, (west, north, east, south), float(said["ProjParams"].split(",")[0]))
        except (TypeError, ValueError):
            break
    raise BrokenInputError(where, expected=f"{data_set} on the sinusoidal grid", got="no such description")


_ENTRIES = ("XDim", "YDim", "UpperLeftPointMtrs", "LowerRightMtrs", "Projection", "ProjParams")
