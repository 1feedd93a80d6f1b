"""How far a clear pixel is from what is not clear."""

import numba
import numpy as np
import numpy.typing as npt

U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]


def clearance(clear_yx: Bool, reach_px: int) -> U16:
    """Return the distance to the nearest pixel that is not clear (y, x), in king's moves, up to a reach.

    0 where a pixel itself is not. What lies beyond the array counts as clear.
    """
    out = np.where(clear_yx, reach_px, 0).astype(np.uint16)
    _two_passes(out)
    return out


def clearance_numpy(clear_yx: Bool, reach_px: int) -> U16:
    """Return what `clearance` returns; this plain twin defines it."""
    near, out = ~clear_yx, np.full(clear_yx.shape, reach_px, np.uint16)
    for step in range(reach_px):
        out[near & (out > step)] = step
        wide = np.pad(near, 1)
        height, width = near.shape
        near = np.logical_or.reduce([wide[r : r + height, c : c + width] for r in range(3) for c in range(3)])
    return out


@numba.njit(nogil=True, cache=True)
def _two_passes(out):
    height, width = out.shape
    for y in range(height):
        for x in range(width):
            least = out[y, x]
            if x > 0:
                least = min(least, out[y, x - 1] + 1)
            if y > 0:
                for k in range(max(x - 1, 0), min(x + 2, width)):
                    least = min(least, out[y - 1, k] + 1)
            out[y, x] = least
    for y in range(height - 1, -1, -1):
        for x in range(width - 1, -1, -1):
            least = out[y, x]
            if x < width - 1:
                least = min(least, out[y, x + 1] + 1)
            if y < height - 1:
                for k in range(max(x - 1, 0), min(x + 2, width)):
                    least = min(least, out[y + 1, k] + 1)
            out[y, x] = least
