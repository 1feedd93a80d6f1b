"""The 17 classes of the International Geosphere-Biosphere Programme, and the two ways to number water.

MCD12Q1 (500 m) numbers water bodies 17 and has no 0; MCD12C1 (0.05 degree) has water at 0. The same number is
never both, yet a legend put on the wrong product names every sea wrongly: numbers go through `igbp_codes`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError

IGBP: Mapping[int, str] = MappingProxyType(
    {
        1: "evergreen needleleaf forest", 2: "evergreen broadleaf forest", 3: "deciduous needleleaf forest",
        4: "deciduous broadleaf forest", 5: "mixed forest", 6: "closed shrubland", 7: "open shrubland",
        8: "woody savanna", 9: "savanna", 10: "grassland", 11: "permanent wetland", 12: "cropland",
        13: "urban", 14: "cropland and natural mosaic", 15: "snow and ice", 16: "barren", 17: "water",
    }
)  # fmt: skip
WATER = 17
PRODUCTS = ("MCD12Q1", "MCD12C1")


def igbp_codes(raw_yx: npt.NDArray[Any], product: str) -> npt.NDArray[np.uint16]:
    """Return classes (y, x) 1 to 17 of a product's numbers, 0 where there is none.

    Raises MisuseError on another product.

    >>> igbp_codes(np.array([0, 1, 16, 17, 255]), "MCD12Q1").tolist()
    [0, 1, 16, 17, 0]
    >>> igbp_codes(np.array([0, 1, 16, 255]), "MCD12C1").tolist()
    [17, 1, 16, 0]
    """
    if product not in PRODUCTS:
        raise MisuseError("land cover of MODIS", expected=" or ".join(PRODUCTS), got=product)
    raw = np.asarray(raw_yx)
    valid = (raw >= 1) & (raw <= WATER)
    made = np.where(valid, raw, 0).astype(np.uint16)
    if product == "MCD12C1":
        made[raw == 0] = WATER
    return made
