"""Which of some scattered sites is nearest to each pixel, and how far the border to the next one is.

Sites and pixels are Earth-centred metres. Axis letters: y row, x column, s site.
"""

import numba
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
_SIDE_PX = 48
"""Squares that share their candidates: the sites that can be first or second anywhere in them."""


def nearest_site(x_m: F64, y_m: F64, z_m: F64, site_sx: F64) -> tuple[I32, F32]:
    """Return the index of the nearest site (y, x) and the metres to the border of its region (y, x).

    `site_sx` holds x, y, z of at least two sites (s, 3). Of equally near sites the first counts. Values
    do not depend on sites further away than the second nearest.
    """
    owner = np.empty(x_m.shape, np.int32)
    border = np.empty(x_m.shape, np.float32)
    x, y, z, site = (np.ascontiguousarray(a, np.float64) for a in (x_m, y_m, z_m, site_sx))
    _nearest(x, y, z, site, owner, border)
    return owner, border


def nearest_site_numpy(x_m: F64, y_m: F64, z_m: F64, site_sx: F64) -> tuple[I32, F32]:
    """Return what `nearest_site` returns; this plain twin defines it."""
    dx, dy, dz = (a[..., None] - site_sx[:, k] for k, a in enumerate((x_m, y_m, z_m)))
    far = dx * dx + dy * dy + dz * dz
    owner = far.argmin(axis=-1).astype(np.int32)
    two = np.sqrt(np.sort(far, axis=-1)[..., :2])
    return owner, ((two[..., 1] - two[..., 0]) / 2).astype(np.float32)


@numba.njit(cache=True, nogil=True)
def _nearest(x, y, z, site, owner, border):
    height, width = x.shape
    count = site.shape[0]
    far = np.empty(count)
    chosen = np.empty(count, np.int32)
    near = np.empty((3, count))
    for top in range(0, height, _SIDE_PX):
        bottom = min(top + _SIDE_PX, height)
        for left in range(0, width, _SIDE_PX):
            right = min(left + _SIDE_PX, width)
            r, c = (top + bottom) // 2, (left + right) // 2
            reach = 0.0
            for i in (top, bottom - 1):
                for j in (left, right - 1):
                    d = np.sqrt(
                        (x[i, j] - x[r, c]) ** 2 + (y[i, j] - y[r, c]) ** 2 + (z[i, j] - z[r, c]) ** 2
                    )
                    reach = max(reach, d)
            second, first = np.inf, np.inf
            for s in range(count):
                far[s] = np.sqrt(
                    (x[r, c] - site[s, 0]) ** 2 + (y[r, c] - site[s, 1]) ** 2 + (z[r, c] - site[s, 2]) ** 2
                )
                if far[s] < first:
                    first, second = far[s], first
                elif far[s] < second:
                    second = far[s]
            n = 0
            for s in range(count):
                if far[s] <= second + 2.5 * reach:
                    chosen[n], near[0, n], near[1, n], near[2, n] = s, site[s, 0], site[s, 1], site[s, 2]
                    n += 1
            for i in range(top, bottom):
                for j in range(left, right):
                    px, py, pz = x[i, j], y[i, j], z[i, j]
                    best, next_, who = np.inf, np.inf, 0
                    for k in range(n):
                        dx, dy, dz = px - near[0, k], py - near[1, k], pz - near[2, k]
                        d = dx * dx + dy * dy + dz * dz
                        next_ = min(next_, max(d, best))
                        if d < best:
                            best, who = d, k
                    owner[i, j] = chosen[who]
                    border[i, j] = np.float32((np.sqrt(next_) - np.sqrt(best)) / 2)
