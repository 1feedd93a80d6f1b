"""What the quality layers of MODIS say: bits and ranks to clear looks, True where clear.

Snow is ground and stays. Sources: the user guides of MOD13 (collection 6.1, tables of VI quality and of pixel
reliability), MOD09 (state QA of 500 m) and MCD43 (mandatory quality). Axis letters: y row, x column.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Bool = npt.NDArray[np.bool_]
GOOD, MARGINAL, SNOW, CLOUDY = range(4)


def reliable(rank_yx: npt.NDArray[Any]) -> Bool:
    """Return where a vegetation index is good, marginal or of snow; -1 (or 255) is fill, 3 cloud."""
    return np.isin(rank_yx, (GOOD, MARGINAL, SNOW))


def index_clear(quality_yx: npt.NDArray[Any]) -> Bool:
    """Return where the VI quality says: produced, not probably cloudy, no mixed clouds, no shadow.

    Bits 0-1: 0 good, 1 look further, 2 probably cloudy, 3 not produced; 2-5 usefulness, from 13 on useless;
    8 adjacent cloud (not asked); 10 mixed clouds; 15 possible shadow. 65535 is fill.
    """
    bits = quality_yx.astype(np.uint16)
    usefulness = (bits >> 2) & 0b1111
    return ((bits & 0b11) < 2) & (usefulness < 13) & ~_set(bits, 10) & ~_set(bits, 15)


def state_clear(state_yx: npt.NDArray[Any]) -> Bool:
    """Return where the state of 500 m (or 1 km) surface reflectance shows the ground.

    Bits 0-1: cloud 0 clear, 1 cloudy, 2 mixed, 3 not set (assumed clear); 2 shadow; 8-9 cirrus 0 none,
    1 small, 2 average, 3 high; 10 cloud by the internal algorithm. Clear is: 0 or 3, no shadow, cirrus
    small at most, no internal cloud. 65535 is fill, and by these rules not clear.
    """
    bits = state_yx.astype(np.uint16)
    cloud, cirrus = bits & 0b11, (bits >> 8) & 0b11
    return ((cloud == 0) | (cloud == 3)) & ~_set(bits, 2) & (cirrus < 2) & ~_set(bits, 10)


def fully_inverted(quality_yx: npt.NDArray[Any]) -> Bool:
    """Return where a reflectance of nadir comes of a full inversion (0), not of its magnitude only (1).

    255 is fill.
    """
    return quality_yx == 0


def _set(bits: npt.NDArray[np.uint16], bit: int) -> Bool:
    return (bits >> bit) & 1 == 1
