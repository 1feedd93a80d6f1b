"""Sorting networks written out for one number of rows, and the middle that they find.

A network of comparators that looks at no value before it moves it sorts a whole vector of pixels at once.
Written out as straight-line code, its values stay in registers, and comparators that nothing asks for fall
away. Numba keeps what it compiled on disk, one entry per number of rows, so a machine compiles each once.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

CHUNK_PX = 256
"""Pixels in a row that is sorted side by side; ten rows of them fit the first-level cache."""
ROW_PX = CHUNK_PX + 32
"""From one row to the next. A power of two would send all rows to the same few sets of the cache."""
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
def middle_of(n: int) -> Callable[..., Any]:
    """Return the compiled kernel `middle(value_tx, even_x, out_x)` for n rows of CHUNK_PX pixels, uint16.

    `value_tx` is flat and may be overwritten. `out_x` becomes the middle value, or the mean of the two
    middle ones, rounded half up, where `even_x` is 65535 (0 elsewhere).
    """
    rows = numba.uint16[::1]
    source = _written_out(n) if n <= WRITTEN_OUT else _looped(n)
    scope = {"_NETWORK": sorting_network(n), "exchange": exchange}
    return compiled(source, f"middle_{n}", numba.uint16(rows, rows, rows), scope)


def compiled(source: str, name: str, signature: Any, scope: dict[str, Any]) -> Callable[..., Any]:
    """Return the function `name` of a Python text, compiled, for kernels to call; one kept on disk if it is.

    The text may use what is in `scope` and must follow from the name alone.
    """
    scope = {"__name__": __name__, **scope}
    # Under this file's name: Numba's cache then belongs to this file, and is void when it changes.
    exec(compile(source, __file__, "exec"), scope)
    return numba.cfunc(signature, cache=True, error_model="numpy")(scope[name])


def _written_out(n: int) -> str:
    """Return Python text that holds one value of each row in a variable of its own."""
    alone, other = middle_ranks(n)
    lines = [f"v{t} = value[{t * ROW_PX} + x]" for t in range(n)]
    for i, j in sorting_network(n).tolist():
        lines.append(f"v{i}, v{j} = min(v{i}, v{j}), max(v{i}, v{j})")
    lines.append(f"a, b = v{alone}, v{other}")
    return _function(n, [f"for x in range({CHUNK_PX}):", *("    " + line for line in lines), *_AVERAGE])


def _looped(n: int) -> str:
    """Return Python text that sorts the rows in memory."""
    alone, other = middle_ranks(n)
    return _function(
        n,
        [
            f"for k in range({len(sorting_network(n))}):",
            f"    exchange(value, _NETWORK[k, 0] * {ROW_PX}, _NETWORK[k, 1] * {ROW_PX})",
            f"for x in range({CHUNK_PX}):",
            f"    a, b = value[{alone * ROW_PX} + x], value[{other * ROW_PX} + x]",
            *_AVERAGE,
        ],
    )


_AVERAGE = ("    b = a ^ ((a ^ b) & even[x])", "    out[x] = (a | b) - ((a ^ b) >> 1)")
"""The mean rounded half up, without leaving 16 bits."""


def _function(n: int, lines: list[str]) -> str:
    return "\n    ".join([f"def middle_{n}(value, even, out):", *lines, "return out[0]"]) + "\n"


@numba.njit(nogil=True, cache=True)
def exchange(value, i, j):
    """Sort the rows that start at `i` and `j`: lower values into the first, higher into the second."""
    first, second = np.uint64(i), np.uint64(j)
    for x in range(np.uint64(CHUNK_PX)):
        a, b = value[first + x], value[second + x]
        value[first + x] = a if a < b else b
        value[second + x] = b if a < b else a
