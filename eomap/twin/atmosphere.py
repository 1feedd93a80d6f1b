"""What clear air does to light between the sun, the ground and the satellite, and its exact inverse.

Sentinel-2 and MODIS read a table made with 6S (jobs/twin-tables/atmosphere.py; S2B uses that of S2A, whose
bands differ by a few nanometres). EnMAP takes absorption by gases from 6S too, and scattering in closed form
(`scattering`). The satellite looks straight down; ozone is 0.3 cm-atm, ground at sea level, aerosol
continental. Axis letters: b band, z sun zenith, a aerosol, w water vapour, q quantity.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.twin.materials import SENSORS, TABLES, band_table

F64 = npt.NDArray[np.float64]
Values = float | npt.NDArray[np.floating]
LOWEST_SUN_DEG = 80.0
"""6S takes the Earth for flat: beyond this zenith angle the air of this angle stands."""
OPAQUE = 1e-3
"""Where less light than this share passes both ways, nothing can be said of the ground."""

_AEROSOL = {
    "angstrom": 1.08,
    "lost": 0.271,  # share of scattered or absorbed light that does not arrive, and its slope per micrometre
    "lost_um": 0.0125,
    "slant": 0.712,  # how much more is lost from low sun
    "shield": 0.741,  # how much of that Rayleigh scattering has taken already
    "asymmetry": 0.54,
    "absorbed_um": 0.273,
    "more_rayleigh": 1.584,
    "more_aerosol": 1.866,
    "back": 0.384,
    "back_um": 0.105,
    "thick": 0.621,
    "over": 3.793,
}
"""Constants of `scattering`, a least-squares fit to the table: a description of it, not of nature."""


@dataclass(frozen=True, slots=True)
class Air:
    """The state of a clear sky."""

    aot550: float
    """Optical depth of the aerosol at 550 nm, 0 to 1."""
    water_vapour_cm: float
    """Column of water vapour, 0.3 to 6 cm; air outside these limits is taken as at the limit."""


@dataclass(frozen=True, slots=True)
class BandOptics:
    """What happens to the light of one band; all are ratios."""

    path: float
    """Reflectance over black ground, as the gases leave it: light that never saw the ground."""
    gas: float
    """Transmittance of the gases, down and up again."""
    down: float
    """Transmittance of sunlight on its way down as far as scattering goes, direct and diffuse."""
    up_direct: float
    """Share of light from the pixel that goes straight up."""
    up_diffuse: float
    """Share of light from around the pixel that is scattered into its line of sight."""
    albedo: float
    """Share of light from the ground that the air sends back down."""


@dataclass(frozen=True, slots=True, eq=False)
class Optics:
    """What happens to the light of every band (b); see BandOptics."""

    names: tuple[str, ...]
    path_b: F64
    gas_b: F64
    down_b: F64
    up_b: F64
    """Transmittance on the way up, direct and diffuse."""
    albedo_b: F64
    depth_b: F64
    """Optical depth of air and aerosol, without gases."""

    def band(self, name: str) -> BandOptics:
        """Return one band's optics; the direct share of the way up is exp(-depth)."""
        i = self.names.index(name)
        direct = min(float(np.exp(-self.depth_b[i])), float(self.up_b[i]))
        return BandOptics(
            path=float(self.path_b[i]),
            gas=float(self.gas_b[i]),
            down=float(self.down_b[i]),
            up_direct=direct,
            up_diffuse=float(self.up_b[i]) - direct,
            albedo=float(self.albedo_b[i]),
        )


def toa(surface: Values, background: Values, at: BandOptics) -> Values:
    """Return reflectance at the top of the atmosphere over a surface amid its background.

    path + gas down (direct surface + diffuse background) / (1 - albedo background): 6S's equation for a
    small target, Vermote and others 1997, doi 10.1109/36.581987. The background is surface
    reflectance averaged over the kilometre or so from which light is scattered; it is what blurs adjacent
    land into dark water. 6S lets the gases act on the path in part only, which `path` holds already.
    """
    light = at.up_direct * surface + at.up_diffuse * background
    return at.path + at.gas * at.down * light / (1 - at.albedo * background)


def boa(seen: Values, at: BandOptics, *, background: Values | None = None) -> Values:
    """Return the surface reflectance that gives this reflectance at the top: the exact inverse of `toa`.

    Without a background the surface is taken as its own, as corrections that ignore adjacency do.
    Raises MisuseError in a band that does not reach the ground (B10).
    """
    through = at.gas * at.down * (at.up_direct + at.up_diffuse)
    if through < OPAQUE:
        raise MisuseError(
            "surface under air", expected="a band that reaches the ground", got=f"{through:.1e}"
        )
    light = (seen - at.path) / (at.gas * at.down)
    if background is None:
        return light / (at.up_direct + at.up_diffuse + at.albedo * light)
    return (light * (1 - at.albedo * background) - at.up_diffuse * background) / at.up_direct


