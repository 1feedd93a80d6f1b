"""How the bands of a sensor see a spectrum, and what they would have seen of another sensor's.

The table holds, for each band, the weight of every node of a spectrum that is linear between nodes 10 nm
apart; eomap/sensors/tables/README.md says where it is from. Axis letters: b band, n band of the other
sensor, w wavelength node, y row (north to south), x column (west to east).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.sensors.enmap.bands import CENTRE_NM, FWHM_NM, KEPT

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
_TABLE = Path(__file__).parent / "tables" / "responses.npz"
SENSORS: Mapping[str, str] = {"S2A": "S2A", "S2B": "S2B", "terra-modis": "MODIS"}
"""Sensors that others can be turned into, and their names in the table."""
GAP_NM, BLIND = 40.0, 0.02
"""A band is out of reach where this share of its weight falls into wider gaps or beyond the ends."""
_RIDGE = 0.01
"""Of the mean square of what narrow bands see: less follows the response closer and lets more noise in."""
_FINE_NM = 0.5


@dataclass(frozen=True, slots=True)
class Spectrometer:
    """Narrow bands, in any order: Gaussian responses."""

    centre_nm: tuple[float, ...]
    fwhm_nm: tuple[float, ...]
    """Full widths at half maximum."""


ENMAP = Spectrometer(tuple(CENTRE_NM[b] for b in KEPT), tuple(FWHM_NM[b] for b in KEPT))
"""The bands that a composite of EnMAP has by default."""


@dataclass(frozen=True, slots=True, eq=False)
class Responses:
    """The responses of one sensor's bands; the arrays are read-only."""

    names: tuple[str, ...]
    centre_nm: F32
    """Mean wavelength of each response (b)."""
    weight_bw: F32
    """Each band's sum to one."""
    nodes_nm: F32


@cache
def responses(sensor: str) -> Responses:
    """Return the responses of S2A, S2B, MODIS (of Terra, M1 to M7) or ENMAP; MisuseError for others.

    >>> responses("S2A").names[:3], round(float(responses("S2A").centre_nm[1]), 1)
    (('B01', 'B02', 'B03'), 492.4)
    """
    with np.load(_TABLE) as table:
        if f"{sensor}_name" not in table:
            raise MisuseError("spectral response", expected="S2A, S2B, MODIS or ENMAP", got=sensor)
        names = tuple(str(n) for n in table[f"{sensor}_name"])
        arrays = [table[key] for key in (f"{sensor}_centre_nm", f"{sensor}_weight_bw", "nodes_nm")]
    for array in arrays:
        array.flags.writeable = False
    return Responses(names, *arrays)


def to_bands(
    reflectance_nyx: npt.NDArray[np.floating],
    sensor: str,
    *,
    bands: Sequence[str] = (),
    narrow: Spectrometer = ENMAP,
) -> F32:
    """Return what the bands of another sensor (b, y, x) would have seen of an imaging spectrometer's pixels.

    `reflectance_nyx` holds the `narrow` bands in their order; `sensor` is a key of `SENSORS`; without
    `bands`, those of `bands_within`. Weights sum to one (`narrow_weights`): a flat spectrum stays as it is.
    Where a narrow band that counts is NaN, so is the result. Raises MisuseError for a band that is not there
    or out of reach, and where the number of narrow bands does not fit.
    """
    if reflectance_nyx.shape[0] != len(narrow.centre_nm):
        raise MisuseError(
            f"to {sensor}",
            expected=f"{len(narrow.centre_nm)} narrow bands",
            got=str(reflectance_nyx.shape[0]),
        )
    weight_bn = narrow_weights(sensor, tuple(bands) or bands_within(sensor, narrow), narrow)
    made = np.empty((len(weight_bn), *reflectance_nyx.shape[1:]), np.float32)
    for out, weight in zip(made, weight_bn, strict=True):
        used = np.flatnonzero(weight)  # what has no weight may be nodata
        out[...] = np.tensordot(weight[used], reflectance_nyx[used], axes=1)
    return made


