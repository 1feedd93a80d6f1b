"""Print how near EnMAP turned into Sentinel-2 and MODIS comes to the truth: the twin's materials, no noise.

    python bench/response.py

Beside it the nearest narrow band. Errors are absolute differences of reflectance over 15 materials, each also
one standard deviation along its three variations, and all bands within reach.
"""

import numpy as np

from eomap.sensors.enmap import CENTRE_NM, KEPT
from eomap.sensors.response import (
    ENMAP,
    SENSORS,
    Spectrometer,
    bands_within,
    narrow_weights,
    responses,
    to_bands,
)
from eomap.twin.materials import band_table


def main() -> None:
    """Print one line a sensor."""
    centre = responses("ENMAP").centre_nm.astype(float)
    columns = [int(np.abs(centre - CENTRE_NM[b]).argmin()) for b in KEPT]
    narrow = Spectrometer(tuple(centre[columns].tolist()), ENMAP.fwhm_nm)
    table = band_table("ENMAP")
    spectra = np.concatenate([table.mean_mb, *(table.mean_mb + s for s in table.spread_kmb)])
    seen = spectra[:, columns].T[:, None, :]
    print("sensor       bands  response: largest, rms   nearest: largest, rms   noise let through")
    for sensor, name in SENSORS.items():
        broad, bands = band_table(name), bands_within(sensor, narrow)
        rows = [broad.names.index(b) for b in bands]
        truth = np.concatenate([broad.mean_mb, *(broad.mean_mb + s for s in broad.spread_kmb)]).T[rows]
        made = to_bands(seen, sensor, narrow=narrow)[:, 0] - truth
        near = seen[[int(np.abs(np.array(narrow.centre_nm) - broad.centre_nm[r]).argmin()) for r in rows], 0]
        said = [
            f(e)
            for e in (made, near - truth)
            for f in (lambda e: np.abs(e).max(), lambda e: np.sqrt((e**2).mean()))
        ]
        noise = np.sqrt((narrow_weights(sensor, bands, narrow) ** 2).sum(axis=1))
        print(
            f"{sensor:12} {len(bands):5}  " + "  ".join(f"{v:.5f}" for v in said),
            f" {noise.min():.2f} to {noise.max():.2f}",
        )


if __name__ == "__main__":
    main()
