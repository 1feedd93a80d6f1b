"""A picture of what each modality does to a map: maps of the change, and bars of the mean influence."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from eomap.core.grid import LATTICE, Window
from eomap.io.colours import ramp_rgb
from eomap.io.drawing import RED, SOFT, Pen, draw_scale_bar, km_per_degree
from eomap.io.place import whole_file

PANEL_PX, EM_PX, GAP_PX = 300, 15, 14
_BAR_RGB = (7, 145, 157)


class Maps(Protocol):
    """What is drawn; letters: g modality, y row, x column of the window."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the modalities."""

    @property
    def window(self) -> Window:
        """Where the cells lie."""

    @property
    def change_gyx(self) -> npt.NDArray[np.float32]:
        """Change of the map without each modality."""


def draw(path: str | Path, about: Mapping[str, Any], maps: Maps) -> Path:
    """Write the maps side by side, each with its bar, as PNG; return its path. All share one scale."""
    height, width, per_km = _size(maps.window)
    magnitude = np.abs(maps.change_gyx)
    known = magnitude[np.isfinite(magnitude)]
    high = max(float(np.percentile(known, 98)), 1e-6) if known.size else 1.0
    step, top, foot = width + GAP_PX, 4 * EM_PX, 6 * EM_PX
    sheet_px = GAP_PX + step * len(maps.names)
    pen = Pen.on(max(sheet_px, 600), top + height + foot, EM_PX)
    words = f"{about['product']}: what changes without each modality ({about['model']})"
    pen.text((GAP_PX, EM_PX * 0.5), pen.fitting(words, sheet_px), size=1.0, bold=True)
    if about["synthetic"]:
        pen.text((GAP_PX, EM_PX * 2), "synthetic: trained on or made of scenes that nobody took", fill=RED)
    largest = max(_influence(about, name) for name in maps.names) or 1.0
    for k, name in enumerate(maps.names):
        x = GAP_PX + k * step
        tile = Image.fromarray(ramp_rgb(magnitude[k], 0.0, high))
        pen.image.paste(tile.resize((width, height), Image.Resampling.NEAREST), (x, top))
        pen.draw.rectangle((x - 1, top - 1, x + width, top + height), outline=SOFT)
        _bar(pen, (x, top + height + EM_PX // 2), width, name, _influence(about, name), largest)
    legend = f"colours: change from 0 (dark) to {high:.2g} (light); bars: length of the change of features"
    bottom = top + height + foot - EM_PX * 2
    pen.text((GAP_PX + width, bottom), legend, fill=SOFT, size=0.7)
    draw_scale_bar(pen, (GAP_PX, bottom), px_per_km=per_km, limit_px=width // 3, lat=None)
    with whole_file(path) as part:
        pen.image.save(part, format="PNG", optimize=True)
    return Path(path)


def _influence(about: Mapping[str, Any], name: str) -> float:
    return float(about["modalities"][name]["influence"] or 0.0)


def _bar(pen: Pen, xy: tuple[int, int], width: int, name: str, value: float, largest: float) -> None:
    x, y = xy
    length = max(1, round((width - 4 * EM_PX) * value / largest))
    pen.text((x, y), pen.fitting(name, width), bold=True)
    top = y + round(1.2 * EM_PX)
    pen.draw.rectangle((x, top, x + length, top + EM_PX), fill=_BAR_RGB)
    pen.text((x + length + EM_PX // 3, top + EM_PX / 2), f"{value:.3g}", anchor="lm")


def _size(window: Window) -> tuple[int, int, float]:
    """Return height and width of a panel in pixels, and pixels a kilometre."""
    west, south, east, north = window.bounds
    if window.epsg == LATTICE:
        high, wide = (north - south) * 111.2, (east - west) * km_per_degree((south + north) / 2)
    else:
        high, wide = (north - south) / 1000, (east - west) / 1000
    scale = PANEL_PX / max(high, wide)
    return max(8, math.ceil(high * scale)), max(8, math.ceil(wide * scale)), scale
