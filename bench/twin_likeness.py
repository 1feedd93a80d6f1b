"""Print how like the twin's pixels are to those of real samples, class by class: docs/explanation/twin.md.

    EOMAP_SHARED=../shared python bench/twin_likeness.py

For each real sample, twin scenes within 0.8 degrees of it, near its day and under its sun; classes are those
of the labels. RMSE of the class means over ten bands, spreads, and a two-sample test: with what
AUC a classifier of spectra tells the pixels of the two apart. Two halves of the real sample itself, north and
south, tell what that test gives for real pixels of one place. Reads each real sample once and sets nothing.
"""

from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import twin_report
from scipy.spatial import KDTree
from scipy.stats import rankdata
from twin_samples import NAMES, REAL, Sample, beside, boosted, drawn, real_sample, twin_sample
from twin_scores import BLOCK_PX, DRAWS, FEWEST_PX, Interval

from eomap.sensors.sentinel2 import LCZ_BANDS

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
SEED, SCENES, SIDE_PX = 51, 8, 240
LIBRARY_SEED, LIBRARY, POOL = 33, 30, 90_000


def told_apart(first: list[F32], other: list[F32]) -> float:
    """Return the AUC with which a classifier tells pixels of two sets apart: 0.5 not at all, 1 always.

    Each set comes in two halves of pixels (n, b): it learns from the first halves and is asked of the second.
    """
    rng = np.random.default_rng(9)
    n = min(1500, *(len(half) for half in (*first, *other)))
    parts = [[half[rng.choice(len(half), n, replace=False)] for half in both] for both in (first, other)]
    known = np.repeat(np.array([0, 1], np.uint8), n)
    model = boosted(np.concatenate([parts[0][0], parts[1][0]]), known)
    rank = rankdata(model.chances(np.concatenate([parts[0][1], parts[1][1]]))[:, 1])
    return float((rank[known == 1].sum() - n * (n + 1) / 2) / n**2)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like the pixels of one class are to those of a real sample."""

    place: str
    name: str
    pixels: tuple[int, int]
    """Real, twin."""
    rmse: Interval
    """Of the class mean over LCZ_BANDS, reflectance, with its interval."""
    real_mean: tuple[float, ...]
    twin_mean: tuple[float, ...]
    real_spread: tuple[float, ...]
    twin_spread: tuple[float, ...]
    auc: float
    """Two-sample test, twin against real."""
    halves_auc: float
    """The same of the real sample's north and south: what two real samples of one place give."""


def _halves(samples: list[Sample], code: int) -> list[F32]:
    """Return a class's pixels (n, b) on the black and on the white squares of a board."""
    out: list[list[F32]] = [[], []]
    for s in samples:
        row, col = np.indices(s.code_yx.shape) // BLOCK_PX
        for half, pixels in enumerate(out):
            pixels.append(s.surface_byx[:, (s.code_yx == code) & ((row + col) % 2 == half)].T)
    return [np.concatenate(p) for p in out]


def block_sums(seen_byx: npt.NDArray[Any], code_yx: U8, code: int) -> F64:
    """Return of every square with a class the sums of its bands, and last its pixels (square, b + 1)."""
    out = []
    for row in range(0, code_yx.shape[0], BLOCK_PX):
        for col in range(0, code_yx.shape[1], BLOCK_PX):
            cut = slice(row, row + BLOCK_PX), slice(col, col + BLOCK_PX)
            own = seen_byx[:, *cut][:, code_yx[cut] == code]
            if own.size:
                out.append([*own.sum(axis=1, dtype=np.float64), own.shape[1]])
    return np.array(out)


def _parts(sample: Sample, code: int) -> list[list[F32]]:
    """Return the same as `_halves` of the north and of the south of a scene."""
    half = sample.code_yx.shape[0] // 2
    cuts = slice(None, half), slice(half, None)
    return [
        _halves([Sample("", sample.top_byx, sample.surface_byx[:, cut], sample.code_yx[cut], False)], code)
        for cut in cuts
    ]


def likeness(real: Sample, made: list[Sample]) -> list[Likeness]:
    """Return how like the twin is to a real sample, for each class that both have."""
    found, rng = [], np.random.default_rng(3)
    for code, name in NAMES.items():
        halves = _halves([real], code), _halves(made, code)
        if min(len(h) for both in halves for h in both) < FEWEST_PX // 2:
            continue
        sums = [
            np.concatenate([block_sums(s.surface_byx, s.code_yx, code) for s in some if code in s.code_yx])
            for some in ([real], made)
        ]

        def off(*chosen: F64) -> float:
            a, b = (c.sum(0) for c in chosen)
            return float(np.sqrt(np.mean((a[:-1] / a[-1] - b[:-1] / b[-1]) ** 2)))

        draws = [off(*(s[rng.integers(0, len(s), len(s))] for s in sums)) for _ in range(DRAWS)]
        low, high = np.quantile(draws, (0.025, 0.975))
        pixels = [np.concatenate(both) for both in halves]
        mean, spread = ([tuple(f(p, axis=0).tolist()) for p in pixels] for f in (np.mean, np.std))
        north_south = _parts(real, code)
        enough = min(len(h) for both in north_south for h in both) >= 50
        found.append(
            Likeness(
                real.name, name, (len(pixels[0]), len(pixels[1])), (off(*sums), float(low), float(high)),
                mean[0], mean[1], spread[0], spread[1],
                told_apart(*halves), told_apart(*north_south) if enough else float("nan"),
            )
        )  # fmt: skip
    return found


def likenesses() -> list[Likeness]:
    """Return those of all real samples."""
    found = []
    for place in REAL:
        made = [twin_sample(p) for p in beside(place, SCENES, seed=SEED, side_px=SIDE_PX)]
        found += likeness(real_sample(place), made)
    return found


def nearest() -> list[dict[str, float | str]]:
    """Return the RMSE between pixels of each real sample and the nearest of all the twin's, by quartiles.

    The twin's are POOL pixels of LIBRARY scenes all over the world and the year: what it can look like.
    """
    rng, pool = np.random.default_rng(1), []
    for place in islice(drawn(LIBRARY_SEED, side_px=SIDE_PX), LIBRARY):
        seen = twin_sample(place).surface_byx.reshape(len(LCZ_BANDS), -1)
        pool.append(seen[:, rng.choice(seen.shape[1], POOL // LIBRARY, replace=False)].T)
    tree, found = KDTree(np.concatenate(pool)), []
    for name in REAL:
        seen = real_sample(name).surface_byx.reshape(len(LCZ_BANDS), -1)
        far, _ = tree.query(seen[:, rng.choice(seen.shape[1], 2000, replace=False)].T)
        quartiles = np.percentile(far / np.sqrt(len(LCZ_BANDS)), (25, 50, 75)).tolist()
        found.append({"place": name} | dict(zip(("25 %", "median", "75 %"), quartiles, strict=True)))
    return found


def figures() -> dict[str, Any]:
    """Return all that this script finds, as plain values."""
    return {"classes": [asdict(f) for f in likenesses()], "nearest pixel": nearest()}


if __name__ == "__main__":
    print(twin_report.likeness(figures()))
