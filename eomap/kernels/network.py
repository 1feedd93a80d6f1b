"""Sorting networks written out for one number of rows, and the middle that they find.

A network of comparators that looks at no value before it moves it sorts a whole vector of pixels at once.
Written out as straight-line code, its values stay in registers from memory to the result, and comparators
that nothing asks for fall away. Numba keeps what it compiled on disk, one entry per number of rows, so a
machine compiles each once.
"""

from collections.abc import Callable
from functools import cache
from typing import Any
from zlib import crc32

import numba
import numpy as np
import numpy.typing as npt

from eomap.kernels.lanes import (
    LANES,
    both,
    differ,
    either,
    halved,
    higher,
    load,
    lower,
    minus,
    prefetch,
    store,
)

WRITTEN_OUT = 40
"""The largest number of rows that is written out; beyond, compiling takes longer than it saves."""


def sorting_network(n: int) -> npt.NDArray[np.intp]:
    """Return the comparators (k, 2) of Batcher's merge exchange, which sorts any n values.

    D. E. Knuth, The Art of Computer Programming 3, algorithm 5.2.2M; 31 comparators for n = 10.

    >>> sorting_network(3).tolist()
    [[0, 2], [0, 1], [1, 2]]
    """
    pairs = []
    p = top = 1 << max((n - 1).bit_length() - 1, 0)
    while p:
        q, r, d = top, 0, p
        while True:
            pairs += [(i, i + d) for i in range(n - d) if i & p == r]
            if q == p:
                break
            q, r, d = q >> 1, p, q - p
        p >>= 1
    return np.array(pairs, np.intp).reshape(-1, 2)


