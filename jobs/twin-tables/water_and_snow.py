"""Reflectance of water and of snow from their inherent optics, for spectra.py.

Absorption of pure water: Pope and Fry 1997 (doi 10.1364/AO.36.008710) to 720 nm, beyond it Hale and Querry
1973 (doi 10.1364/AO.12.000555) and Segelstein 1981; imaginary index of ice: Warren and Brandt 2008
(doi 10.1029/2007JD009744). Both as numbers of the CC0 collection refractiveindex.info.
Axis letters: n spectrum, w wavelength node.
"""

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
# nm and absorption in 1/m.
_WATER = np.array([
    (400, 0.00663), (420, 0.00454), (440, 0.00635), (460, 0.00979), (480, 0.0127), (490, 0.0150),
    (500, 0.0204), (510, 0.0325), (520, 0.0409), (540, 0.0474), (560, 0.0619), (570, 0.0695),
    (580, 0.0896), (590, 0.1351), (600, 0.2224), (610, 0.2644), (620, 0.2755), (640, 0.3108),
    (660, 0.410), (680, 0.465), (700, 0.624), (710, 0.827), (720, 1.231), (750, 2.61), (775, 2.40),
    (800, 1.96), (825, 2.77), (850, 4.33), (875, 5.62), (900, 6.79), (925, 14.4), (950, 38.8),
    (975, 44.9), (1000, 36.3), (1200, 103.6), (1400, 1239), (1600, 671), (1800, 803), (1950, 11910),
    (2000, 6911), (2100, 2716), (2200, 1651), (2300, 2560), (2400, 5006), (2500, 9550),
])  # fmt: skip
# nm and imaginary refractive index.
_ICE = np.array([
    (400, 2.365e-11), (450, 9.239e-11), (500, 5.889e-10), (550, 2.289e-9), (600, 5.73e-9), (650, 1.43e-8),
    (700, 2.9e-8), (750, 5.87e-8), (800, 1.34e-7), (840, 1.51e-7), (880, 3.35e-7), (900, 4.2e-7),
    (950, 6.02e-7), (980, 1.12e-6), (1000, 1.62e-6), (1030, 2.33e-6), (1060, 1.96e-6), (1090, 1.73e-6),
    (1120, 1.82e-6), (1150, 2.29e-6), (1180, 4.77e-6), (1210, 8.66e-6), (1240, 1.22e-5), (1270, 1.35e-5),
    (1320, 1.32e-5), (1370, 1.48e-5), (1400, 1.98e-5), (1420, 5.959e-5), (1440, 1.516e-4), (1460, 2.942e-4),
    (1481, 4.941e-4), (1493, 5.532e-4), (1527, 4.908e-4), (1563, 3.858e-4), (1587, 3.105e-4),
    (1613, 2.659e-4), (1650, 2.361e-4), (1700, 1.875e-4), (1760, 1.522e-4), (1830, 1.302e-4),
    (1870, 1.632e-4), (1890, 2.566e-4), (1923, 7.06e-4), (1961, 1.442e-3), (2000, 1.64e-3),
    (2041, 1.458e-3), (2083, 1.023e-3), (2130, 5.255e-4), (2170, 3.235e-4), (2220, 2.228e-4),
    (2250, 2.035e-4), (2290, 2.538e-4), (2350, 4.591e-4), (2410, 5.956e-4), (2460, 6.82e-4), (2500, 7.53e-4),
])  # fmt: skip


def water_absorption_per_m(wavelength_nm: F64) -> F64:
    return np.exp(np.interp(wavelength_nm, _WATER[:, 0], np.log(_WATER[:, 1])))


def water(wavelength_nm: F64, rng: np.random.Generator, n: int) -> F64:
    """Return reflectance (n, w) of optically deep water: clear to turbid, blue to brown.

    Chlorophyll, dissolved matter and sediment are drawn together, log-normal, and not too widely:
    a variation is a straight line, and extremes would make it cross zero. Quasi-single-scattering
    reflectance below the surface (Gordon 1988, doi 10.1029/JD093iD09p10909: 0.0895 u + 0.1247 u^2), brought
    above it (Lee 1999: 0.52 r / (1 - 1.7 r)); absorption by phytoplankton is a pair of Gaussians at 440 and
    675 nm. A thin veil of reflected sky, bluer than grey, is what a correction leaves in real scenes.
    """
    x = wavelength_nm
    muddy = rng.normal(size=(n, 1))  # what makes water rich makes it rich in everything
    chlorophyll_mg_m3 = np.exp(np.log(2.0) + 0.6 * muddy + 0.4 * rng.normal(size=(n, 1)))
    sediment_g_m3 = np.exp(np.log(2.5) + 0.6 * muddy + 0.3 * rng.normal(size=(n, 1)))
    dissolved_per_m = np.exp(np.log(0.3) + 0.4 * muddy + 0.4 * rng.normal(size=(n, 1)))
    pigment = np.exp(-(((x - 440) / 45) ** 2)) + 0.45 * np.exp(-(((x - 675) / 14) ** 2))
    absorption = (
        water_absorption_per_m(x)
        + 0.05 * chlorophyll_mg_m3**0.65 * pigment
        + dissolved_per_m * np.exp(-0.016 * (x - 440))
        + 0.04 * sediment_g_m3 * np.exp(-0.011 * (x - 440))
    )
    backscatter = (
        0.0011 * (500 / x) ** 4.3
        + 0.002 * chlorophyll_mg_m3**0.62 * (550 / x)
        + 0.0095 * sediment_g_m3 * (550 / x) ** 0.6
    )
    u = backscatter / (absorption + backscatter)
    below = 0.0895 * u + 0.1247 * u**2
    sky = rng.uniform(0.001, 0.009, size=(n, 1)) * (0.6 + 0.4 * (500 / x) ** 2)
    return np.pi * 0.52 * below / (1 - 1.7 * below) + sky


def snow(wavelength_nm: F64, rng: np.random.Generator, n: int) -> F64:
    """Return reflectance (n, w) of a deep snow pack: fresh to old, clean to dirty, smooth to rough.

    Asymptotic theory: exp(-3.62 sqrt(absorption x grain diameter)), Kokhanovsky and Zege 2004
    (doi 10.1364/AO.43.001589). Soot and dust absorb as a power of the wavelength; roughness of the surface
    takes a few per cent of all bands.
    """
    x = wavelength_nm
    index = np.exp(np.interp(x, _ICE[:, 0], np.log(_ICE[:, 1])))
    grain_m = np.exp(rng.uniform(np.log(120e-6), np.log(700e-6), size=(n, 1)))
    dirt_per_m = np.exp(rng.uniform(np.log(0.02), np.log(3.0), size=(n, 1))) * (550 / x) ** 2
    ice_per_m = 4 * np.pi * index / (x * 1e-9)
    rough = rng.uniform(0.86, 1.0, size=(n, 1))
    return rough * np.exp(-3.62 * np.sqrt((ice_per_m + dirt_per_m) * grain_m))
