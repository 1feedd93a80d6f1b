"""Elevation models as sensors: metres above the geoid, the latest first. No I/O."""

from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.sensor import U16, Sensor
from eomap.core.source import Asset, Band
from eomap.sensors.auxiliary import clear_where_seen, no_mask_bands, scenes_by

STEP_M, LOWEST_M = 0.2, -1_000.0
NODATA_M = -32_767.0
"""Copernicus DEM names no nodata; without one, what lies beside a file would be the sea."""


def coded(raw_yx: npt.NDArray[Any], band: Band) -> U16:
    """Return elevation in steps of 0.2 m above -1000 m (y, x), 1 to 65535; 0 where there is none."""
    raw = np.asarray(raw_yx)
    unseen = (raw == band.nodata) | (np.isnan(raw) if raw.dtype.kind == "f" else False) | (raw < LOWEST_M)
    steps = (np.where(unseen, 0, raw).astype(np.float64) * band.scale + band.offset - LOWEST_M) / STEP_M
    return np.where(unseen, 0, np.clip(np.rint(steps) + 1, 1, 65_535)).astype(np.uint16)


def _elevation(name: str, asset: Asset) -> Band:
    nodata = NODATA_M if asset.nodata is None else asset.nodata
    return Band(name, asset.href, asset.scale or 1.0, asset.offset or 0.0, nodata, unit="m")


SENSOR = Sensor(
    name="dem",
    title="Elevation",
    collections=("cop-dem-glo-30", "dem"),
    bands=MappingProxyType({"elevation": 30.0}),
    default_bands=("elevation",),
    step=3,
    quantity="elevation",
    scale=STEP_M,
    offset=LOWEST_M - STEP_M,
    unit="m",
    masks=("auto", "none"),
    methods=("latest",),
    scenes_of=scenes_by(("data", "dem", "elevation"), _elevation),
    coded=coded,
    mask_bands=no_mask_bands,
    clear=clear_where_seen,
    margin_px=lambda _, __: 0,
)
SENSORS = (SENSOR,)

__all__ = ["LOWEST_M", "SENSOR", "SENSORS", "STEP_M", "coded"]
