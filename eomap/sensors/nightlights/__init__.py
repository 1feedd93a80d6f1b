"""The lights at night as a sensor: the mean radiance of a year's moonless clear nights, VNP46A4. No I/O.

Black Marble of NASA, Román and others 2018, doi:10.1016/j.rse.2018.03.017: 15 arc seconds, nW cm-2 sr-1, no
value below 0.
"""

from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.sensor import U16, Sensor
from eomap.core.source import Asset, Band
from eomap.sensors.auxiliary import clear_where_seen, no_mask_bands, scenes_by

STEP_NW = 0.1
"""Radiance of a code, nW cm-2 sr-1: what the instrument tells from darkness is about as much."""
NODATA_NW = -999.9
UNIT = "nW cm-2 sr-1"


def coded(raw_yx: npt.NDArray[Any], band: Band) -> U16:
    """Return radiance in steps of 0.1 nW cm-2 sr-1 (y, x), 1 for darkness; 0 where there is none."""
    raw = np.asarray(raw_yx)
    # Any number below 0 is a fill: interpolation may have made another one of it.
    unseen = (raw == band.nodata) | np.isnan(raw) | (raw < 0)
    steps = (np.where(unseen, 0, raw).astype(np.float64) * band.scale + band.offset) / STEP_NW
    return np.where(unseen, 0, np.clip(np.rint(steps) + 1, 1, 65_535)).astype(np.uint16)


def _radiance(name: str, asset: Asset) -> Band:
    nodata = NODATA_NW if asset.nodata is None else asset.nodata
    return Band(name, asset.href, asset.scale or 1.0, asset.offset or 0.0, nodata, unit=UNIT)


SENSOR = Sensor(
    name="night-lights",
    title="Night lights",
    collections=("vnp46a4", "night-lights"),
    bands=MappingProxyType({"radiance": 463.83}),
    default_bands=("radiance",),
    step=50,
    quantity="radiance",
    scale=STEP_NW,
    offset=-STEP_NW,
    unit=UNIT,
    masks=("auto", "none"),
    methods=("latest",),
    scenes_of=scenes_by(("AllAngle_Composite_Snow_Free", "NearNadir_Composite_Snow_Free"), _radiance),
    coded=coded,
    mask_bands=no_mask_bands,
    clear=clear_where_seen,
    margin_px=lambda _, __: 0,
)
SENSORS = (SENSOR,)

__all__ = ["NODATA_NW", "SENSOR", "SENSORS", "STEP_NW", "coded"]
