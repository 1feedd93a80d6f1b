"""From looks with clouds to one picture without: what a network is shown, and what is made of its answer.

The one way from looks to a picture, for the product `cloudfree` and for any product that is made with
`--composite cloudfree`. Pixels that the first look saw clear stay as they are, bit for bit.
Axis letters: t look, b band, p polarisation, k channel of the network, y, x.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.grid import PIXEL_M
from eomap.core.ports import F32, U16, Bool, Predictor
from eomap.core.product import Inputs, Looks, Need, PictureBy, Product, Seen
from eomap.errors import MisuseError

U8 = npt.NDArray[np.uint8]
BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
"""Of Sentinel-2: the ground's. B01, B09 and B10 are of the air."""
RADAR = ("VV", "VH")
LOOKS = 3
OBSCURED = 32_768
"""Added to the code of a pixel that is seen, but not clear."""
SEEN, FROM_ANOTHER, MADE = 1, 2, 3
"""Sources of a pixel: the first look itself, filled where another look is clear, filled where none is."""
NOISE = 10
"""Sigma in codes (reflectance 0.001) of a pixel that is kept as seen: about the noise of the sensor.

It says nothing of what a correction for the atmosphere left, or of clouds that the mask missed."""
LARGEST = 65_534
MODEL, HALO_PX = "eomap-cloudfree-s", 255
"""The network, and what it needs around a picture: its windows overlap."""
_ROWS = 768
"""Rows of a picture that are made at once: what a network is shown takes as much memory as the looks."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One look without its clouds."""

    code_byx: U16
    """0 where no look saw anything."""
    sigma_byx: U16
    """Standard deviation of the error in codes; 0 where no look saw anything."""
    source_yx: U8
    """SEEN, FROM_ANOTHER, MADE; 0 where no look saw anything."""
    ood_yx: F32 | None
    """Share of familiar samples that were more familiar; None where the network does not tell."""


def shown(optical: Looks, radar: Looks | None) -> U16:
    """Return what the network is shown of looks (t b + t p, y, x): codes, 0 where unseen."""
    t, _, height, width = optical.code_tbyx.shape
    seen = (optical.code_tbyx > 0).all(axis=1, keepdims=True)
    code = np.minimum(optical.code_tbyx, OBSCURED - 1) * seen
    code += (seen & ~optical.clear_tyx[:, None]) * np.uint16(OBSCURED)
    beside = np.zeros((t, len(RADAR), height, width), np.uint16) if radar is None else radar.code_tbyx
    return np.concatenate([code.reshape(-1, height, width), beside.reshape(-1, height, width)])


def cleared(
    optical: Looks, radar: Looks | None, predict: Predictor, *, wanted_yx: Bool, origin_rc: tuple[int, int]
) -> Picture:
    """Return the first look without its clouds, where wanted (y, x).

    Looks reach `predict.halo_px` pixels farther than `wanted_yx` on every side; `origin_rc` are row and
    column of its first pixel, counted from the zone's origin. The network is asked only where the first look
    is not clear: elsewhere nothing is made up, and the share of the more familiar is 0.
    """
    height, width = wanted_yx.shape
    out = Picture(
        np.zeros((len(BANDS), height, width), np.uint16),
        np.zeros((len(BANDS), height, width), np.uint16),
        np.zeros((height, width), np.uint8),
        None,
    )
    for top in range(0, height, _ROWS):
        rows = slice(top, min(top + _ROWS, height))
        share = _clear_rows(optical, radar, predict, wanted_yx, rows, origin_rc, out)
        if share is not None:
            if out.ood_yx is None:
                out = replace(out, ood_yx=np.zeros((height, width), np.float32))
            out.ood_yx[rows] = share  # type: ignore[index]
    return out


