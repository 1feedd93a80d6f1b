"""Compose a block from all bands of all looks, read at once."""

import numpy as np

from eomap.core.grid import Frame
from eomap.core.ports import U16, Bool
from eomap.core.source import Scene
from eomap.fetch.canvas import Canvas
from eomap.fetch.reading import Look, Reading, days_of, edge_px, wider
from eomap.kernels.composite import Looks, composed
from eomap.kernels.despeckle import despeckled


def at_once(at: Reading, looks: list[Look], block: Frame, out: Canvas) -> None:
    """Compose a block from all bands of all looks."""
    edge = edge_px(at.need)
    wide = wider(block, edge)
    with at.clock("fetch"):
        code = at.stack(len(looks), len(at.need.bands), *wide.shape)
        code[...] = 0
        clear = np.zeros((len(looks), *wide.shape), dtype=bool)
        for (_, group), code_byx, clear_yx in zip(looks, code, clear, strict=True):
            see(at, group, wide, code_byx, clear_yx)
    with at.clock("composite"):
        if at.need.speckle != "none":
            code *= clear[:, None]  # what is not clear tells nothing of its neighbours
            code = despeckled(at.need.speckle, code)
        seen = Looks(code, clear, days_of(looks), at.need.bands, edge)
        made = composed(
            at.need.method,
            seen if at.need.method == "best" else seen.inner(),
            spread=at.need.spread,
            days=at.need.days,
        )
        out.code_byx[...], out.n_clear_yx[...] = made.code_byx, made.n_clear_yx
        out.take(made)


def see(at: Reading, group: tuple[Scene, ...], block: Frame, code_byx: U16, clear_yx: Bool) -> None:
    """Fill in codes and the clear mask of one look, both 0 before; clear is only what all bands saw."""
    for n, scene in enumerate(group):
        margin = at.by.margin_px(scene, at.mask)
        wide = block.sub(-margin, block.height + margin, -margin, block.width + margin)
        inner = (slice(margin, margin + block.height), slice(margin, margin + block.width))
        names = dict.fromkeys((*at.need.bands, *at.by.mask_bands(scene, at.mask)))
        pixels = at.pixels(scene, names, wide)
        part = [pixels[name][inner] for name in at.need.bands]
        seen = np.logical_and.reduce([band != 0 for band in part])
        if n:
            seen &= (code_byx == 0).any(axis=0)
        for code, band in zip(code_byx, part, strict=True):
            np.copyto(code, band, where=seen)
        np.copyto(clear_yx, at.clear(pixels, scene, wide)[inner], where=seen)
