"""Compose a block band after band.

Where what tells clear from cloud is a band of its own (a scene classification), and the method takes band
after band, so does the reading: first the looks of a block, then one band of all looks at a time, and only
where a look is clear. Memory is that of one band, and what is cloudy is never decoded.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from eomap.core.grid import Frame
from eomap.core.ports import U16, Bool
from eomap.fetch.canvas import Canvas
from eomap.fetch.reading import Look, Reading, days_of
from eomap.kernels.codes import extent_of, mean_of_bands, placed, placed_of
from eomap.kernels.composite import Looks, composed
from eomap.kernels.median import NO_SPREAD

_NOBODY = 255
Part = tuple[slice, slice]


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A look on a block, before its bands are read."""

    look: Look
    clear_yx: Bool
    owner_yx: npt.NDArray[np.uint8] | None
    """Which scene of the look shows a pixel; None where there is one only."""
    parts: tuple[Part | None, ...]
    """For each scene of the look, rows and columns beyond which it shows nothing clear; None for nowhere."""


def _seen(at: Reading, look: Look, block: Frame) -> _Seen | None:
    """Return where a look is clear, by the bands that tell; None where it is nowhere."""
    group = look[1]
    clear, owner = np.zeros(block.shape, bool), None
    if len(group) > 1:
        owner = np.full(block.shape, _NOBODY, np.uint8)
    for n, scene in enumerate(group):
        # What the mask reads says where a scene is; where it does not, the first band does.
        names = [b for b in at.by.mask_bands(scene, at.mask) if scene.band(b)]
        if not names and owner is None:  # it shows wherever its bands do, and those are read later
            return _Seen(look, ~clear, None, ((slice(0, block.height), slice(0, block.width)),))
        margin = at.by.margin_px(scene, at.mask)
        wide = block.sub(-margin, block.height + margin, -margin, block.width + margin)
        inner = (slice(margin, margin + block.height), slice(margin, margin + block.width))
        tell = any(at.unseen(scene, b) is not None for b in names)
        if not names or (len(group) > 1 and not tell):
            names.append(at.need.bands[0])
        pixels = at.pixels(scene, names, wide)
        here = at.clear(pixels, scene, wide)[inner]
        if owner is None:
            clear = here
        else:
            held = [p[inner] != u for b, p in pixels.items() if (u := at.unseen(scene, b)) is not None]
            seen = np.logical_and.reduce(held) & (owner == _NOBODY)
            owner[seen] = n
            np.copyto(clear, here, where=seen)
    shown = [clear if owner is None else clear & (owner == n) for n in range(len(group))]
    parts = tuple(extent_of(c) for c in shown)
    return None if parts == (None,) * len(parts) else _Seen(look, clear, owner, parts)


def _fill(at: Reading, seen: _Seen, name: str, block: Frame, code_yx: U16) -> int:
    """Fill in one band of a look where it is clear; what lacks it is clear no more, and counted."""
    lost = 0
    for n, (scene, part) in enumerate(zip(seen.look[1], seen.parts, strict=True)):
        if part is None:
            continue
        rows, cols = part
        frame = block.sub(rows.start, rows.stop, cols.start, cols.stop)
        (pixels,) = at.pixels(scene, (name,), frame).values()
        if seen.owner_yx is None:
            lost += placed(pixels, code_yx[part], seen.clear_yx[part])
        else:
            lost += placed_of(n, seen.owner_yx[part], pixels, code_yx[part], seen.clear_yx[part])
    return lost


def by_band(at: Reading, looks: list[Look], block: Frame, out: Canvas) -> None:
    """Compose a block band after band, from the looks that are clear somewhere."""
    with at.clock("fetch"):
        seen = [s for s in at.each(lambda look: _seen(at, look, block), looks) if s is not None]
        if not seen:
            return
        clear = np.empty((len(seen), *block.shape), bool)
        for n, (s, mine) in enumerate(zip(seen, clear, strict=True)):  # one of the two at a time
            mine[...] = s.clear_yx
            seen[n] = replace(s, clear_yx=mine)
    bands, spread = at.need.bands, at.need.spread
    stack, days = at.stack(len(seen), *block.shape), days_of([s.look for s in seen])
    whole = False
    while not whole:  # a hole in a later band takes a look from the earlier ones, too: then once more
        total, whole = np.zeros(block.shape, np.uint32), True
        for b, name in enumerate(bands):
            with at.clock("fetch"):
                jobs = [(at, s, name, block, code) for s, code in zip(seen, stack, strict=True)]
                lost = sum(at.each(lambda job: _fill(*job), jobs))
            whole = whole and not (b and lost)
            with at.clock("composite"):
                made = composed(
                    at.need.method,
                    Looks(stack[:, None], clear, days, (name,)),
                    spread=spread,
                    days=at.need.days and name == bands[-1],
                )
                out.code_byx[b], out.n_clear_yx[...] = made.code_byx[0], made.n_clear_yx
                if made.day_yx is not None:
                    out.day_yx[...] = made.day_yx
                if made.spread_yx is not None:
                    total += made.spread_yx  # NO_SPREAD, too: pixels of fewer than two looks get no mean
    if spread:
        mean_of_bands(total, len(bands), out.n_clear_yx, NO_SPREAD, out.spread_yx)