def bands_within(sensor: str, narrow: Spectrometer = ENMAP) -> tuple[str, ...]:
    """Return the bands of a sensor whose response the narrow bands cover.

    >>> "B10" in bands_within("S2A"), len(bands_within("terra-modis"))
    (False, 7)
    """
    table = responses(_name(sensor))
    blind = _blind(table, narrow)
    return tuple(name for name, share in zip(table.names, blind, strict=True) if share <= BLIND)


@cache
def narrow_weights(sensor: str, bands: tuple[str, ...], narrow: Spectrometer = ENMAP) -> F64:
    """Return the weight (b, n) of each narrow band in bands of a sensor, read-only; each band's sum to one.

    First each node of the response is shared by the two narrow bands around it, which is exact for a spectrum
    linear between their centres. Narrow bands see more than their centres, so the sum sees too wide: their
    weights are then changed, by least squares with a ridge, until their Gaussians together come near the
    response. Raises MisuseError for a band that the sensor does not have or the narrow ones do not cover.
    """
    table, reached = responses(_name(sensor)), bands_within(sensor, narrow)
    if missing := [b for b in bands if b not in reached]:
        raise MisuseError(
            f"to {sensor}",
            expected=f"bands within the spectrum: {', '.join(reached)}",
            got=", ".join(missing),
        )
    order = np.argsort(narrow.centre_nm, kind="stable")
    centre, fwhm = (np.asarray(a, np.float64)[order] for a in (narrow.centre_nm, narrow.fwhm_nm))
    seen_nw = _gaussians(centre, fwhm, table.nodes_nm)
    share_nw = np.stack([np.interp(table.nodes_nm, centre, one) for one in np.eye(len(order))])
    weight = np.zeros((len(bands), len(order)))
    for out, band in zip(weight, bands, strict=True):
        response_w = table.weight_bw[table.names.index(band)].astype(np.float64)
        out[order] = _fitted(response_w, share_nw @ response_w, seen_nw)
    weight.flags.writeable = False
    return weight


def _fitted(response_w: F64, first_n: F64, seen_nw: F64) -> F64:
    """Return weights near the first ones whose narrow bands together see what the response does."""
    used = np.convolve(first_n > 0, np.ones(3), "same") > 0
    basis_wn = seen_nw[used].T
    square = basis_wn.T @ basis_wn
    ridge = _RIDGE * np.trace(square) / len(square) * np.eye(len(square))
    weight = first_n.copy()
    weight[used] += np.linalg.solve(square + ridge, basis_wn.T @ (response_w - basis_wn @ first_n[used]))
    fitted: F64 = weight / weight.sum()
    return fitted


def _gaussians(centre_nm: F64, fwhm_nm: F64, nodes_nm: F32) -> F64:
    """Return how much of each node (n, w) narrow bands see, as the table has it for broad ones."""
    step = float(nodes_nm[1] - nodes_nm[0])
    fine = np.arange(float(nodes_nm[0]), float(nodes_nm[-1]) + _FINE_NM / 2, _FINE_NM)
    bell = np.exp(-4 * np.log(2) * np.square((fine - centre_nm[:, None]) / fwhm_nm[:, None]))
    seen: F64 = bell @ np.clip(1 - np.abs(fine[:, None] - nodes_nm) / step, 0, 1)
    return seen / seen.sum(axis=1, keepdims=True)


def _name(sensor: str) -> str:
    if sensor not in SENSORS:
        raise MisuseError("spectral response", expected=f"one of {', '.join(SENSORS)}", got=sensor)
    return SENSORS[sensor]


def _blind(table: Responses, narrow: Spectrometer) -> F64:
    """Return the share of each band's weight at nodes that no two centres near each other embrace."""
    centres = np.sort(np.asarray(narrow.centre_nm, np.float64))
    after = np.searchsorted(centres, table.nodes_nm)
    inside = (after > 0) & (after < len(centres))
    below, above = centres[np.maximum(after - 1, 0)], centres[np.minimum(after, len(centres) - 1)]
    gap = np.where(inside, above - below, np.abs(table.nodes_nm - below) * 2)
    lost: F64 = table.weight_bw.astype(np.float64) @ (gap > GAP_NM)
    return lost
