"""The pictures of a report: map, truth, where they differ, and one against the other."""

import base64
import io
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from eomap.core.grid import LATTICE
from eomap.io import colours
from eomap.io.colours import Rgb
from eomap.io.sights import Sight

F32 = npt.NDArray[np.float32]

WIDTH_PX = 440
RIGHT, WRONG, UNMAPPED, BLANK = (222, 226, 222), (190, 30, 45), (75, 85, 100), (255, 255, 255)
_TOO_LOW, _EVEN, _TOO_HIGH = (33, 102, 172), (247, 247, 247), (178, 24, 43)
_RED_GREEN_BLUE = ("B04", "B03", "B02")


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG and what it shows."""

    base64: str
    caption: str


def pictures(sight: Sight) -> tuple[Picture, ...]:
    """Return the pictures of one layer; where a sight is empty, none."""
    if np.isnan(sight.truth_byx).all():
        return ()
    if sight.layer.kind == "class" or sight.layer.legend:
        return _of_classes(sight)
    if sight.layer.kind == "score":
        return _of_event(sight)
    return _of_values(sight)


def _of_classes(sight: Sight) -> tuple[Picture, ...]:
    layer = sight.layer
    mapped, truth = sight.map_byx[0], sight.truth_byx[0]
    codes = [np.where(np.isnan(v), layer.fill, v).astype(layer.dtype) for v in (mapped, truth)]
    differ = np.full((*truth.shape, 3), BLANK, np.uint8)
    known = ~np.isnan(truth)
    differ[known & (mapped == truth)] = RIGHT
    differ[known & (mapped != truth) & ~np.isnan(mapped)] = WRONG
    differ[known & np.isnan(mapped)] = UNMAPPED
    return (
        _picture(colours.class_rgb(codes[0], layer), sight, "The map"),
        _picture(colours.class_rgb(codes[1], layer), sight, "The truth"),
        _picture(differ, sight, "Where it is wrong (red) or says nothing (dark); light grey is right"),
    )


def _of_values(sight: Sight) -> tuple[Picture, ...]:
    unit = "" if sight.layer.unit in ("", "1") else f" {sight.layer.unit}"
    error = sight.map_byx - sight.truth_byx
    if set(_RED_GREEN_BLUE) <= set(sight.bands):
        at = [sight.bands.index(b) for b in _RED_GREEN_BLUE]
        white = max(float(np.nanpercentile(sight.truth_byx[at], 99)), 0.05)
        drawn = []
        for values in (sight.map_byx[at], sight.truth_byx[at]):
            rgb = colours.true_colour(np.nan_to_num(values), white=white)
            rgb[np.isnan(values).any(axis=0)] = BLANK
            drawn.append(rgb)
        shown, apart, how = "in true colour", _mean_of_bands(error), "mean of all bands"
    else:
        name = f" of {sight.bands[0]}" if sight.bands else ""
        low, high = (float(v) for v in np.nanpercentile(sight.truth_byx[0], (2, 98)))
        high = high if high > low else low + (sight.layer.scale or 1.0)
        drawn = [colours.ramp_rgb(v[0], low, high) for v in (sight.map_byx, sight.truth_byx)]
        shown, apart, how = (
            f"{name} from {low:.3g} (dark) to {high:.3g}{unit}".strip(),
            error[0],
            "map minus truth",
        )
    limit = float(np.nanpercentile(np.abs(apart), 98)) if not np.isnan(apart).all() else 0.0
    limit = limit or (sight.layer.scale or 1.0)
    made = [
        _picture(drawn[0], sight, f"The map, {shown}"),
        _picture(drawn[1], sight, f"The truth, {shown}"),
        _picture(
            _diverging(apart, limit),
            sight,
            f"Error ({how}): blue too low, red too high, full colour at {limit:.3g}{unit}",
        ),
    ]
    scatter = _scatter(sight.truth_byx, sight.map_byx)
    if scatter is not None:
        rgb, (low, high) = scatter
        made.append(
            Picture(
                _png(Image.fromarray(rgb)),
                f"Truth (to the right) against map (upwards), both from {low:.3g} to {high:.3g}{unit};"
                " brighter for more of the cells drawn; on the line they are equal",
            )
        )
    return tuple(made)


def _of_event(sight: Sight) -> tuple[Picture, ...]:
    score, truth = sight.map_byx[0], sight.truth_byx[0]
    low, high = (
        (float(v) for v in np.nanpercentile(score, (2, 98))) if not np.isnan(score).all() else (0.0, 1.0)
    )
    high = high if high > low else low + (sight.layer.scale or 1.0)
    event = np.full((*truth.shape, 3), BLANK, np.uint8)
    event[truth == 0], event[truth > 0] = RIGHT, WRONG
    return (
        _picture(
            colours.ramp_rgb(score, low, high), sight, f"The score, from {low:.3g} (dark) to {high:.3g}"
        ),
        _picture(event, sight, "Where the event is (red), by the truth"),
    )


def _mean_of_bands(values_byx: F32) -> F32:
    n = (~np.isnan(values_byx)).sum(axis=0)
    total = np.nansum(values_byx, axis=0)
    return np.divide(total, n, out=np.full(total.shape, np.nan, np.float32), where=n > 0)


def _diverging(values_yx: F32, limit: float) -> Rgb:
    at = np.clip(np.nan_to_num(values_yx) / limit, -1, 1)[..., None]
    low, even, high = (np.array(c, np.float64) for c in (_TOO_LOW, _EVEN, _TOO_HIGH))
    rgb = np.where(at < 0, even + (low - even) * -at, even + (high - even) * at)
    made = np.rint(rgb).astype(np.uint8)
    made[np.isnan(values_yx)] = (160, 160, 160)
    return made


def _scatter(truth: F32, mapped: F32, side: int = 110) -> tuple[Rgb, tuple[float, float]] | None:
    """Return a picture of how often truth and map come together, and the range of both axes."""
    known = ~(np.isnan(truth) | np.isnan(mapped))
    if not known.any():
        return None
    t, m = truth[known], mapped[known]
    low, high = (
        min(float(t.min()), float(m.min())),
        max(float(np.percentile(t, 99.9)), float(np.percentile(m, 99.9))),
    )
    if high <= low:
        return None
    counts, _, _ = np.histogram2d(m, t, bins=side, range=((low, high), (low, high)))
    rgb = colours.ramp_rgb(np.log1p(counts), 0.0, float(np.log1p(counts.max())))
    rgb[counts == 0] = (28, 24, 46)
    rgb[np.arange(side), np.arange(side)] = np.maximum(rgb[np.arange(side), np.arange(side)], 120)
    return np.ascontiguousarray(rgb[::-1].repeat(4, axis=0).repeat(4, axis=1)), (low, high)


def _picture(rgb: Rgb, sight: Sight, caption: str) -> Picture:
    """Return a picture brought to WIDTH_PX with the aspect true at its middle latitude."""
    narrow = 1.0
    if sight.window.epsg == LATTICE:
        lat = 90 - float(np.mean(sight.row_at)) * sight.window.cell
        narrow = max(math.cos(math.radians(lat)), 0.05)
    height = round(WIDTH_PX * rgb.shape[0] / (rgb.shape[1] * narrow))
    size = (WIDTH_PX, min(max(height, 8), 4 * WIDTH_PX))
    return Picture(_png(Image.fromarray(rgb).resize(size, Image.Resampling.NEAREST)), caption)


def _png(image: Image.Image) -> str:
    stream = io.BytesIO()
    image.save(stream, format="PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()