def _clear_rows(
    optical: Looks,
    radar: Looks | None,
    predict: Predictor,
    wanted_yx: Bool,
    rows: slice,
    origin_rc: tuple[int, int],
    out: Picture,
) -> F32 | None:
    """Put some rows into a picture; return how familiar they were, where the network tells."""
    halo, (_, width) = predict.halo_px, wanted_yx.shape
    around = np.s_[..., rows.start : rows.stop + 2 * halo, :]
    inner = np.s_[..., rows.start + halo : rows.stop + halo, halo : halo + width]
    first, clear_tyx = optical.code_tbyx[0][inner], optical.clear_tyx[inner]
    seen_tyx = (optical.code_tbyx[inner] > 0).all(axis=1)
    clear_tyx = clear_tyx & seen_tyx
    source = np.where(clear_tyx[0], SEEN, np.where(clear_tyx.any(axis=0), FROM_ANOTHER, MADE))
    source = np.where(seen_tyx.any(axis=0) & wanted_yx[rows], source, 0).astype(np.uint8)
    fill = source > SEEN
    said = predict(
        shown(_cut(optical, around), None if radar is None else _cut(radar, around)),
        fill,
        origin_rc=(origin_rc[0] + rows.start, origin_rc[1]),
        aside=lambda _, __: [float(d) for d in optical.day_t],
    )
    bands = len(BANDS)
    mean = np.clip(np.rint(said[:bands]), 1, LARGEST).astype(np.uint16)
    sigma = np.minimum(np.rint(np.sqrt(np.maximum(said[bands : 2 * bands], 0))), LARGEST)
    kept = source == SEEN
    out.code_byx[:, rows] = np.where(fill, mean, np.where(kept, first, 0))
    out.sigma_byx[:, rows] = np.where(fill, np.maximum(sigma, NOISE), np.where(kept, NOISE, 0))
    out.source_yx[rows] = source
    return said[2 * bands] if len(said) > 2 * bands else None


def _cut(looks: Looks, at: Any) -> Looks:
    return Looks(looks.code_tbyx[at], looks.clear_tyx[at], looks.day_t)


def by_network(product: Product) -> Product:
    """Return a product made from a cloud-free picture: from looks, where it was made from a median.

    The picture is that of its first need. Radar stands beside the looks, unless the product needs another
    picture of it. Raises MisuseError where the first need is not such a picture of Sentinel-2.
    """
    first, *others = product.needs
    plain = not (first.looks or first.spread or first.days or first.deviations)
    if not (
        first.of == "sentinel-2" and set(first.bands) <= set(BANDS) and plain and product.pixel_m == PIXEL_M
    ):
        raise MisuseError(
            "--composite cloudfree",
            expected=f"a product of a picture of Sentinel-2's {len(BANDS)} bands of the ground",
            got=product.name,
            hint="--product cloudfree for the picture itself",
        )
    extra = -(-HALO_PX // product.cell_px) * product.cell_px
    halo, radar = first.halo_px + extra, all(n.of != "sentinel-1" for n in others)
    needs = [Need(first.of, BANDS, halo, looks=LOOKS), *(replace(n, halo_px=halo) for n in others)]
    if radar:
        needs.append(Need("sentinel-1", RADAR, halo, looks=LOOKS, optional=True))
    return replace(product, needs=tuple(needs), picture=PictureBy(MODEL, first.bands, extra, radar))


def pictured(inputs: Inputs, by: PictureBy, predict: Predictor) -> Inputs:
    """Return what a product is handed: its own frame, with the cloud-free picture in place of the looks.

    Clear looks are counted as they are: where there is none, the picture is the network's alone.
    """
    optical, *others = inputs.seen
    looks = None if optical is None else optical.looks
    if optical is None or looks is None:
        raise ValueError("the first need of a cloud-free picture asks for looks")
    radar = others.pop() if by.radar else None
    cut, (height, width) = by.halo_px, inputs.frame.shape
    inner = np.s_[..., cut : height - cut, cut : width - cut]
    frame = inputs.frame.sub(cut, height - cut, cut, width - cut)
    spare = cut - predict.halo_px
    around = np.s_[..., spare : height - spare, spare : width - spare]
    made = cleared(
        _cut(looks, around),
        None if radar is None or radar.looks is None else _cut(radar.looks, around),
        predict,
        wanted_yx=np.ones(frame.shape, bool),
        origin_rc=(-frame.y0 // PIXEL_M, frame.x0 // PIXEL_M),
    )
    picture = Seen(made.code_byx[[BANDS.index(b) for b in by.bands]], optical.n_clear_yx[inner])
    seen = (picture, *(None if s is None else _inner(s, inner) for s in others))
    return Inputs(frame, inputs.halo_px - cut, seen, inputs.window, inputs.wanted_yx)


def _inner(seen: Seen, at: Any) -> Seen:
    """Return what was seen of a part of a frame."""

    def cut(raster: U16 | None) -> U16 | None:
        return None if raster is None else raster[at]

    return Seen(
        seen.code_byx if seen.looks else seen.code_byx[at],
        seen.n_clear_yx[at],
        spread_yx=cut(seen.spread_yx),
        day_yx=cut(seen.day_yx),
        deviation_kyx=cut(seen.deviation_kyx),
        looks=_cut(seen.looks, at) if seen.looks else None,
    )
