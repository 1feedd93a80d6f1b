"""Of which days a composite speaks."""

import numba
import numpy as np
import numpy.typing as npt

U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]


def mean_day(look_tyx: Bool, day_t: U16) -> U16:
    """Return the mean day of the looks (y, x), rounded half up; 0 where there is none.

    `day_t` counts days from a common first one.

    >>> mean_day(np.array([[[1]], [[1]], [[0]]], bool), np.array([10, 21, 99], np.uint16)).tolist()
    [[16]]
    """
    out = np.zeros(look_tyx.shape[1:], np.uint16)
    by_row = look_tyx.transpose(1, 0, 2)
    if by_row.flags.c_contiguous:  # rows of all looks beside each other, as the median likes them
        _mean_day(by_row, day_t.astype(np.uint32), out)
    else:
        flat = np.ascontiguousarray(look_tyx).reshape(1, len(look_tyx), -1)
        _mean_day(flat, day_t.astype(np.uint32), out.reshape(1, -1))
    return out


def mean_day_numpy(look_tyx: Bool, day_t: U16) -> U16:
    """Return what `mean_day` returns; this plain twin defines it."""
    n = look_tyx.sum(axis=0)
    total = np.tensordot(day_t.astype(np.int64), look_tyx.astype(np.int64), 1)
    return np.where(n > 0, (2 * total + n) // np.maximum(2 * n, 1), 0).astype(np.uint16)


@numba.njit(nogil=True, cache=True)
def _mean_day(look_ytx, day_t, out_yx):
    chunk = 4096
    total, count = np.empty(chunk, np.uint32), np.empty(chunk, np.uint32)
    height, width = out_yx.shape
    for y in range(height):
        for start in range(0, width, chunk):
            size = min(chunk, width - start)
            total[:], count[:] = 0, 0
            for t in range(len(day_t)):
                look, day = look_ytx[y, t, start : start + size], day_t[t]
                for x in range(size):
                    seen = np.uint32(look[x])
                    count[x] += seen
                    total[x] += seen * day
            for x in range(size):
                if count[x]:
                    out_yx[y, start + x] = (2 * total[x] + count[x]) // (2 * count[x])
