"""From pixels to map cells, and from class probabilities to a map.

A cell is a square of `cell_px` x `cell_px` frame pixels. Axis letters: c class, y row, x column.
"""

import numba
import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError

Bool = npt.NDArray[np.bool_]
U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
F32 = npt.NDArray[np.float32]


def cell_clear(n_clear_yx: U16, cell_px: int) -> tuple[F32, U16]:
    """Return per cell the fraction of pixels with any clear look (float32), and the usual number of looks.

    The usual number is the lower median of `n_clear` over the cell's pixels (uint16): at least half of
    the pixels were seen so often or more often. `n_clear_yx` is uint16 (y, x); a bool mask works too,
    as 0 or 1 look. Raises MisuseError unless cells fit the array exactly.

    >>> fraction, looks = cell_clear(np.array([[0, 3], [4, 9]], np.uint16), 2)
    >>> float(fraction[0, 0]), int(looks[0, 0])
    (0.75, 3)
    """
    _vet_cells(n_clear_yx, cell_px)
    n_clear_yx = np.ascontiguousarray(n_clear_yx, dtype=np.uint16)
    rows, cols = n_clear_yx.shape[0] // cell_px, n_clear_yx.shape[1] // cell_px
    seen_rc = np.zeros((rows, cols), np.uint32)
    median_rc = np.zeros((rows, cols), np.uint16)
    bins = np.zeros(int(n_clear_yx.max(initial=0)) + 1, np.uint32)
    _cell_clear(n_clear_yx, cell_px, bins, seen_rc, median_rc)
    return (seen_rc / np.float64(cell_px**2)).astype(np.float32), median_rc


def cell_clear_numpy(n_clear_yx: U16, cell_px: int) -> tuple[F32, U16]:
    """Return what `cell_clear` returns; this plain twin defines it."""
    _vet_cells(n_clear_yx, cell_px)
    rows, cols = n_clear_yx.shape[0] // cell_px, n_clear_yx.shape[1] // cell_px
    cells = n_clear_yx.astype(np.uint16).reshape(rows, cell_px, cols, cell_px).swapaxes(1, 2)
    pixels = np.sort(cells.reshape(rows, cols, cell_px**2), axis=2)
    return (pixels > 0).mean(axis=2).astype(np.float32), pixels[:, :, (cell_px**2 - 1) // 2]


def summarise(prob_cyx: F32, wanted_yx: Bool) -> tuple[U8, F32, F32]:
    """Return class code (uint8, from 1), confidence and entropy (float32, 0 to 1) of each wanted pixel.

    Confidence is the largest probability, and the code its class; ties go to the smaller code. Entropy
    is Shannon's, divided by ln(number of classes): 0 sure, 1 all classes alike. All three are 0 where
    not wanted. Raises MisuseError unless there are 2 to 254 classes and the shapes agree.
    """
    _vet_prob(prob_cyx, wanted_yx)
    shape = wanted_yx.shape
    code, confidence, spread = (
        np.zeros(shape, np.uint8),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
    )
    _summarise(prob_cyx, wanted_yx, code, confidence, spread)
    return code, confidence, spread


def summarise_numpy(prob_cyx: F32, wanted_yx: Bool) -> tuple[U8, F32, F32]:
    """Return what `summarise` returns (entropy to 1e-6); this plain twin defines it."""
    _vet_prob(prob_cyx, wanted_yx)
    code = np.where(wanted_yx, prob_cyx.argmax(axis=0) + 1, 0).astype(np.uint8)
    confidence = np.where(wanted_yx, prob_cyx.max(axis=0), 0).astype(np.float32)
    return code, confidence, np.where(wanted_yx, entropy(prob_cyx), 0).astype(np.float32)


def entropy(prob_cyx: F32) -> F32:
    """Return Shannon's entropy of the classes (y, x), divided by ln(number of classes): 0 to 1.

    >>> float(entropy(np.full((4, 1, 1), 0.25, np.float32))[0, 0])
    1.0
    """
    p = prob_cyx.astype(np.float64)
    terms = p * np.log(np.where(p > 0, p, 1))
    return (-terms.sum(axis=0) / np.log(len(p))).clip(0, 1).astype(np.float32)


def _vet_cells(value_yx: U16, cell_px: int) -> None:
    if value_yx.ndim != 2 or cell_px < 1 or value_yx.shape[0] % cell_px or value_yx.shape[1] % cell_px:
        raise MisuseError("cells", expected=f"(y, x) in multiples of {cell_px} px", got=str(value_yx.shape))


def _vet_prob(prob_cyx: F32, wanted_yx: Bool) -> None:
    if prob_cyx.ndim != 3 or prob_cyx.shape[1:] != wanted_yx.shape or not 2 <= len(prob_cyx) <= 254:
        raise MisuseError(
            "class probabilities",
            expected=f"2 to 254 classes x {wanted_yx.shape}",
            got=str(prob_cyx.shape),
        )


@numba.njit(nogil=True, cache=True)
def _cell_clear(n_clear_yx, cell_px, bins, seen_rc, median_rc):
    """Count into bins; the lower median is where the running count first passes half of the cell."""
    half = (cell_px * cell_px + 1) // 2
    for r in range(seen_rc.shape[0]):
        for c in range(seen_rc.shape[1]):
            bins[:] = 0
            for y in range(r * cell_px, (r + 1) * cell_px):
                for x in range(c * cell_px, (c + 1) * cell_px):
                    bins[n_clear_yx[y, x]] += np.uint32(1)
            seen_rc[r, c] = cell_px * cell_px - bins[0]
            looks, running = 0, np.int64(bins[0])
            while running < half:
                looks += 1
                running += bins[looks]
            median_rc[r, c] = looks


@numba.njit(nogil=True, cache=True)
def _summarise(prob_cyx, wanted_yx, code, confidence, spread):
    """Classes are the inner loop, so that a pixel's sum never depends on its place in the array."""
    classes, height, width = prob_cyx.shape
    scale = 1 / np.log(np.float64(classes))
    for y in range(height):
        for x in range(width):
            if not wanted_yx[y, x]:
                continue
            best, total = 0, 0.0
            for c in range(classes):
                p = np.float64(prob_cyx[c, y, x])
                if p > prob_cyx[best, y, x]:
                    best = c
                if p > 0:
                    total -= p * np.log(p)
            code[y, x] = best + 1
            confidence[y, x] = prob_cyx[best, y, x]
            spread[y, x] = min(max(total * scale, 0.0), 1.0)
