"""What the ground of the twin is made of, and how bright that is in the bands of a sensor.

A pixel is a mixture of materials; what fractions leave out of one is shade, reflectance 0. A material's
spectrum varies along three directions, in units of standard deviations. Tables and sources:
eomap/twin/tables/README.md, eomap/sensors/tables/README.md. Axis letters: b band, k variation, m material, w
wavelength node.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.sensors.response import responses

F32 = npt.NDArray[np.float32]
SENSORS = ("S2A", "S2B", "MODIS", "ENMAP")
TABLES = Path(__file__).parent / "tables"


class Material(IntEnum):
    """A constituent of a pixel; plants are canopies as a satellite sees them, shade within included."""

    WATER, BROADLEAF, CONIFER, GRASS, CROP, NPV, SOIL, SAND, ROCK = range(9)
    TILES, GREY_ROOF, METAL_ROOF, ASPHALT, CONCRETE, SNOW = range(9, 15)


@dataclass(frozen=True, slots=True, eq=False)
class BandTable:
    """The reflectance of every material in the bands of one sensor; the arrays are read-only."""

    names: tuple[str, ...]
    """Sentinel-2 B01 to B12 as elsewhere in eomap, MODIS M1 to M7, EnMAP E001 to E224."""
    centre_nm: F32
    """Mean wavelength of each response (b)."""
    mean_mb: F32
    spread_kmb: F32
    """What one standard deviation of each variation adds to the mean."""


@cache
def band_table(sensor: str) -> BandTable:
    """Return the table of S2A, S2B, MODIS or ENMAP; raise MisuseError for any other name.

    A band value is the mean of the spectrum weighted by the band's response.

    >>> table = band_table("S2A")
    >>> nir, red = (table.mean_mb[Material.CROP, table.names.index(b)] for b in ("B08", "B04"))
    >>> bool(nir > 5 * red)
    True
    """
    if sensor not in SENSORS:
        raise MisuseError("materials of the twin", expected=f"one of {', '.join(SENSORS)}", got=sensor)
    table = responses(sensor)
    names, centre_nm, weight_bw = table.names, table.centre_nm, table.weight_bw
    with np.load(TABLES / "spectra.npz") as spectra:
        mean_mb = spectra["mean_mw"] @ weight_bw.T
        spread_kmb = spectra["spread_kmw"] @ weight_bw.T
    for array in (mean_mb, spread_kmb):
        array.flags.writeable = False
    return BandTable(names, centre_nm, mean_mb, spread_kmb)


@cache
def drifted(sensor: str, shift_nm: float) -> BandTable:
    """Return a sensor's table with every response moved by some nanometres towards the red."""
    weight_bw, wavelength_nm = _responses(sensor)
    return _retuned(
        sensor, np.stack([np.interp(wavelength_nm - shift_nm, wavelength_nm, w) for w in weight_bw])
    )


@cache
def broadened(sensor: str, fwhm_nm: float) -> BandTable:
    """Return a sensor's table with every response blurred by a bell of that full width at half maximum."""
    weight_bw, wavelength_nm = _responses(sensor)
    apart = (wavelength_nm[:, None] - wavelength_nm[None, :]) / (max(fwhm_nm, 1e-3) / 2.3548)
    return _retuned(sensor, weight_bw @ np.exp(-0.5 * np.square(apart)))


def _responses(sensor: str) -> tuple[F32, F32]:
    """Return a sensor's weights (b, w) and the nodes (w), nm; raise MisuseError for any other name."""
    table = responses(sensor)
    return table.weight_bw, table.nodes_nm


def _retuned(sensor: str, weight_bw: npt.NDArray[np.floating]) -> BandTable:
    """Return a sensor's table with other responses under its names and centres."""
    table = band_table(sensor)
    weight = (weight_bw / weight_bw.sum(axis=1, keepdims=True)).astype(np.float32)
    with np.load(TABLES / "spectra.npz") as spectra:
        mean_mb, spread_kmb = spectra["mean_mw"] @ weight.T, spectra["spread_kmw"] @ weight.T
    for array in (mean_mb, spread_kmb):
        array.flags.writeable = False
    return BandTable(table.names, table.centre_nm, mean_mb, spread_kmb)