def optics(sensor: str, sun_zenith_deg: float, air: Air) -> Optics:
    """Return what the air does to the bands of S2A, S2B, MODIS or ENMAP under a sun at this zenith angle.

    Linear between the table's nodes in airmass, aerosol and the root of water vapour. Raises MisuseError for
    any other sensor, and for a sun at or below the horizon.
    """
    if sensor not in SENSORS or not 0 <= sun_zenith_deg < 90:
        raise MisuseError(
            "air of the twin",
            expected=f"one of {', '.join(SENSORS)} under a sun above the horizon",
            got=f"{sensor}, sun zenith {sun_zenith_deg} degrees",
        )
    names, table, nodes = _table("S2A" if sensor == "S2B" else sensor)
    places = (1 / np.cos(np.radians(min(sun_zenith_deg, LOWEST_SUN_DEG))), np.sqrt(air.water_vapour_cm))
    if sensor == "ENMAP":
        gas_b = _between(_between(table, nodes[0], places[0]), nodes[2], places[1])
        path_b, *rest = scattering(band_table(sensor).centre_nm, sun_zenith_deg, air.aot550)
        return Optics(names, path_b * np.sqrt(gas_b), gas_b, *rest)
    by_air = _between(_between(table, nodes[0], places[0]), nodes[1], air.aot550)
    return Optics(names, *_between(by_air, nodes[2], places[1]).T)


@cache
def _table(sensor: str) -> tuple[tuple[str, ...], F64, tuple[F64, F64, F64]]:
    """Return names, table (b, z, a, w, q) or EnMAP's gas (b, z, w), and nodes as `optics` interpolates."""
    with np.load(TABLES / "atmosphere.npz") as file:
        nodes = 1 / np.cos(np.radians(file["sun_zenith_deg"])), file["aot550"], np.sqrt(file["water_cm"])
        values = file["ENMAP_gas_bzw" if sensor == "ENMAP" else f"{sensor}_bzawq"]
    return band_table(sensor).names, values.astype(np.float64), nodes


def _between(table: F64, nodes: F64, place: float) -> F64:
    """Return the table without its second axis, linear between the two nodes around the place."""
    k = int(np.clip(np.searchsorted(nodes, place, side="right") - 1, 0, len(nodes) - 2))
    share = float(np.clip((place - nodes[k]) / (nodes[k + 1] - nodes[k]), 0, 1))
    return table[:, k] * (1 - share) + table[:, k + 1] * share


def scattering(wavelength_nm: npt.NDArray[np.floating], sun_zenith_deg: float, aot550: float) -> list[F64]:
    """Return path, down, up, albedo and depth of air without gases at these wavelengths (b), in closed form.

    Rayleigh depth by Hansen and Travis 1974 (doi 10.1007/BF00168069), its transmittance by two streams,
    light scattered once (with Rayleigh's and Henyey and Greenstein's phase functions) raised for more. The
    constants of `_AEROSOL` are fitted to the table of Sentinel-2. For a sun within 70 degrees of the zenith
    and an aerosol up to 0.5 it is within 0.012 (path), 0.02 (down), 0.01 (up, albedo) of 6S there.
    """
    um, mu = np.asarray(wavelength_nm, np.float64) / 1000, float(np.cos(np.radians(min(sun_zenith_deg, 80))))
    a = _AEROSOL
    rayleigh = 0.008569 * um**-4 * (1 + 0.0113 * um**-2 + 0.00013 * um**-4)
    aerosol = aot550 * (um / 0.55) ** -a["angstrom"]
    depth = rayleigh + aerosol

    def through(cosine: float) -> F64:
        clean = (2 / 3 + cosine + (2 / 3 - cosine) * np.exp(-rayleigh / cosine)) / (4 / 3 + rayleigh)
        lost = aerosol / cosine * (a["lost"] + a["lost_um"] * um) * (1 + a["slant"] * (1 - cosine))
        return clean / (1 + lost / (1 + a["shield"] * rayleigh / cosine))

    single_albedo = 0.955 - a["absorbed_um"] * um
    g = a["asymmetry"]
    rayleigh_phase = 0.75 * (
        1 + mu**2
    )  # seen from above, the scattering angle is 180 degrees less the zenith
    aerosol_phase = (1 - g**2) / (1 + g**2 + 2 * g * mu) ** 1.5
    once = (rayleigh * rayleigh_phase + single_albedo * aerosol * aerosol_phase) / depth
    once *= (1 - np.exp(-depth * (1 + 1 / mu))) / (4 * (1 + mu))
    path = once * (1 + a["more_rayleigh"] * rayleigh + a["more_aerosol"] * single_albedo * aerosol)
    back = (a["back"] - a["back_um"] * um) * aerosol * np.exp(-a["thick"] * aerosol - a["over"] * rayleigh)
    return [path, through(mu), through(1.0), 0.92 * rayleigh * np.exp(-rayleigh) + back, depth]
