"""A layer of a cube as a picture that a person would rather look at than numbers.

The lattice in plate carree with the aspect corrected at the map's middle latitude: north is up, and the
scale bar is true along that parallel. A UTM zone as it is, in kilometres of its coordinates. Level 0 only:
class codes are never averaged (`overview.modes`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from eomap.core.grid import LATTICE, STEPS_PER_DEGREE, Window
from eomap.core.layer import Layer
from eomap.errors import MisuseError
from eomap.io import colours, drawing
from eomap.io.colours import Rgb
from eomap.io.cube import Cube, open_cube
from eomap.io.drawing import Entry, Pen
from eomap.io.overview import Survey, means, modes, survey, unseen
from eomap.io.place import whole_file
from eomap.io.selection import Bounds, layer_of, window_of, written_window

WIDTH_LIMITS_PX = (320, 16_000)
MARGIN_SHARE = 0.03
LEGEND_EMS = 15
"""Width of the legend's column in lines of text."""
TRUE_COLOUR = ("B04", "B03", "B02")
"""Red, green, blue: a layer that has them is drawn in the colours of the place."""


def to_png(
    cube_url: str,
    path: str | Path,
    *,
    layer: str | None = None,
    bounds: Bounds | None = None,
    width_px: int = 1600,
    title: str | None = None,
    zone: int | None = None,
) -> Path:
    """Return the path of a new PNG map of one layer, with legend, scale bar and origin.

    At most `width_px` wide, narrower where the area is tall.
    Area: `bounds` (west, south, east, north in degrees), else all cells written so far and a margin. Of a
    cube of several UTM zones, `zone` (EPSG code) says which.
    The legend lists the classes present with their share of the processed area (cells weighted by
    their true size). 'No clear look' is hatched, 'not mapped' white. A cube whose attribute
    `eomap:synthetic` is true says so in red. A layer of reflectance is drawn in true colour, stretched from
    1 to 99 % of what is drawn. An existing file is replaced, whole or not at all. Raises MisuseError on an
    unknown layer or other bands, an empty area, a silly width, an unwritable place.
    """
    if not WIDTH_LIMITS_PX[0] <= width_px <= WIDTH_LIMITS_PX[1]:
        raise MisuseError("picture width", expected="320 to 16000 px", got=f"{width_px} px")
    cube = open_cube(cube_url)
    chosen = layer_of(cube, layer)
    if chosen.bands and not _in_true_colour(chosen):
        plain = [g.name for g in cube.layers if not g.bands]
        raise MisuseError("picture", expected=f"a layer without bands: {', '.join(plain)}", got=chosen.name)
    if bounds is None:
        found = survey(cube, chosen, written_window(cube, chosen, zone))
        window = _with_margin(found.written)
    else:
        window = window_of(cube, bounds, zone)
        found = survey(cube, chosen, window)
    sheet = _sheet(cube, chosen, window, found, width_px, title)
    with whole_file(path) as part:
        sheet.save(part, format="PNG", optimize=True)
    return Path(path)


def _in_true_colour(layer: Layer) -> bool:
    return set(TRUE_COLOUR) <= set(layer.bands)


