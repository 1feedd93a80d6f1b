"""Draw docs/images/naturalness.png: a map of the twin, its truth, its sigma, and what moves it.

    eomap twin build --bbox 11.552,44.775,11.692,44.875 --period 2022-06-10/2022-07-05 --sensors s2,s1,modis \
        --seed 7 --out twin
    eomap run --product naturalness --bbox 11.59,44.80,11.65,44.85 --period 2022-06-10/2022-07-05 --grid utm \
        --catalog twin/catalog.json --out map.zarr
    eomap explain --product naturalness --bbox 11.59,44.80,11.65,44.85 --period 2022-06-10/2022-07-05 \
        --grid utm --catalog twin/catalog.json --out influence.json
    python bench/naturalness_picture.py map.zarr twin influence.json

The place lies in a region that the network was not taught in. Axis letters: y row, x column.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from PIL import Image
from rasterio.windows import from_bounds

from eomap.core.grid import Window
from eomap.io.colours import ramp_rgb
from eomap.io.cube import open_cube
from eomap.io.drawing import RED, Pen, draw_colour_bar, draw_scale_bar
from eomap.io.selection import written_window

OUT = Path(__file__).parents[1] / "docs/images/naturalness.png"
PANEL_PX, EM_PX, GAP_PX = 360, 13, 78
F32 = npt.NDArray[np.float32]


def mapped(url: str) -> tuple[Window, F32, F32]:
    """Return the window of a map of one zone, naturalness and sigma; NaN where nothing is known."""
    cube = open_cube(url)
    by_name = {g.name: g for g in cube.layers}
    window = written_window(cube, by_name["naturalness"], None)
    found = []
    for name in ("naturalness", "sigma"):
        code = cube.read(name, window)
        found.append(np.where(code == by_name[name].fill, np.nan, code * 1e-4).astype(np.float32))
    rows, cols = (np.flatnonzero(np.isfinite(found[0]).any(axis=k)) for k in (1, 0))
    part = np.s_[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    inner = Window(
        window.step,
        window.row0 + int(rows[0]),
        window.row0 + int(rows[-1]) + 1,
        window.col0 + int(cols[0]),
        window.col0 + int(cols[-1]) + 1,
        window.epsg,
    )
    return inner, found[0][part], found[1][part]


def known(twin: Path, window: Window) -> F32:
    """Return the truth of naturalness on a window of its zone."""
    zone = f"utm{window.epsg % 100:02d}{'n' if window.epsg < 32700 else 's'}"
    with rasterio.open(twin / "truth" / zone / "naturalness.tif") as file:
        code = file.read(1, window=from_bounds(*window.bounds, file.transform))
    return np.where(code == 65_535, np.nan, code * 1e-4).astype(np.float32)


def bars(pen: Pen, xy: tuple[int, int], about: dict[str, Any], width: int) -> None:
    """Draw how much each modality moves features and map."""
    x, y = xy
    pen.text((x, y), "What moves it, by leaving it out", bold=True)
    largest = max(m["absolute_change"] for m in about["modalities"].values())
    for n, (name, found) in enumerate(about["modalities"].items()):
        top = y + round(EM_PX * (1.8 + 1.7 * n))
        pen.text((x, top), name)
        left = x + 8 * EM_PX
        length = round((width - 30 * EM_PX) * found["absolute_change"] / largest)
        pen.draw.rectangle((left, top, left + length, top + EM_PX), fill=(7, 145, 157))
        words = f"{found['absolute_change']:.3f} mean absolute change, features by {found['influence']:.2f}"
        pen.text((left + length + EM_PX // 2, top), words)


def main() -> None:
    """Draw and save."""
    url, twin, influence = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    window, value, sigma = mapped(url)
    truth, about = known(twin, window), json.loads(influence.read_text("utf-8"))
    both = np.isfinite(value) & np.isfinite(truth)
    error = value[both] - truth[both]
    r2 = 1 - np.square(error).sum() / np.square(truth[both] - truth[both].mean()).sum()
    print(f"{both.sum()} cells, R2 {r2:.3f}, MAE {np.abs(error).mean():.4f}")
    height = round(PANEL_PX * value.shape[0] / value.shape[1])
    top, step = 4 * EM_PX, PANEL_PX + GAP_PX
    foot = round(EM_PX * (5.5 + 1.7 * len(about["modalities"])))
    pen = Pen.on(3 * step + EM_PX, top + height + foot, EM_PX)
    high = float(np.nanpercentile(sigma, 98))
    panels = (("Map", value, 1.0), ("Truth", truth, 1.0), ("Sigma", sigma, high))
    for n, (title, shown, most) in enumerate(panels):
        x = EM_PX + n * step
        pen.text((x, EM_PX * 2.4), title, bold=True)
        tile = Image.fromarray(ramp_rgb(shown, 0.0, most))
        pen.image.paste(tile.resize((PANEL_PX, height), Image.Resampling.BOX), (x, top))
        draw_colour_bar(pen, (x + PANEL_PX + EM_PX // 2, top), height // 2, (0.0, most), "1")
    pen.text((EM_PX, EM_PX * 0.5), "Naturalness, synthetic: a place of the twin", fill=RED, bold=True)
    below = top + height + EM_PX
    per_km = PANEL_PX / (value.shape[1] / 100)
    draw_scale_bar(pen, (EM_PX, below), px_per_km=per_km, limit_px=PANEL_PX // 2, lat=None)
    bars(pen, (EM_PX, below + 3 * EM_PX), about, 3 * step)
    pen.image.quantize(200, method=Image.Quantize.MEDIANCUT).save(OUT, optimize=True)


if __name__ == "__main__":
    main()
