"""The parts of a map sheet, drawn with Pillow: text, ticks, legend, colour bar, scale bar."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pyproj import Geod

from eomap.core.grid import LATTICE, Window
from eomap.io.colours import Rgb, hatched, ramp_rgb

INK, SOFT, RED = (30, 30, 30), (110, 110, 110), (200, 0, 0)
_WGS84 = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a legend; `rgb` None is the hatch of 'no clear look'."""

    rgb: tuple[int, ...] | None
    text: str
    share: str = ""


@dataclass(frozen=True, slots=True)
class Pen:
    """A canvas and the size of its text; `em` is the height of a line of text in pixels."""

    image: Image.Image
    draw: ImageDraw.ImageDraw
    em: int

    @classmethod
    def on(cls, width: int, height: int, em: int) -> "Pen":
        """Return a pen on a new white sheet."""
        image = Image.new("RGB", (width, height), (255, 255, 255))
        return cls(image, ImageDraw.Draw(image), em)

    def text(self, xy: tuple[float, float], text: str, **how: Any) -> None:
        """Write a line; `size` in ems, `anchor` as in Pillow, `fill`, `bold`."""
        size, bold = how.pop("size", 0.8), how.pop("bold", False)
        how.setdefault("fill", INK)
        self.draw.text(xy, text, font=font(self.em * size), stroke_width=0.6 if bold else 0, **how)

    def fitting(self, text: str, width: int, *, size: float = 0.8) -> str:
        """Return the text, or as much of it as fits the width, with an ellipsis."""
        face = font(self.em * size)
        if face.getlength(text) <= width:
            return text
        while text and face.getlength(text + "...") > width:
            text = text[:-1]
        return text.rstrip() + "..."


def font(size: float) -> Any:
    """Return Pillow's own scalable font at a size in pixels."""
    return ImageFont.load_default(max(7.0, size))


