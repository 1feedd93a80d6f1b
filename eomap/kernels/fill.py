"""Small gaps in a composite, filled from their neighbourhood."""

import numba
import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError

U16 = npt.NDArray[np.uint16]


def fill_gaps(dn_byx: U16, radius_px: int) -> U16:
    """Return the bands (b, y, x) with every 0 replaced by the mean of the nonzero pixels around it.

    The mean is over the square of 2 * radius_px + 1 pixels in the same band, cut off at the array's
    edge, in integer arithmetic and rounded half up. A pixel stays 0 where the square has no value.
    Filled values never feed another fill. Pixels further than `radius_px` from the edge get the same
    bits however the raster was cut. Nonzero pixels keep their value; an array without gaps is
    returned itself. Raises MisuseError on another dtype or shape, or a radius below 0.

    >>> fill_gaps(np.array([[[4, 0, 7, 9]]], np.uint16), 1).tolist()
    [[[4, 6, 7, 9]]]
    """
    _vet(dn_byx, radius_px)
    if dn_byx.all():
        return dn_byx
    filled_byx = np.ascontiguousarray(dn_byx).copy()
    for band, filled in zip(dn_byx, filled_byx, strict=True):
        _fill_band(np.ascontiguousarray(band), radius_px, filled)
    return filled_byx


def fill_gaps_numpy(dn_byx: U16, radius_px: int) -> U16:
    """Return what `fill_gaps` returns; this plain twin (integral images) defines it."""
    _vet(dn_byx, radius_px)
    total = _box_sums(dn_byx.astype(np.uint64), radius_px)
    count = _box_sums((dn_byx > 0).astype(np.uint64), radius_px)
    mean = (2 * total + count) // np.maximum(2 * count, 1)
    return np.where(dn_byx > 0, dn_byx, mean).astype(np.uint16)


def _box_sums(value_byx: npt.NDArray[np.uint64], radius_px: int) -> npt.NDArray[np.uint64]:
    _, height, width = value_byx.shape
    integral = np.pad(value_byx, ((0, 0), (1, 0), (1, 0))).cumsum(axis=1).cumsum(axis=2)
    y, x = np.arange(height), np.arange(width)
    top, bottom = np.maximum(y - radius_px, 0), np.minimum(y + radius_px + 1, height)
    left, right = np.maximum(x - radius_px, 0), np.minimum(x + radius_px + 1, width)
    rows = integral[:, bottom] - integral[:, top]
    return rows[:, :, right] - rows[:, :, left]


def _vet(dn_byx: U16, radius_px: int) -> None:
    if dn_byx.ndim != 3 or dn_byx.dtype != np.uint16 or radius_px < 0:
        raise MisuseError(
            "gap fill",
            expected="uint16 (b, y, x) and a radius of 0 px or more",
            got=f"{dn_byx.dtype} {dn_byx.shape} and {radius_px} px",
        )


@numba.njit(nogil=True, cache=True)
def _fill_band(dn_yx, radius, filled_yx):
    """Column sums run down the rows; only rows with a gap are summed sideways."""
    height, width = dn_yx.shape
    total_x = np.zeros(width, np.uint64)
    count_x = np.zeros(width, np.uint64)
    for y in range(-radius, height):
        if y + radius < height:
            _slide(dn_yx[y + radius], total_x, count_x, True)
        if y - radius - 1 >= 0:
            _slide(dn_yx[y - radius - 1], total_x, count_x, False)
        if y >= 0 and (dn_yx[y] == 0).any():
            _fill_row(dn_yx[y], total_x, count_x, radius, filled_yx[y])


@numba.njit(nogil=True, cache=True)
def _slide(dn_x, total_x, count_x, enters):
    for x in range(len(dn_x)):
        one = np.uint64(dn_x[x] != 0)
        if enters:
            total_x[x] += np.uint64(dn_x[x])
            count_x[x] += one
        else:
            total_x[x] -= np.uint64(dn_x[x])
            count_x[x] -= one


@numba.njit(nogil=True, cache=True)
def _fill_row(dn_x, total_x, count_x, radius, filled_x):
    width = len(dn_x)
    total = count = np.uint64(0)
    for x in range(-radius, width):
        if x + radius < width:
            total += total_x[x + radius]
            count += count_x[x + radius]
        if x - radius - 1 >= 0:
            total -= total_x[x - radius - 1]
            count -= count_x[x - radius - 1]
        if x >= 0 and dn_x[x] == 0 and count > 0:
            two = np.uint64(2)
            filled_x[x] = np.uint16((two * total + count) // (two * count))
