"""Print how near the twin's air comes to real pairs of Sentinel-2 L1C and L2A: eomap/twin/tables/README.md.

    EOMAP_SHARED=../shared python bench/twin_air.py Tanzania Brazil

The real L2A reflectance is put under the twin's air, and the real L1C is what should come out. Only
aerosol and water vapour are free (one value each per scene; nobody recorded them), the sun stands where it
does at 10:30 local solar time. Printed: the root mean square error per band over all pixels, with the
background as the mean of 1 km around, and the mean difference. The L2A is another program's correction
(Sen2Cor), so its errors are in the numbers too.
"""

import itertools
import json
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import rasterio
from maps import DATA
from scipy.ndimage import uniform_filter

from eomap.twin.atmosphere import Air, optics, toa
from eomap.twin.sun import sun_angles

BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")
AEROSOL, WATER_CM = np.arange(0, 0.62, 0.02), np.arange(0.4, 6, 0.4)
AROUND_PX = 101


def read(place: str, level: str) -> tuple[npt.NDArray[np.float64], dict]:
    """Return reflectance (b, y, x) in the order of BANDS, and the item."""
    (folder,) = (DATA / f"catalog/sentinel-2-{level}").glob(f"*_{place}_*")
    item = json.loads((folder / f"{folder.name}.json").read_text())
    bands = []
    for name in BANDS:
        said = item["assets"][name]["raster:bands"][0]
        with rasterio.open(folder / f"{name}.tif") as file:
            bands.append(file.read(1) * said["scale"] + said["offset"])
    return np.array(bands), item


def sun_zenith_deg(item: dict) -> float:
    """Return the zenith angle of the sun at 10:30 local solar time, when Sentinel-2 passes."""
    west, south, east, north = item["bbox"]
    day = datetime.fromisoformat(item["properties"]["datetime"][:10]).replace(tzinfo=UTC)
    moment = day + timedelta(hours=10.5 - (west + east) / 30)
    return float(sun_angles((west + east) / 2, (south + north) / 2, moment)[0])


def main(places: list[str]) -> None:
    print("| place | sun | aerosol | water cm | | " + " | ".join(BANDS) + " |")
    print("|" + "---|" * (5 + len(BANDS)))
    for place in places:
        top, item = read(place, "l1c")
        surface, _ = read(place, "l2a")
        around = np.array([uniform_filter(s, AROUND_PX, mode="nearest") for s in surface])
        sun = sun_zenith_deg(item)

        def error(aot: float, water: float, of=(top, surface, around), sun: float = sun):
            seen = optics("S2A", sun, Air(aot, water))
            made = [toa(s, a, seen.band(b)) for b, s, a in zip(BANDS, *of[1:], strict=True)]
            return (np.array(made) - of[0]).reshape(len(BANDS), -1)

        few = [v[:, ::8, ::8] for v in (top, surface, around)]
        aot, water = min(
            itertools.product(AEROSOL, WATER_CM), key=lambda air: float((error(*air, of=few) ** 2).mean())
        )
        off = error(aot, water)
        head = f"| {place} | {sun:.1f} | {aot:.2f} | {water:.1f} |"
        for name, values in (("RMSE", np.sqrt((off**2).mean(axis=1))), ("mean", off.mean(axis=1))):
            print(head, name, "| " + " | ".join(f"{v:.4f}" for v in values) + " |")


if __name__ == "__main__":
    main(sys.argv[1:] or ["Tanzania", "Brazil"])