def nice(value: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not above a positive value.

    >>> nice(7.3), nice(0.21), nice(40)
    (5.0, 0.2, 20.0)
    """
    power = 10.0 ** math.floor(math.log10(value))
    best = max(f for f in (1, 2, 5) if f * power <= value * (1 + 1e-9))
    return float(f"{best * power:.10g}")


def ticks_at(low: float, high: float, count: int) -> list[float]:
    """Return about `count` round numbers between two values."""
    step = nice((high - low) / max(count, 1))
    first = math.ceil(low / step - 1e-6)
    return [float(f"{i * step:.10g}") for i in range(first, math.floor(high / step + 1e-6) + 1)]


def km_per_degree(lat: float) -> float:
    """Return the length in km of one degree of longitude along the parallel (WGS 84)."""
    reach = 0.01  # short enough for the geodesic to follow the parallel
    return _WGS84.inv(0.0, lat, reach, lat)[2] / 1000 / reach


def scale_bar(px_per_km: float, limit_px: float) -> tuple[str, int]:
    """Return the label and the length in pixels of the longest round scale bar within a limit.

    >>> scale_bar(10.0, 260)
    ('20 km', 200)
    """
    km = nice(limit_px / px_per_km)
    return (f"{km:g} km" if km >= 1 else f"{km * 1000:g} m"), round(km * px_per_km)


def draw_scale_bar(
    pen: Pen, xy: tuple[int, int], *, px_per_km: float, limit_px: int, lat: float | None
) -> None:
    """Draw a scale bar, true at a latitude, or everywhere (None)."""
    label, length = scale_bar(px_per_km, limit_px)
    (x, y), thick = xy, max(3, pen.em // 4)
    pen.draw.rectangle((x, y, x + length, y + thick), fill=(255, 255, 255), outline=INK)
    pen.draw.rectangle((x, y, x + length // 2, y + thick), fill=INK)
    where = "" if lat is None else f" (at {degrees_text(lat, 1, 'NS')})"
    pen.text((x, y + thick + pen.em * 0.3), label + where, fill=SOFT, size=0.7)


def degrees_text(value: float, decimals: int, letters: str) -> str:
    """Return a latitude or longitude for people.

    >>> degrees_text(-12.5, 1, "EW")
    '12.5° W'
    """
    letter = "" if round(value, decimals) == 0 else f" {letters[value < 0]}"
    return f"{abs(value):.{decimals}f}°{letter}"


def draw_frame(pen: Pen, box: tuple[int, int, int, int], window: Window) -> None:
    """Draw the neat line of a map with ticks outside it: degrees, or km of easting and northing in a zone."""
    left, top, right, bottom = box
    unit = 1 if window.epsg == LATTICE else 1000
    west, south, east, north = (v / unit for v in window.bounds)
    pen.draw.rectangle((left - 1, top - 1, right, bottom), outline=INK)
    tick, em = max(4, pen.em // 3), pen.em
    lons = ticks_at(west, east, min(6, (right - left) // (7 * em)))
    lats = ticks_at(south, north, min(6, (bottom - top) // (4 * em)))
    for lon in lons:
        x = left + (lon - west) / (east - west) * (right - left)
        pen.draw.line((x, bottom, x, bottom + tick), fill=INK)
        pen.text((x, bottom + tick + 2), _tick(lon, lons, window, "EW"), anchor="ma", size=0.7)
    for lat in lats:
        y = top + (north - lat) / (north - south) * (bottom - top)
        pen.draw.line((left - tick, y, left, y), fill=INK)
        pen.text((left - tick - 3, y), _tick(lat, lats, window, "NS"), anchor="rm", size=0.7)


def _tick(value: float, values: list[float], window: Window, letters: str) -> str:
    decimals = _decimals(values)
    return degrees_text(value, decimals, letters) if window.epsg == LATTICE else f"{value:,.{decimals}f} km"


def _decimals(values: list[float]) -> int:
    gap = values[1] - values[0] if len(values) > 1 else 0.01
    return max(0, -math.floor(math.log10(gap) + 1e-9))


def draw_legend(pen: Pen, xy: tuple[int, int], entries: list[Entry], width: int) -> int:
    """Draw a legend and return the y below it."""
    x, y = xy
    line, swatch = round(pen.em * 1.35), pen.em
    for entry in entries:
        box = (x, y, x + round(swatch * 1.5), y + swatch)
        if entry.rgb is None:
            _paste_hatch(pen, box)
        else:
            pen.draw.rectangle(box, fill=entry.rgb)
        pen.draw.rectangle(box, outline=SOFT)
        start = box[2] + pen.em // 2
        room = width - (start - x) - round(pen.em * 3.2)
        pen.text((start, y + swatch / 2), pen.fitting(entry.text, room), anchor="lm")
        pen.text((x + width, y + swatch / 2), entry.share, anchor="rm", fill=SOFT)
        y += line
    return y


def _paste_hatch(pen: Pen, box: tuple[int, int, int, int]) -> None:
    shape = (box[3] - box[1], box[2] - box[0])
    blank: Rgb = np.zeros((*shape, 3), dtype=np.uint8)
    pen.image.paste(Image.fromarray(hatched(blank, np.ones(shape, dtype=bool))), box[:2])


def draw_colour_bar(
    pen: Pen, xy: tuple[int, int], height: int, values: tuple[float, float], unit: str
) -> int:
    """Draw a vertical colour bar from low (bottom) to high with round ticks; return the y below it."""
    (x, y), (low, high) = xy, values
    width = round(pen.em * 1.2)
    ramp = np.repeat(np.linspace(high, low, height)[:, None], width, axis=1)
    pen.image.paste(Image.fromarray(ramp_rgb(ramp, low, high)), (x, y))
    pen.draw.rectangle((x, y, x + width, y + height), outline=SOFT)
    for value in ticks_at(low, high, 5):
        at = y + (high - value) / (high - low) * height
        pen.draw.line((x + width, at, x + width + pen.em // 3, at), fill=INK)
        pen.text((x + width + pen.em * 0.55, at), f"{value:g}", anchor="lm")
    if unit != "1":
        pen.text((x, y + height + pen.em * 0.3), unit, fill=SOFT)
    return y + height + round(pen.em * 1.6)
