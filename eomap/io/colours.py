"""Colours of maps: legends, a perceptually even ramp, and what stands for 'not seen' and 'not mapped'."""

import numpy as np
import numpy.typing as npt

from eomap.core.layer import Layer

Rgb = npt.NDArray[np.uint8]
"""(y, x, 3), red, green, blue."""
NOT_MAPPED = (255, 255, 255)
NO_LOOK, NO_LOOK_STRIPE = (214, 214, 214), (120, 120, 120)
UNKNOWN_CLASS = (255, 0, 255)
RAMP = (
    "311852", "322674", "233894", "025398", "046995", "007d99", "07919d",
    "06a69e", "0cbb99", "26d185", "86db7b", "bee37f", "e9ec8b",
)  # fmt: skip
"""Dark violet to light yellow, lightness linear in OKLab from .28 to .92 (bottosson.github.io/posts)."""


def class_rgb(codes_yx: npt.NDArray[np.integer], layer: Layer) -> Rgb:
    """Return class codes in the colours of the layer's legend; codes without a class are magenta."""
    table = np.full((np.iinfo(layer.dtype).max + 1, 3), UNKNOWN_CLASS, dtype=np.uint8)
    for entry in layer.legend:
        table[entry.value] = tuple(bytes.fromhex(entry.color))
    table[layer.fill] = NOT_MAPPED
    rgb = table[codes_yx]
    return rgb if layer.no_look is None else hatched(rgb, codes_yx == layer.no_look)


def ramp_rgb(values_yx: npt.NDArray[np.floating], low: float, high: float) -> Rgb:
    """Return values on the ramp from `low` to `high`; NaN is white."""
    anchors = np.array([list(bytes.fromhex(c)) for c in RAMP], dtype=np.float64)
    at = np.clip((np.nan_to_num(values_yx, nan=low) - low) / (high - low), 0, 1) * (len(RAMP) - 1)
    at = np.rint(at * 32) / 32  # 385 colours are more than an eye tells apart; PNG files shrink
    channels = [np.interp(at, np.arange(len(RAMP)), anchors[:, c]) for c in range(3)]
    rgb = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    rgb[np.isnan(values_yx)] = NOT_MAPPED
    return rgb


def hatched(rgb: Rgb, where_yx: npt.NDArray[np.bool_], *, pitch_px: int = 8) -> Rgb:
    """Return the picture with grey diagonal stripes where the mask holds."""
    rows, cols = np.nonzero(where_yx)
    stripe = (rows + cols) % pitch_px < max(2, pitch_px // 4)
    out = rgb.copy()
    out[rows, cols] = np.where(stripe[:, None], NO_LOOK_STRIPE, NO_LOOK)
    return out


def true_colour(reflectance_byx: npt.NDArray[np.floating], *, white: float = 0.3, dark: float = 0.0) -> Rgb:
    """Return red, green, blue reflectance (3, y, x) as a picture; `dark` is black, `white` is white."""
    stretched = np.clip((np.asarray(reflectance_byx) - dark) / (white - dark), 0, 1)
    return np.rint(255 * stretched ** (1 / 1.6)).astype(np.uint8).transpose(1, 2, 0)
