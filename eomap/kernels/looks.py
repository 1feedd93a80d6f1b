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


def joined(covered_n: U64, permille_n: I64) -> tuple[np.uint64, float]:
    """Return the points that scenes cover together, and the share of what each covers that is clear."""
    areas = np.array([int(m).bit_count() for m in covered_n], np.int64)
    total = int(areas.sum())
    return np.bitwise_or.reduce(covered_n), float((areas * permille_n).sum() / total / 1000) if total else 0.0


def best_rows_numpy(covered_n: U64, permille_n: I64, day_n: I64, most: int, reach_days: float) -> Bool:
    """Return which scenes belong to the best looks: those of a day are one look."""
    days = np.unique(day_n)
    looks = [joined(covered_n[day_n == d], permille_n[day_n == d]) for d in days]
    union, clear = np.array([u for u, _ in looks], np.uint64), np.array([c for _, c in looks])
    taken = days[best_looks_numpy(union, clear, days, most, reach_days)]
    return np.isin(day_n, taken) & (covered_n != 0)


@numba.njit(cache=True, nogil=True)
def best_rows(covered_n, permille_n, day_n, most, reach_days):
    """Return what `best_rows_numpy` returns."""
    first, count = day_n.min(), day_n.max() - day_n.min() + 1
    union, clear = np.zeros(count, np.uint64), np.zeros(count, np.int64)
    total = np.zeros(count, np.int64)
    for n in range(len(day_n)):
        d, area = day_n[n] - first, _count(covered_n[n])
        union[d] |= covered_n[n]
        clear[d] += area * permille_n[n]
        total[d] += area
    share = np.zeros(count, np.float64)
    for d in range(count):
        if total[d]:
            share[d] = clear[d] / total[d] / 1000
    taken = best_looks(union, share, np.arange(count), most, reach_days)
    out = np.zeros(len(day_n), np.bool_)
    for n in range(len(day_n)):
        out[n] = taken[day_n[n] - first] and covered_n[n] != 0
    return out
