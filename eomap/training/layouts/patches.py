"""The files that SEN12MS-CR and SEN12MS-CR-TS share: 256 x 256 pixels, S2 of 13 bands L1C, S1 in decibels.

Axis letters: b band, y row (north to south), x column (west to east).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.source import Band
from eomap.errors import BrokenInputError
from eomap.sensors.sentinel1 import SENSOR as RADAR
from eomap.sensors.sentinel1 import coded
from eomap.sensors.sentinel2 import LCZ_BANDS
from eomap.training.samples import Spec

U16 = npt.NDArray[np.uint16]
SIDE_PX = 256
_TEN_OF_13 = (1, 2, 3, 4, 5, 6, 7, 8, 11, 12)
"""B02 to B12 without B09 and B10 among B01 to B08, B8A, B09 to B12."""


class FileRows:
    """Samples that are made of files when they are asked for."""

    def __init__(self, keys: Sequence[Any], make: Callable[[Any], npt.NDArray[Any]]) -> None:
        self.keys, self.make = keys, make

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, n: Any) -> npt.NDArray[Any]:
        return self.make(self.keys[int(n)])


def optical(path: Path) -> U16:
    """Return codes (10, y, x) of a Sentinel-2 file of 13 bands; 0 where every band is 0."""
    raw = _read(path, 13)
    code = np.clip(raw[list(_TEN_OF_13)].astype(np.int64), 1, 65_535).astype(np.uint16)
    code[:, (raw == 0).all(axis=0)] = 0
    return code


def radar(path: Path) -> U16:
    """Return codes (2, y, x) of a Sentinel-1 file, VV and VH in decibels."""
    raw = _read(path, 2)
    return np.stack(
        [
            coded(band, Band(name, "", 1.0, 0.0, None, unit="dB"))
            for name, band in zip(("VV", "VH"), raw, strict=True)
        ]
    )


def _read(path: Path, bands: int) -> npt.NDArray[Any]:
    import rasterio

    try:
        with rasterio.open(path) as file:
            raw = file.read()
    except rasterio.errors.RasterioError as problem:
        raise BrokenInputError(str(path), expected="a GeoTIFF", got=str(problem)[:100]) from None
    if raw.shape != (bands, SIDE_PX, SIDE_PX):
        raise BrokenInputError(str(path), expected=f"{bands} bands of {SIDE_PX} px", got=str(raw.shape))
    return np.asarray(raw)


def optical_spec(name: str, looks: int) -> Spec:
    """Return what codes of Sentinel-2 are."""
    shape = (looks, len(LCZ_BANDS), SIDE_PX, SIDE_PX)
    return Spec(name, shape, "uint16", of="sentinel-2", bands=LCZ_BANDS, scale=1e-4)


def radar_spec(name: str, looks: int) -> Spec:
    """Return what codes of Sentinel-1 are."""
    shape = (looks, 2, SIDE_PX, SIDE_PX)
    return Spec(
        name,
        shape,
        "uint16",
        of="sentinel-1",
        bands=("VV", "VH"),
        scale=RADAR.scale,
        offset=RADAR.offset,
        unit="dB",
    )
