"""Write eomap/sensors/tables/responses.npz: what share of each 10 nm node a band of a sensor sees.

    python -m venv /path/to/venv && /path/to/venv/bin/pip install pyrsr rasterio
    /path/to/venv/bin/python jobs/twin-tables/responses.py any-EnMAP-L2A-image-with-wavelengths.tif

Responses of Sentinel-2A, Sentinel-2B and MODIS (Terra) come from pyrsr (Apache-2.0). A spectrum that is
linear between the nodes has the band value `weight @ spectrum` exactly, because each weight is the integral
of the response times the node's tent function. EnMAP has no public response: its bands are Gaussians whose
centres stand in the band descriptions of an L2A image. Axis letters: b band, w wavelength node.
"""

import re
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
NODES_NM = np.arange(400.0, 2501.0, 10.0)
TABLE = Path(__file__).parents[2] / "eomap/sensors/tables/responses.npz"
S2_BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
MODIS_BANDS = tuple(f"M{k}" for k in range(1, 8))
SENSORS = {
    "S2A": ("Sentinel-2A", "MSI", S2_BANDS),
    "S2B": ("Sentinel-2B", "MSI", S2_BANDS),
    "MODIS": ("Terra", "MODIS", MODIS_BANDS),
}
FWHM_PER_STEP = 1.25
"""EnMAP's nominal 8.1 nm at a step of 6.5 nm (VNIR) and 12.5 nm at 10 nm (SWIR): the same ratio twice."""


def measured(sensor: str) -> dict[str, tuple[F64, F64]]:
    """Return, for each band of S2A, S2B or MODIS, wavelengths in nm (1 nm apart) and relative response."""
    import pyrsr

    satellite, instrument, bands = SENSORS[sensor]
    folder = Path(pyrsr.__file__).parent / "data" / satellite / instrument
    out = {}
    for band in bands:
        number = re.sub(r"^(B0?|M)", "", band)
        wavelength, response = np.loadtxt(folder / f"band_{number}", skiprows=1, unpack=True)
        wavelength = wavelength * (1000 if wavelength.max() < 100 else 1)
        fine = np.arange(np.ceil(wavelength[0]), wavelength[-1] + 0.5)
        out[band] = fine, np.clip(np.interp(fine, wavelength, response), 0, None)
    return out


def weights(wavelength_nm: F64, response: F64, nodes_nm: F64 = NODES_NM) -> F64:
    """Return the weight of each node (w), summing to one."""
    tents = np.clip(1 - np.abs(wavelength_nm[:, None] - nodes_nm) / (nodes_nm[1] - nodes_nm[0]), 0, 1)
    out = response @ tents
    return out / out.sum()


def enmap_centres_nm(image: Path) -> F64:
    """Return the centre of each band as its description says, such as "band 1 (418.24 Nanometers)"."""
    import rasterio

    with rasterio.open(image) as file:
        found = [re.search(r"\(([\d.]+) Nanometers\)", text or "") for text in file.descriptions]
    return np.array([float(f[1]) for f in found if f])


def enmap_fwhm_nm(centre_nm: F64) -> F64:
    """Return full widths at half maximum: a fixed multiple of the step between neighbours of a detector.

    The detectors (VNIR, SWIR) and the gaps in the water bands show as steps out of line.
    """
    step = np.diff(centre_nm)
    inside = (step > 0) & (step < 15)
    both = np.stack([np.append(np.where(inside, step, np.nan), np.nan),
                     np.insert(np.where(inside, step, np.nan), 0, np.nan)])  # fmt: skip
    return FWHM_PER_STEP * np.nanmean(both, axis=0)


def gaussian_weights(centre_nm: float, fwhm_nm: float) -> F64:
    fine = np.arange(NODES_NM[0], NODES_NM[-1] + 0.1, 0.5)
    return weights(fine, np.exp(-4 * np.log(2) * ((fine - centre_nm) / fwhm_nm) ** 2))


def main(image: Path) -> None:
    out: dict[str, npt.NDArray] = {"nodes_nm": NODES_NM.astype(np.float32)}
    for sensor, (_, _, bands) in SENSORS.items():
        curves = measured(sensor)
        out[f"{sensor}_name"] = np.array(bands)
        out[f"{sensor}_centre_nm"] = np.array(
            [np.average(w, weights=r) for w, r in curves.values()], np.float32
        )
        out[f"{sensor}_weight_bw"] = np.array([weights(w, r) for w, r in curves.values()], np.float32)
    centre = enmap_centres_nm(image)
    fwhm = enmap_fwhm_nm(centre)
    out["ENMAP_name"] = np.array([f"E{k + 1:03d}" for k in range(len(centre))])
    out["ENMAP_centre_nm"] = centre.astype(np.float32)
    out["ENMAP_weight_bw"] = np.array(
        [gaussian_weights(c, f) for c, f in zip(centre, fwhm, strict=True)], np.float32
    )
    TABLE.parent.mkdir(exist_ok=True)
    np.savez_compressed(TABLE, **out)
    print(f"{TABLE.name}: {TABLE.stat().st_size} bytes; " + ", ".join(
        f"{s} {len(out[f'{s}_name'])} bands" for s in (*SENSORS, "ENMAP")))  # fmt: skip
    print("EnMAP FWHM nm, first and last of VNIR, of SWIR:", fwhm[[0, 90, 91, -1]].round(1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
