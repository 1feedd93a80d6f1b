"""Which looks of a tile to take, so that every part of it is seen often, clearly and on days apart.

A tile is 64 points, a look the set of those it covers: one bit each. Looks are taken one by one, always the
one that adds most: points that still lack looks, times the share expected to be clear, times how far its day
is from the days already taken where they overlap. Letters: n look.
"""

import numba
import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

POINTS = 64
SAME_DAY_WORTH = 0.5
"""Worth of a look on a day already seen, next to one far from all; bench/looks_selection.py says why."""


def best_looks_numpy(covered_n: U64, clear_n: F64, day_n: I64, most: int, reach_days: float) -> Bool:
    """Return which looks are taken, until every point has `most` or none is left that adds.

    `clear_n` is above 0; a look that lies `reach_days` from the nearest one taken has lost half of what
    nearness takes. Of looks worth the same the first is taken.
    """
    bits = (covered_n[:, None] >> np.arange(POINTS, dtype=np.uint64)) & np.uint64(1)
    seen, taken = np.zeros(POINTS, np.int64), np.zeros(len(covered_n), bool)
    gap = np.full(len(covered_n), np.inf)
    while True:
        new = bits[:, seen < most].sum(axis=1).astype(np.float64)
        worth = new * clear_n * (1.0 - (1.0 - SAME_DAY_WORTH) * (reach_days / (gap + reach_days)))
        worth[taken] = 0.0
        if not worth.any():
            return taken
        best = int(worth.argmax())
        taken[best] = True
        seen += bits[best].astype(np.int64)
        meets = (covered_n & covered_n[best]) != 0
        gap[meets] = np.minimum(gap[meets], np.abs(day_n[meets] - day_n[best]))


@numba.njit(cache=True, nogil=True)
def _count(word):
    one = np.uint64(1)
    n = 0
    while word:
        word &= word - one
        n += 1
    return n


@numba.njit(cache=True, nogil=True)
def best_looks(covered_n, clear_n, day_n, most, reach_days):
    """Return what `best_looks_numpy` returns."""
    count = len(covered_n)
    taken, gap = np.zeros(count, np.bool_), np.full(count, np.inf)
    seen = np.zeros(POINTS, np.int64)
    while True:
        lacking = np.uint64(0)
        for p in range(POINTS):
            if seen[p] < most:
                lacking |= np.uint64(1) << np.uint64(p)
        best, highest = -1, 0.0
        for n in range(count):
            if taken[n] or not (covered_n[n] & lacking):
                continue
            new = float(_count(covered_n[n] & lacking))
            worth = new * clear_n[n] * (1.0 - (1.0 - SAME_DAY_WORTH) * (reach_days / (gap[n] + reach_days)))
            if worth > highest:
                best, highest = n, worth
        if best < 0:
            return taken
        taken[best] = True
        for p in range(POINTS):
            if (covered_n[best] >> np.uint64(p)) & np.uint64(1):
                seen[p] += 1
        for n in range(count):
            if covered_n[n] & covered_n[best]:
                gap[n] = min(gap[n], abs(day_n[n] - day_n[best]))
