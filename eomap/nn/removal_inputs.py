"""What networks that remove clouds are fed: radar and optical looks on the scales that they were trained on.

Two scalings are published: 0 to 1 (UnCRtainTS, Ebel et al. 2023, arXiv:2304.05464) and that of the residual
networks (0 to 5 optical, 0 to 2 radar; DSen2-CR, Meraner et al. 2020, doi:10.1016/j.isprsjprs.2020.05.013,
and CR-TS, Ebel et al. 2022, doi:10.1109/TGRS.2022.3146246), which also clip VH lower. What is unknown (NaN)
becomes 0. Axis letters: t look, p polarisation (VV, VH), b band, y, x.
"""

from datetime import date

import numpy as np
import numpy.typing as npt

from eomap.core.period import EPOCH

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

FIRST_DAY = date(2014, 4, 3)
"""Launch of Sentinel-1A: UnCRtainTS counts days from here."""
_LOWEST_DB = -25.0
_LOWEST_DB_RESNET = (-25.0, -32.5)
"""VV, VH."""


def optical(reflectance: npt.ArrayLike) -> F32:
    """Return reflectance as it is within 0 to 1, float32.

    >>> optical([1.2, 0.5, np.nan]).tolist()
    [1.0, 0.5, 0.0]
    """
    return _filled(np.clip(np.asarray(reflectance, np.float64), 0.0, 1.0))


def optical_resnet(reflectance: npt.ArrayLike) -> F32:
    """Return five times `optical`: 0 to 5, digital numbers over 2000."""
    return optical(reflectance) * np.float32(5)


def radar(db_pyx: npt.ArrayLike) -> F32:
    """Return -25 to 0 dB as 0 to 1, either polarisation."""
    return _filled(1 - np.clip(np.asarray(db_pyx, np.float64), _LOWEST_DB, 0.0) / _LOWEST_DB)


def radar_resnet(db_pyx: npt.ArrayLike) -> F32:
    """Return -25 to 0 dB of VV and -32.5 to 0 dB of VH as 0 to 2; axis p may have others before it.

    >>> radar_resnet(np.array([-12.5, -16.25]).reshape(2, 1, 1)).ravel().tolist()
    [1.0, 1.0]
    """
    lowest = np.array(_LOWEST_DB_RESNET)[:, None, None]
    return _filled(2 * (1 - np.clip(np.asarray(db_pyx, np.float64), lowest, 0.0) / lowest))


def series(db_tpyx: npt.ArrayLike, reflectance_tbyx: npt.ArrayLike, *, scale_by: float) -> F32:
    """Return what UnCRtainTS is fed, (t, p + b, y, x): radar first, both 0 to `scale_by`.

    A look of which nothing is known becomes all 0, which the network takes for missing. DSen2-CR and CR-TS
    want the optical bands first.
    """
    return np.concatenate([radar(db_tpyx), optical(reflectance_tbyx)], axis=1) * np.float32(scale_by)


def series_days(radar_day_t: npt.ArrayLike, optical_day_t: npt.ArrayLike) -> F64:
    """Return the mean day of each pair, counted from FIRST_DAY; days given count from 1970-01-01."""
    pair = np.asarray(radar_day_t, np.float64) + np.asarray(optical_day_t, np.float64)
    return pair / 2 - (FIRST_DAY - EPOCH).days


def _filled(values: F64) -> F32:
    return np.nan_to_num(values, nan=0.0).astype(np.float32)