def rows_for(looks: int) -> int:
    """Return the number of rows to sort for so many looks: some more, so that fewer kernels are compiled.

    >>> [rows_for(n) for n in (1, 10, 13, 40, 41)]
    [1, 10, 16, 40, 41]
    """
    return looks if looks <= 12 or looks > WRITTEN_OUT else -(-looks // 4) * 4


def middle_ranks(n: int) -> tuple[int, int]:
    """Return the rank of the middle of n rows, and of the one to average it with.

    Rows without a value stand alternately for the highest and the lowest one, the first for the highest.
    So the middle of the values that there are always has the same rank, whatever their number: alone if
    that number is odd, averaged with its neighbour if it is even.

    >>> middle_ranks(10), middle_ranks(11)
    ((4, 5), (5, 4))
    """
    return (n // 2, max(n // 2 - 1, 0)) if n % 2 else (n // 2 - 1, n // 2)


@cache
def middle_of(n: int, row_px: int, spread: bool) -> Callable[..., Any]:
    """Return the compiled kernel that finds the middle of n rows, for all bands of up to `row_px` pixels.

    `middle(dn, place, look, fill, even, some, value, total, out)`, all flat and uint16, but for `total`,
    uint32. `place` is (first, look_step, looks, band_step, bands, size, ahead, out_at, out_step): look t of
    band b lies in `dn` from first + t * look_step + b * band_step on; in all else rows of pixels follow each
    other by `row_px`. Row t is `(dn & look) | fill`, from `looks` on `fill`. The middle value, or the mean of
    the two middle ones, rounded half up, where `even` is 65535 (0 elsewhere), goes to `out`, 0 where `some`
    is 0. With `spread`, `total` becomes the sum over the bands of the middle distance of the looks from it.
    `value`, n + 1 rows, is for the kernel. What lies `ahead` of `dn` is asked for meanwhile. `size` is LANES
    or more.
    """
    row = numba.uint16[::1]
    place = numba.types.UniTuple(numba.uint64, 9)
    signature = numba.void(row, place, row, row, row, row, row, numba.uint32[::1], row)
    network = {"NETWORK": sorting_network(n).astype(np.uint64) * np.uint64(row_px), "exchange": exchange}
    scope = {"U": np.uint64, "np": np, **network, **{f.__name__: f for f in _OPERATIONS}}
    return compiled(_text(n, row_px, spread), f"middle_{n}", signature, scope)


_OPERATIONS = (both, differ, either, halved, higher, load, lower, minus, prefetch, store)


def compiled(source: str, name: str, signature: Any, scope: dict[str, Any]) -> Callable[..., Any]:
    """Return the function `name` of a Python text, compiled for kernels to call, or as kept on disk.

    What it uses of `scope` has to follow from the text. Numba keeps compiled code by file, name and
    signature: the file is this one, and the name gets the text's checksum.
    """
    unique = f"{name}_{crc32(source.encode()):08x}"
    scope = {"__name__": __name__, **scope}
    exec(compile(source.replace(f"def {name}(", f"def {unique}(", 1), __file__, "exec"), scope)
    return numba.cfunc(signature, cache=True, error_model="numpy")(scope[unique])


def _text(n: int, row_px: int, spread: bool) -> str:
    """Return Python text of the kernel: the middle of one band after the other."""
    lines = (_written_out if n <= WRITTEN_OUT else _looped)(n, row_px, spread)
    if spread:
        lines += [
            "for x in range(size):",
            f"    total[x] = value[{_last(n, row_px)}] + (total[x] if b else U(0))",
        ]
    return "\n".join(
        [
            f"def middle_{n}(dn, place, look, fill, even, some, value, total, out):",
            "    first, look_step, looks, band_step, bands, size, ahead, out_at, out_step = place",
            "    for b in range(bands):",
            "        at, to = first + b * band_step, out_at + b * out_step",
            *("        " + line for line in lines),
            "",
        ]
    )


def _written_out(n: int, row_px: int, spread: bool) -> list[str]:
    """Return lines that hold one value of each row in a variable of its own."""
    alone, other = middle_ranks(n)
    pairs = sorting_network(n).tolist()
    middle = [f"v{i}, v{j} = lower(v{i}, v{j}), higher(v{i}, v{j})" for i, j in pairs]
    middle += [f"one, two = v{alone}, v{other}", *_MEAN]
    dn = [f"load(dn, at{t} + x)" for t in range(n)]
    lines = [f"prefetch(dn, at{t} + x + ahead)" for t in range(n)]
    lines += [f"v{t} = {_seen(dn[t], f'U({t * row_px})')}" for t in range(n)]
    lines += [*middle, _LAND]
    if spread:
        lines += [f"v{t} = {_seen(_away(dn[t]), f'U({t * row_px})')}" for t in range(n)]
        lines += [*middle, f"store(value, {_last(n, row_px)}, mean)"]
    starts = [f"at{t} = at + min(U({t}), looks - U(1)) * look_step" for t in range(n)]
    return starts + _over_pixels(lines)


def _looped(n: int, row_px: int, spread: bool) -> list[str]:
    """Return lines that sort the rows in memory."""
    one, two = (f"load(value, U({rank * row_px}) + x)" for rank in middle_ranks(n))
    keep = f"store(value, {_last(n, row_px)}, mean)"
    middle = [f"one, two = {one}, {two}", *_MEAN, keep]
    sort = [
        f"for k in range({len(sorting_network(n))}):",
        "    exchange(value, NETWORK[k, 0], NETWORK[k, 1], size)",
    ]

    def rows(value: str, *before: str) -> list[str]:
        lines = [*before, f"store(value, row + x, {_seen(value, 'row')})"]
        return [
            f"for t in range(U({n})):",
            f"    row, here = t * U({row_px}), at + min(t, looks - U(1)) * look_step",
            *("    " + line for line in _over_pixels(lines)),
        ]

    dn = "load(dn, here + x)"
    lines = [*rows(dn, "prefetch(dn, here + x + ahead)"), *sort, *_over_pixels([*middle, _LAND])]
    if spread:
        away = rows(_away(dn), f"mean = load(value, {_last(n, row_px)})")
        lines += [*away, *sort, *_over_pixels(middle)]
    return lines


def _over_pixels(lines: list[str]) -> list[str]:
    """Return a loop whose last step goes back as far as it takes to be whole."""
    steps = [f"for i in range(U(0), size, U({LANES})):", f"    x = min(i, size - U({LANES}))"]
    return steps + ["    " + line for line in lines]


def _seen(value: str, row: str) -> str:
    return f"either(both({value}, load(look, {row} + x)), load(fill, {row} + x))"


def _away(value: str) -> str:
    return f"minus(higher({value}, mean), lower({value}, mean))"


def _last(n: int, row_px: int) -> str:
    return f"U({n * row_px}) + x"


_MEAN = (
    "two = differ(one, both(differ(one, two), load(even, x)))",
    "mean = minus(either(one, two), halved(differ(one, two)))",
)
"""Of the two middle values, or of the one; rounded half up, without leaving 16 bits."""
_LAND = "store(out, to + x, both(mean, load(some, x)))"


@numba.njit(nogil=True, cache=True)
def exchange(value, i, j, size):
    """Sort `size` pixels from `i` and from `j` on: lower values to the first, higher to the second."""
    first, second = np.uint64(i), np.uint64(j)
    for x in range(np.uint64(size)):
        a, b = value[first + x], value[second + x]
        value[first + x] = a if a < b else b
        value[second + x] = b if a < b else a
