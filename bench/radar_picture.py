"""Draw docs/images/kalimantan-s1.png: one look of Sentinel-1 beside the composite of all 24.

    EOMAP_SHARED=../shared python bench/radar_picture.py

Both are made by `eomap.api` from the example catalogue, as `eomap run` makes them. The scenes come with the
package nd 0.3.1 (MIT) and contain modified Copernicus Sentinel data 2017-2018.
"""

import os
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from eomap import api
from eomap.io.picture import side_by_side

TARGET = Path(__file__).parents[1] / "docs/images/kalimantan-s1.png"
BBOX, SHOWN = "119.19,5.35,119.26,5.415", (119.1990, 5.3590, 119.2490, 5.4085)
PERIODS = {
    "One look, 24 January 2017": "2017-01-24/2017-01-24",
    "Mean power of 24 looks, 2017-2018": "2017-01-01/2018-12-31",
}
PANEL_PX = 500


def composite(period: str, folder: Path) -> np.ndarray:
    """Return VV and VH in dB (b, y, x) of the place shown."""
    plan = api.plan(
        bbox=BBOX,
        catalog=str(Path(os.environ["EOMAP_SHARED"]) / "data/catalog/catalog.json"),
        collection="sentinel-1-grd",
        period=period,
        product="composite",
        sensor="sentinel-1",
    )
    out = str(folder / f"{period[:10]}.zarr")
    summary = api.run(plan, out, engine="inline")
    if not summary.complete or api.verify(out):
        raise SystemExit(f"{period}: not complete, or not what was written")
    west, south, east, north = SHOWN
    data = api.open_cube(out).backscatter.sel(x=slice(west, east), y=slice(north, south))
    order = [data.attrs["band_names"].index(b) for b in ("VV", "VH")]
    return data.to_numpy()[order]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = {label: composite(period, Path(folder)) for label, period in PERIODS.items()}
    channels = {label: np.stack([vv, vh, vv - vh]) for label, (vv, vh) in made.items()}
    # One stretch for both, that of the composite, or the eye would compare stretches.
    low, high = np.nanpercentile(channels[list(PERIODS)[-1]], (1, 99), axis=(1, 2))
    panels = []
    for label, byx in channels.items():
        light = np.clip((np.moveaxis(byx, 0, -1) - low) / (high - low), 0, 1)
        panels.append((label, (np.nan_to_num(light) * 255).astype(np.uint8)))
    side_by_side(panels, TARGET, panel_px=PANEL_PX)
    Image.open(TARGET).quantize(128, method=Image.Quantize.MEDIANCUT).save(TARGET, optimize=True)
    spans = (f"{n} {a:.1f} to {b:.1f} dB" for n, a, b in zip(("VV", "VH", "VV-VH"), low, high, strict=True))
    print(f"{TARGET.name}: {TARGET.stat().st_size >> 10} KiB; {', '.join(spans)}")


if __name__ == "__main__":
    main()
