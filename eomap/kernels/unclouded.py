"""What every network that removes clouds must beat: the least cloudy look, and the mean of the clear ones.

Baselines of Ebel et al. (2022), doi:10.1109/TGRS.2022.3146246. They work on float values of any unit;
`composite` has the methods for codes, which choose per pixel and leave unseen what nobody saw clear. Axis
letters: t look, b band, y, x.
"""

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError

Bool = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]


def least_cloudy(value_tbyx: F32, clear_tyx: Bool) -> F32:
    """Return the look (b, y, x) that has most clear pixels, clouds and all; of equals the first."""
    _check(value_tbyx, clear_tyx)
    return value_tbyx[int(clear_tyx.sum(axis=(1, 2)).argmax())]


def clear_mosaic(value_tbyx: F32, clear_tyx: Bool, *, fallback: float = 0.5) -> F32:
    """Return the mean (b, y, x) of the clear looks of a pixel, and `fallback` where there is none.

    Clear pixels must be known. The fallback is in the unit of the values: the published 0.5 is a reflectance
    of 0.5 on one of the scales of `nn.removal_inputs`, of 0.1 on the other.
    """
    _check(value_tbyx, clear_tyx)
    n_yx = clear_tyx.sum(axis=0)
    total = np.where(clear_tyx[:, None], value_tbyx, 0).sum(axis=0, dtype=np.float64)
    return np.where(n_yx > 0, total / np.maximum(n_yx, 1), fallback).astype(np.float32)


def _check(value_tbyx: F32, clear_tyx: Bool) -> None:
    t, _, *size = value_tbyx.shape if value_tbyx.ndim == 4 else (0, 0)
    if not t or clear_tyx.shape != (t, *size) or clear_tyx.dtype != np.bool_:
        raise MisuseError(
            "cloud baseline",
            expected="values (t, b, y, x) and a boolean mask (t, y, x) of one look or more",
            got=f"{value_tbyx.shape} and {clear_tyx.shape} {clear_tyx.dtype}",
        )
