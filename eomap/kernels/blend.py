"""A canvas of summed windows made into a map: class, confidence, entropy, out-of-distribution, count.

Axis letters: c class, y row, x column.
"""

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.kernels.mosaic import UNIT_F32, Canvas

U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
F32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Blend:
    """A finished map (y, x); all is 0 where no window saw the pixel."""

    code: U8
    """Class from 1; ties go to the smaller code."""
    confidence: F32
    """Largest mean probability."""
    entropy: F32
    """Shannon's, divided by ln(number of classes): 0 sure, 1 all classes alike."""
    ood: F32
    count: U16


def finished(canvas: Canvas, *, as_f32: bool = False) -> Blend:
    """Return the map of a canvas whose windows were uint8, or float32 if `as_f32`.

    Means are divided by their sum over the classes, so rounded probabilities need not add up to 1. Raises
    MisuseError where weights are too heavy for exact sums: about 8 full windows of float32, 2,000 of uint8.
    """
    _vet_weights(canvas, as_f32)
    shape = canvas.weight_yx.shape
    code, confidence, entropy = (
        np.zeros(shape, np.uint8),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
    )
    _finish(canvas.sum_cyx, code, confidence, entropy)
    return Blend(code, confidence, entropy, canvas.ood_yx, canvas.count_yx)


def finished_numpy(canvas: Canvas, *, as_f32: bool = False) -> Blend:
    """Return what `finished` returns (entropy to 2e-6); this plain twin defines it."""
    _vet_weights(canvas, as_f32)
    total = canvas.sum_cyx.sum(axis=0, dtype=np.uint32)
    known = total > 0
    top = canvas.sum_cyx.max(axis=0).astype(np.float32)
    confidence = top / np.where(known, total, 1).astype(np.float32)
    p = canvas.sum_cyx / np.where(known, total, 1).astype(np.float64)
    terms = -(p * np.log(np.where(p > 0, p, 1))).sum(axis=0) / np.log(len(p))
    code = np.where(known, canvas.sum_cyx.argmax(axis=0) + 1, 0).astype(np.uint8)
    return Blend(code, confidence, terms.clip(0, 1).astype(np.float32), canvas.ood_yx, canvas.count_yx)


def _vet_weights(canvas: Canvas, as_f32: bool) -> None:
    heaviest = int(canvas.weight_yx.max(initial=0))
    most = 2**31 // (UNIT_F32 if as_f32 else 255)
    if not 2 <= len(canvas.sum_cyx) <= 254 or heaviest > most:
        raise MisuseError(
            "mosaic",
            expected=f"2 to 254 classes and weights up to {most}",
            got=f"{len(canvas.sum_cyx)} and {heaviest}",
        )


@numba.njit(cache=True, nogil=True)
def _finish(sum_cyx, code, confidence, entropy):
    classes, height, width = sum_cyx.shape
    total, top, best = np.empty(width, np.uint32), np.empty(width, np.uint32), np.empty(width, np.uint32)
    share = np.empty(width, np.float32)
    bits, exponent, mantissa = share.view(np.int32), np.empty(width, np.float32), np.empty(width, np.int32)
    m, inverse = mantissa.view(np.float32), np.empty(width, np.float32)
    scale = np.float32(1 / np.log(np.float64(classes)))
    for y in range(height):
        total[:], top[:], best[:] = np.uint32(0), np.uint32(0), np.uint32(0)
        for c in range(classes):
            _rank(sum_cyx[c, y], np.uint32(c + 1), total, top, best)
        _invert(total, inverse)
        for c in range(classes):
            for x in range(width):
                share[x] = np.float32(sum_cyx[c, y, x]) * inverse[x]
            _split(bits, exponent, mantissa)
            _add_terms(share, exponent, m, entropy[y])
        _divide(top, total, confidence[y])
        for x in range(width):
            code[y, x] = best[x]
            entropy[y, x] = min(max(entropy[y, x] * scale, np.float32(0)), np.float32(1))


@numba.njit(cache=True, nogil=True)
def _rank(sum_x, code, total, top, best):
    for x in range(len(sum_x)):
        s = sum_x[x]
        total[x] += s
        best[x] = code if s > top[x] else best[x]
        top[x] = max(top[x], s)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _divide(sum_x, total, share):
    for x in range(len(sum_x)):
        share[x] = np.float32(sum_x[x]) / np.float32(max(total[x], np.uint32(1)))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _invert(total, inverse):
    for x in range(len(total)):
        inverse[x] = np.float32(1) / np.float32(max(total[x], np.uint32(1)))


@numba.njit(cache=True, nogil=True)
def _split(bits, exponent, mantissa):
    """Take floats of 32 bits apart: p = m 2**e, m from sqrt(1/2) to sqrt(2)."""
    for x in range(len(bits)):
        e = (bits[x] - np.int32(0x3F3504F3)) >> np.int32(23)
        exponent[x] = np.float32(e)
        mantissa[x] = bits[x] - (e << np.int32(23))


@numba.njit(cache=True, nogil=True, error_model="numpy")  # a test for division by zero would bar SIMD
def _add_terms(p, exponent, m, entropy):
    """Add -p ln p, by ln m = 2 artanh((m - 1) / (m + 1)). The logarithm of 0 is finite here."""
    one, two, ln2 = np.float32(1), np.float32(2), np.float32(0.6931471805599453)
    k3, k5, k7 = np.float32(1 / 3), np.float32(1 / 5), np.float32(1 / 7)
    for x in range(len(p)):
        s = (m[x] - one) / (m[x] + one)
        s2 = s * s
        ln_m = two * s * (one + s2 * (k3 + s2 * (k5 + s2 * k7)))
        entropy[x] -= p[x] * (exponent[x] * ln2 + ln_m)
