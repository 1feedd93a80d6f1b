"""A picture of what a network has learned: input, truth, what it says, how sure it is; a row a window."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.recipe import Recipe
from eomap.training.windows import Batch

U8 = npt.NDArray[np.uint8]
_TILE_PX, _GAP_PX, _TEXT_PX = 160, 4, 14
_RAMP = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
"""Colours from low to high, told apart by everyone (after viridis)."""
_UNKNOWN = 96


def examples(
    path: Path, batch: Batch, y_nkrc: npt.NDArray[np.float32], recipe: Recipe, *, most: int = 6
) -> Path:
    """Write some windows as PNG, a row each; return its path. Values share one scale a column."""
    from PIL import Image, ImageDraw

    rows = min(most, len(y_nkrc))
    value, sigma = recipe.shown.get("value", 0), recipe.shown.get("sigma")
    truth = batch.target_nkrc[:rows, min(value, batch.target_nkrc.shape[1] - 1)]
    low, high = _range(truth)
    columns: list[tuple[str, list[U8]]] = [
        ("input", [_true_colour(batch.code_ncyx[n], recipe.shown) for n in range(rows)]),
        ("truth", [_ramp(truth[n], low, high) for n in range(rows)]),
        (recipe.outputs[value], [_ramp(y_nkrc[n, value], low, high) for n in range(rows)]),
    ]
    if sigma is not None:
        spread = y_nkrc[:rows, sigma]
        columns.append((recipe.outputs[sigma], [_ramp(s, *_range(spread)) for s in spread]))
    step = _TILE_PX + _GAP_PX
    sheet = Image.new("RGB", (step * len(columns), step * rows + _TEXT_PX), "white")
    draw = ImageDraw.Draw(sheet)
    for k, (title, tiles) in enumerate(columns):
        draw.text((k * step + 2, 1), title, fill="black")
        for n, tile in enumerate(tiles):
            picture = Image.fromarray(tile).resize((_TILE_PX, _TILE_PX), Image.Resampling.NEAREST)
            sheet.paste(picture, (k * step, n * step + _TEXT_PX))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
    return path


def _range(values: npt.NDArray[np.floating[Any]]) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not known.size:
        return 0.0, 1.0
    low, high = (float(np.percentile(known, p)) for p in (1, 99))
    return low, max(high, low + 1e-6)


def _ramp(value_yx: npt.NDArray[np.floating[Any]], low: float, high: float) -> U8:
    share = np.clip((np.nan_to_num(value_yx, nan=low) - low) / (high - low), 0, 1) * (len(_RAMP) - 1)
    colours = np.array(_RAMP, float)
    rgb = np.stack([np.interp(share, np.arange(len(_RAMP)), colours[:, k]) for k in range(3)], axis=-1)
    rgb[~np.isfinite(value_yx)] = _UNKNOWN
    return rgb.astype(np.uint8)


def _true_colour(code_cyx: npt.NDArray[np.float32], shown: Mapping[str, int]) -> U8:
    """Return three channels stretched together, or the first one in grey."""
    channels: Sequence[int] = [shown.get(c, 0) for c in ("red", "green", "blue")]
    picked = code_cyx[list(channels)]
    seen = picked[picked > 0]
    low, high = np.percentile(seen, [1, 98]) if seen.size else (0.0, 1.0)
    rgb = np.clip((picked - low) / max(float(high - low), 1.0) * 255, 0, 255)
    return np.ascontiguousarray(rgb.transpose(1, 2, 0).astype(np.uint8))
