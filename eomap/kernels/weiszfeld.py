"""The inner loop of the geometric median, written out for one number of bands.

Written out, the differences of all bands stay in registers between the distance and the pull. Letters: t
look, b band, l lane: a pixel among those that iterate side by side.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np

from eomap.kernels.network import compiled

LANES = 48
"""Ten looks of ten bands of so many pixels fit the first-level cache."""


@cache
def pull_of(bands: int) -> Callable[..., Any]:
    """Return the compiled kernel `pull(value_tbl, centre_bl, weight_tl, force_bl, total_l, met_l, looks)`.

    All float32 and flat, lanes last. It adds to `force_bl` the unit vectors from the centre to each look
    times the look's weight, to `total_l` the weights over the distances, to `met_l` the weights of looks that
    lie on the centre.
    """
    lane = f"for i in range(np.uint64({LANES})):"
    lines = []
    for b in range(bands):
        at = f"np.uint64({b * LANES}) + i"
        lines.append(f"a{b} = value[at + {at}] - centre[{at}]")
    lines += [
        "d = " + " + ".join(f"a{b} * a{b}" for b in range(bands)),
        "far = d > ZERO",
        f"w = weight[t * np.uint64({LANES}) + i]",
        "p = w / np.sqrt(d) if far else ZERO",
    ]
    for b in range(bands):
        at = f"np.uint64({b * LANES}) + i"
        lines.append(f"force[{at}] += p * a{b}")
    lines += ["total[i] += p", "met[i] += ZERO if far else w"]
    text = [
        f"def pull_{bands}(value, centre, weight, force, total, met, looks):",
        "    for t in range(looks):",
        f"        at = t * np.uint64({bands * LANES})",
        f"        {lane}",
        *("            " + line for line in lines),
        "    return looks",
    ]
    row = numba.float32[::1]
    signature = numba.uint64(row, row, row, row, row, row, numba.uint64)
    return compiled("\n".join(text), f"pull_{bands}", signature, {"np": np, "ZERO": np.float32(0)})
