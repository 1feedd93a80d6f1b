"""How the brightness of the ground depends on where the sun and the satellite stand.

Kernels of Ross-Thick (volume scattering) and Li-Sparse-Reciprocal (shadows of spheroids, b/r = 1,
h/b = 2): Wanner, Li and Strahler 1995, doi 10.1029/95JD02371; Lucht, Schaaf and Strahler 2000,
doi 10.1109/36.841980, equations 37 to 44. Angles in degrees; relative azimuth 0 has sun and satellite on
the same side (the hot spot), 180 opposite. Broadcasting arrays throughout; plain NumPy, since angles come
on coarse grids.
"""

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
_HEIGHT = 2.0
"""Height of a crown's centre in crown half-heights, h/b; crowns are spheres, b/r = 1."""


def ross_thick(
    sun_zenith_deg: npt.ArrayLike, view_zenith_deg: npt.ArrayLike, azimuth_deg: npt.ArrayLike
) -> F64:
    """Return the volume-scattering kernel; 0 with sun and satellite overhead."""
    sun, view = np.radians(sun_zenith_deg), np.radians(view_zenith_deg)
    cos_phase = _cos_phase(sun, view, np.radians(azimuth_deg))
    phase = np.arccos(cos_phase)
    scattered = (np.pi / 2 - phase) * cos_phase + np.sin(phase)
    return scattered / (np.cos(sun) + np.cos(view)) - np.pi / 4


def li_sparse_reciprocal(
    sun_zenith_deg: npt.ArrayLike, view_zenith_deg: npt.ArrayLike, azimuth_deg: npt.ArrayLike
) -> F64:
    """Return the geometric-optical kernel; 0 with sun and satellite overhead, -1 or so where shadows show."""
    sun, view, azimuth = (np.radians(a) for a in (sun_zenith_deg, view_zenith_deg, azimuth_deg))
    secants = 1 / np.cos(sun) + 1 / np.cos(view)
    tan_sun, tan_view = np.tan(sun), np.tan(view)
    distance2 = tan_sun**2 + tan_view**2 - 2 * tan_sun * tan_view * np.cos(azimuth)
    across = tan_sun * tan_view * np.sin(azimuth)
    cos_t = np.clip(_HEIGHT * np.sqrt(np.maximum(distance2, 0) + across**2) / secants, -1, 1)
    t = np.arccos(cos_t)
    overlap = (t - np.sin(t) * cos_t) * secants / np.pi
    lit = (1 + _cos_phase(sun, view, azimuth)) / (2 * np.cos(sun) * np.cos(view))
    return overlap - secants + lit


def relative_to_nadir(
    sun_zenith_deg: npt.ArrayLike,
    view_zenith_deg: npt.ArrayLike,
    relative_azimuth_deg: npt.ArrayLike,
    *,
    iso: npt.ArrayLike,
    vol: npt.ArrayLike,
    geo: npt.ArrayLike,
) -> F64:
    """Return reflectance as seen over reflectance as seen from straight above under the same sun.

    1 at nadir. Multiply nadir reflectance by it, or divide to get back: that is the c-factor of NBAR.

    >>> float(relative_to_nadir(40.0, 0.0, 0.0, iso=0.3, vol=0.15, geo=0.03))
    1.0
    """
    seen = _modelled(sun_zenith_deg, view_zenith_deg, relative_azimuth_deg, iso, vol, geo)
    return seen / _modelled(sun_zenith_deg, 0.0, 0.0, iso, vol, geo)


def _modelled(
    sun: npt.ArrayLike, view: npt.ArrayLike, azimuth: npt.ArrayLike, *weights: npt.ArrayLike
) -> F64:
    iso, vol, geo = (np.asarray(w, np.float64) for w in weights)
    return iso + vol * ross_thick(sun, view, azimuth) + geo * li_sparse_reciprocal(sun, view, azimuth)


def _cos_phase(sun: F64, view: F64, azimuth: F64) -> F64:
    """Return the cosine of the angle between the directions to sun and satellite; radians in."""
    return np.clip(np.cos(sun) * np.cos(view) + np.sin(sun) * np.sin(view) * np.cos(azimuth), -1, 1)