def _with_margin(window: Window) -> Window:
    """Return the window with a margin on every side, within the globe."""
    margin = max(2, round(MARGIN_SHARE * max(window.shape)))
    row0, row1, col0, col1 = (
        max(window.row0 - margin, 0),
        window.row1 + margin,
        max(window.col0 - margin, 0),
        window.col1 + margin,
    )
    if window.epsg == LATTICE:
        row1 = min(row1, 180 * STEPS_PER_DEGREE // window.step)
        col1 = min(col1, 360 * STEPS_PER_DEGREE // window.step)
    return replace(window, row0=row0, row1=row1, col0=col0, col1=col1)


def _size_km(window: Window) -> tuple[float, float]:
    """Return height, and width at the middle latitude."""
    west, south, east, north = window.bounds
    if window.epsg != LATTICE:
        return (north - south) / 1000, (east - west) / 1000
    return (north - south) * 111.2, (east - west) * drawing.km_per_degree((south + north) / 2)


def _map_size(window: Window, room_px: tuple[int, int]) -> tuple[int, int]:
    """Return the height and width in pixels of the map within a room, aspect true at its middle latitude."""
    high, wide = _size_km(window)
    scale = min(room_px[0] / high, room_px[1] / wide)
    return max(8, round(high * scale)), max(8, round(wide * scale))


def _sheet(
    cube: Cube, layer: Layer, window: Window, found: Survey, width_px: int, title: str | None
) -> Image.Image:
    em = max(11, round(width_px / 72))
    left, top, foot = round(5.2 * em), round(3.4 * em), round(4.2 * em)
    legend = LEGEND_EMS * em
    room = (width_px, width_px - left - legend - 3 * em)
    height, width = _map_size(window, room)
    rgb, value_range, blind = _painted(cube, layer, window, (height, width))
    entries = _entries(layer, found, blind=blind, gaps=bool((rgb == 255).all(axis=-1).any()))
    # Never lower than legend, colour bar and scale bar together.
    needed = round(em * (1.35 * len(entries) + (14 if value_range else 2) + 4))
    body = max(height, needed)
    pen = Pen.on(left + width + legend + 3 * em, top + body + foot, em)
    pen.image.paste(Image.fromarray(rgb), (left, top))
    drawing.draw_frame(pen, (left, top, left + width, top + height), window)
    x = left + width + round(1.5 * em)
    y = _draw_key(pen, (x, top), layer, entries, value_range)
    _, south, _, north = window.bounds
    lat = (south + north) / 2 if window.epsg == LATTICE else None
    per_km = width / _size_km(window)[1]
    drawing.draw_scale_bar(pen, (x, y + em), px_per_km=per_km, limit_px=legend - 2 * em, lat=lat)
    _draw_words(pen, (left, top), cube.attributes(), title or _default_title(layer))
    return pen.image


def _painted(
    cube: Cube, layer: Layer, window: Window, shape: tuple[int, int]
) -> tuple[Rgb, tuple[float, float] | None, bool]:
    """Return the map's pixels, the range of the colour bar (None for classes), and whether hatch was used."""
    main = cube.layers[0]
    if layer.legend:
        codes = modes(cube, layer, window, shape)
        return colours.class_rgb(codes, layer), None, bool((codes == layer.no_look).any())
    if _in_true_colour(layer):
        at = [layer.bands.index(b) for b in TRUE_COLOUR]
        values = np.stack([means(cube, layer, window, shape, band=b) for b in at])
        unknown = np.isnan(values).any(axis=0)
        if "L1C" in cube.attributes().get("eomap:scenes", {}).get("levels", ()) and not unknown.all():
            # Seen through the air, all is blue: the darkest of each band goes, as far as the red keeps.
            darkest = np.percentile(values[:, ~unknown], 1, axis=1)
            values -= (darkest - darkest[0])[:, None, None].astype(np.float32)
        low, high = _range(values, layer, (1, 99))
        rgb = colours.true_colour(np.nan_to_num(values), dark=low, white=high)
        rgb = np.minimum(rgb, 254)  # pure white means 'not mapped'
        rgb[unknown] = colours.NOT_MAPPED
    else:
        values = means(cube, layer, window, shape)
        low, high = _range(values, layer, (2, 98))
        unknown, rgb = np.isnan(values), colours.ramp_rgb(values, low, high)
    # A scaled layer cannot tell 'not seen' from 'not mapped'; the product's first layer can.
    blind = unknown & unseen(cube, main, window, shape)
    return colours.hatched(rgb, blind), (low, high), bool(blind.any())


def _range(
    values: npt.NDArray[np.float32], layer: Layer, percent: tuple[float, float]
) -> tuple[float, float]:
    """Return two percentiles of what is known, or a span around a constant."""
    known = values[~np.isnan(values)]
    low, high = (float(v) for v in np.percentile(known, percent)) if known.size else (0.0, 1.0)
    least = layer.scale or 1.0
    return (low, high) if high - low >= least else (low - least / 2, low + least / 2)


def _entries(layer: Layer, found: Survey, *, blind: bool, gaps: bool) -> list[Entry]:
    """Return the legend: classes present with shares, then what is no class."""
    entries = [
        Entry(tuple(bytes.fromhex(c.color)), c.name, _percent(found.shares[c.value]))
        for c in layer.legend
        if c.value in found.shares
    ]
    known = {c.value for c in layer.legend} | {layer.no_look}
    stray = sum(share for value, share in found.shares.items() if value not in known)
    if stray:
        entries.append(Entry(colours.UNKNOWN_CLASS, "Not in the legend", _percent(stray)))
    if blind or layer.no_look in found.shares:
        share = found.shares.get(layer.no_look, 0.0) if layer.no_look is not None else 0.0
        entries.append(Entry(None, "No clear look", _percent(share) if share else ""))
    if gaps:
        entries.append(Entry(colours.NOT_MAPPED, "Not mapped"))
    return entries


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %") if share >= 0.0005 else "< 0.1 %"


def _draw_key(
    pen: Pen, xy: tuple[int, int], layer: Layer, entries: list[Entry], values: tuple[float, float] | None
) -> int:
    """Draw legend or colour bar and return the y below it."""
    x, y = xy
    if values is None:
        pen.text((x, y), "Share of the processed area", fill=drawing.SOFT, size=0.7)
        y += round(1.4 * pen.em)
    elif _in_true_colour(layer):
        pen.text((x, y), "True colour: red B04, green B03, blue B02", fill=drawing.SOFT, size=0.7)
        stretch = f"reflectance in red: {values[0]:.3f} black to {values[1]:.3f} white"
        pen.text((x, y + round(1.1 * pen.em)), stretch, fill=drawing.SOFT, size=0.7)
        y += round(2.8 * pen.em)
    else:
        pen.text((x, y), "2 to 98 % of what is drawn", fill=drawing.SOFT, size=0.7)
        y = drawing.draw_colour_bar(pen, (x, y + round(1.6 * pen.em)), 10 * pen.em, values, layer.unit)
    return drawing.draw_legend(pen, (x, y), entries, (LEGEND_EMS - 1) * pen.em)


def _default_title(layer: Layer) -> str:
    return layer.long_name[:1].upper() + layer.long_name[1:]


def _draw_words(pen: Pen, corner: tuple[int, int], attributes: Mapping[str, Any], title: str) -> None:
    """Write title, footer and, for made-up scenes, the warning."""
    em, (left, top) = pen.em, corner
    room = pen.image.width - left - em
    synthetic = attributes.get("eomap:synthetic") is True
    if synthetic:
        word = drawing.font(em * 1.3).getlength("SYNTHETIC")
        at = (pen.image.width - em, top - round(0.9 * em))
        pen.text(at, "SYNTHETIC", anchor="rs", size=1.3, fill=drawing.RED, bold=True)
        room -= math.ceil(word) + em
    line = pen.fitting(" ".join(title.split()), room, size=1.5)
    pen.text((left, top - round(0.9 * em)), line, anchor="ls", size=1.5)
    said = [_origin(attributes, name) for name in ("model", "period", "run")]
    footer = "   ".join([*(s for s in said if s), "made with eomap"])
    footer = ("Made-up scenes, no real place.   " if synthetic else "") + footer
    whole = pen.image.width - left - em
    pen.text(
        (left, pen.image.height - em),
        pen.fitting(footer, whole, size=0.7),
        anchor="ls",
        size=0.7,
        fill=drawing.SOFT,
    )


def _origin(attributes: Mapping[str, Any], name: str) -> str:
    """Return 'name value' from the cube's attributes, empty where they are silent."""
    value = attributes.get(f"eomap:{name}", attributes.get(f"eomap:{name}_id", ""))
    if isinstance(value, Mapping):
        value = value.get("name", "")
    if name == "model" and not value:
        value = " and ".join(m["name"] for m in attributes.get("eomap:models", ()))
    text = str(value)
    return f"{name} {text[:12] if name == 'run' else text}" if text else ""


def side_by_side(
    panels: Sequence[tuple[str, Rgb]], path: str | Path, *, columns: int | None = None, panel_px: int = 760
) -> Path:
    """Return the path of a new PNG of labelled panels in a row, or a grid of so many columns.

    Each panel is a label and a picture (y, x, 3) uint8, brought to the same width: nearest neighbour
    when enlarged or when it has few colours, so that classes stay classes. Raises
    MisuseError on no panels or pictures of another form.
    """
    if not panels:
        raise MisuseError("side by side", expected="at least one panel", got="none")
    for label, rgb in panels:
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
            raise MisuseError(
                f"panel {label!r}", expected="an array (y, x, 3) of uint8", got=f"{rgb.shape} {rgb.dtype}"
            )
    across = min(columns or len(panels), len(panels))
    em, gap = max(12, panel_px // 32), max(6, panel_px // 64)
    pictures = [(label, _to_width(rgb, panel_px)) for label, rgb in panels]
    rows = [pictures[i : i + across] for i in range(0, len(pictures), across)]
    heights = [max(p.height for _, p in row) + round(1.8 * em) for row in rows]
    pen = Pen.on(gap + across * (panel_px + gap), sum(heights) + gap * (len(rows) + 1), em)
    y = gap
    for row, height in zip(rows, heights, strict=True):
        for i, (label, picture) in enumerate(row):
            x = gap + i * (panel_px + gap)
            pen.text((x, y + round(1.2 * em)), pen.fitting(label, panel_px, size=1), anchor="ls", size=1)
            pen.image.paste(picture, (x, y + round(1.8 * em)))
        y += height + gap
    with whole_file(path) as part:
        pen.image.save(part, format="PNG", optimize=True)
    return Path(path)


def _to_width(rgb: Rgb, width: int) -> Image.Image:
    height = max(1, round(rgb.shape[0] * width / rgb.shape[1]))
    picture = Image.fromarray(rgb)
    # Few colours mean classes, and between two class colours lies no class.
    classes = picture.getcolors(64) is not None
    how = Image.Resampling.NEAREST if classes or width >= rgb.shape[1] else Image.Resampling.BOX
    return picture.resize((width, height), how)
