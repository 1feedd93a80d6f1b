"""Areas on the WGS84 ellipsoid, in closed form.

Between two parallels the ellipsoid has the area of a band on its authalic sphere:
A = b^2 / 2 * dlon * [sin(phi) / (1 - e^2 sin^2(phi)) + atanh(e sin(phi)) / e], upper minus lower
(Snyder 1987, USGS Professional Paper 1395, eq. 3-12, doi:10.3133/pp1395).
"""

import numpy as np
import numpy.typing as npt
from pyproj import Proj

F64 = npt.NDArray[np.float64]

SEMI_MAJOR_KM = 6378.137
FLATTENING = 1 / 298.257223563
_SEMI_MINOR_KM = SEMI_MAJOR_KM * (1 - FLATTENING)
_E = float(np.sqrt(FLATTENING * (2 - FLATTENING)))


def _authalic(lat_deg: npt.ArrayLike) -> F64:
    sine = np.sin(np.radians(np.asarray(lat_deg, dtype=np.float64)))
    return sine / (1 - (_E * sine) ** 2) + np.arctanh(_E * sine) / _E


def band_area_km2(south_deg: npt.ArrayLike, north_deg: npt.ArrayLike, width_deg: float) -> F64:
    """Return the area in km2 between two parallels, over a width in longitude; broadcasts.

    >>> round(float(band_area_km2(-90, 90, 360)))
    510065622
    """
    return _SEMI_MINOR_KM**2 / 2 * np.radians(width_deg) * (_authalic(north_deg) - _authalic(south_deg))


def cell_area_km2(lat_centres: npt.ArrayLike, step_deg: float) -> F64:
    """Return the area in km2 of lat/lon cells of `step_deg` degrees, by the latitude of their centres."""
    lat = np.asarray(lat_centres, dtype=np.float64)
    return band_area_km2(lat - step_deg / 2, lat + step_deg / 2, step_deg)


def zone_cell_area_km2(epsg: int, x_m: npt.ArrayLike, y_m: float, *, side_m: float) -> F64:
    """Return the true area in km2 of square cells of a UTM zone, by easting of their centres at one northing.

    A cell's own area over the scale of areas at its centre, as PROJ gives it. Along 30 km of northing the
    scale changes by less than 1e-6.
    """
    zone = Proj(epsg)
    x = np.asarray(x_m, dtype=np.float64)
    lon, lat = zone(x, np.full_like(x, y_m), inverse=True)
    return (side_m / 1000) ** 2 / np.asarray(zone.get_factors(lon, lat).areal_scale)
