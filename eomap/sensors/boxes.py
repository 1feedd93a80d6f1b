"""Sums, growth and shrinkage over square neighbourhoods, in whole numbers (so that cuts do not matter).

The square has 2 * radius_px + 1 pixels a side; nothing lies outside the array.
"""

import numpy as np
import numpy.typing as npt

Bool = npt.NDArray[np.bool_]


def box_sum(value_yx: npt.NDArray[np.generic], radius_px: int) -> npt.NDArray[np.uint32]:
    """Return the sum (y, x) over each pixel's square; uint32, enough for uint16 and a radius of 127."""
    total = np.asarray(value_yx).astype(np.uint32)
    for axis in (0, 1):
        padded = np.pad(total, [(radius_px, radius_px) if a == axis else (0, 0) for a in (0, 1)])
        size = total.shape[axis]
        total = _slice(padded, axis, 0, size).copy()
        for k in range(1, 2 * radius_px + 1):
            total += _slice(padded, axis, k, k + size)
    return total


def dilate(mask_yx: Bool, radius_px: int) -> Bool:
    """Return True (y, x) where the square holds any True."""
    for axis in (0, 1):
        size, width = mask_yx.shape[axis], 1
        grown = np.pad(mask_yx, [(radius_px, radius_px) if a == axis else (0, 0) for a in (0, 1)])
        while width < 2 * radius_px + 1:  # windows double until they are as wide as the square
            step = min(width, 2 * radius_px + 1 - width)
            grown = _slice(grown, axis, 0, -step) | _slice(grown, axis, step, None)
            width += step
        mask_yx = _slice(grown, axis, 0, size)
    return mask_yx


def erode(mask_yx: Bool, radius_px: int) -> Bool:
    """Return True (y, x) where the square holds only True; what lies outside the array counts as True."""
    return ~dilate(~mask_yx, radius_px)


def _slice(array: npt.NDArray, axis: int, start: int, stop: int | None) -> npt.NDArray:
    return array[start:stop] if axis == 0 else array[:, start:stop]
