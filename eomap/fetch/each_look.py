"""Looks as they are: not one picture of many, but each with its clouds, for networks that take several.

Letters: t slot, b band, y row (north to south), x column (west to east). A look that reaches only a part of
the frame leaves its slot to the next one elsewhere, so no slot is empty where there are looks enough.
"""

from collections.abc import Sequence

import numpy as np

from eomap.core.grid import Frame
from eomap.core.period import EPOCH
from eomap.core.ports import U16
from eomap.core.product import Looks
from eomap.fetch.at_once import see
from eomap.fetch.reading import Look, Reading, days_of

UNTOLD = 1_000.0
"""Cloud of a scene that its catalogue is silent on: preferred to none that it tells of."""


def by_preference(looks: Sequence[Look]) -> list[Look]:
    """Return looks from the one called least cloudy on; equal ones by day and orbit, whatever the frame."""

    def worth(look: Look) -> tuple[float, int, str]:
        told = [UNTOLD if s.cloud_percent is None else s.cloud_percent for s in look[1]]
        return max(told), (look[0] - EPOCH).days, look[1][0].orbit

    return sorted(looks, key=worth)


def blank(slots: int, bands: int, frame: Frame) -> Looks:
    """Return slots that nothing lies in."""
    return Looks(
        np.zeros((slots, bands, *frame.shape), np.uint16),
        np.zeros((slots, *frame.shape), bool),
        np.zeros(slots, np.uint16),
    )


def fill_slots(at: Reading, looks: Sequence[Look], block: Frame, out: Looks) -> None:
    """Put a block of the looks into slots: the first that sees a pixel into the first, and so on."""
    if not looks:
        return
    slots, code, clear = len(out.code_tbyx), *_room(at, block)
    filled = np.zeros(block.shape, np.uint8)
    for look in looks:
        _read(at, look, block, code, clear)
        seen = (code != 0).all(axis=0)
        for t in range(slots):
            here = seen & (filled == t)
            if here.any():
                np.copyto(out.code_tbyx[t], code, where=here)
                np.copyto(out.clear_tyx[t], clear, where=here)
        filled[seen] += 1
        if (filled >= slots).all():
            return


def fill_nearest(at: Reading, looks: Sequence[Look], block: Frame, out: Looks) -> None:
    """Put into each slot of a block, pixel by pixel, the look nearest to the slot's day that sees it."""
    if not looks:
        return
    code, clear = _room(at, block)
    kept: dict[int, tuple[U16, np.ndarray]] = {}
    days = days_of(list(looks)).astype(int)
    for t, day in enumerate(out.day_t.astype(int)):
        left = np.ones(block.shape, bool)
        for n in sorted(range(len(looks)), key=lambda n: (abs(days[n] - day), days[n], n)):
            if not left.any():
                break
            if n not in kept:
                _read(at, looks[n], block, code, clear)
                kept[n] = code.copy(), clear.copy()
            here = left & (kept[n][0] != 0).all(axis=0)
            np.copyto(out.code_tbyx[t], kept[n][0], where=here)
            np.copyto(out.clear_tyx[t], kept[n][1], where=here)
            left &= ~here


def _room(at: Reading, block: Frame) -> tuple[U16, np.ndarray]:
    return np.empty((len(at.need.bands), *block.shape), np.uint16), np.empty(block.shape, bool)


def _read(at: Reading, look: Look, block: Frame, code_byx: U16, clear_yx: np.ndarray) -> None:
    code_byx[...], clear_yx[...] = 0, False
    see(at, look[1], block, code_byx, clear_yx)
