"""Samples for networks that clear one look of several: a few looks of each place, in the order of the engine.

Nothing is copied: arrays are views of those of other samples. Letters: n sample, t look, b band, y, x.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.product import Looks
from eomap.nn.cloud_free import BANDS, LOOKS, RADAR, shown
from eomap.training.samples import Array, Samples, Spec
from eomap.training.twin_samples import TwinOrder, finished, twin_samples

I64 = npt.NDArray[np.int64]
_JITTER = 0.2
"""Deviation of the share of cloud by which looks are put in order: a catalogue tells that of whole scenes."""
TIMES = {"train": 8, "val": 2, "test": 3}
"""Orders of the looks of one place."""
_LEAST_COVER = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One array of one sample, made when a part of it is asked for: [..., rows, columns]."""

    make: Callable[[int, Any], npt.NDArray[Any]]
    n: int

    def __getitem__(self, at: Any) -> npt.NDArray[Any]:
        return self.make(self.n, at)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self.make(self.n, ...), dtype)


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """One array of all samples."""

    make: Callable[[int, Any], npt.NDArray[Any]]
    count: int

    def __getitem__(self, n: Any) -> _Part:
        return _Part(self.make, int(n))

    def __len__(self) -> int:
        return self.count


@dataclass(frozen=True, slots=True, eq=False)
class _Looks:
    """Which looks of which place a sample has; its arrays, or parts of them."""

    samples: Samples
    which: tuple[tuple[str, int, I64], ...]

    def some(self, n: int, what: str, at: Any = ...) -> npt.NDArray[Any]:
        level, place, order_t = self.which[n]
        rows = self.samples.array(what.format(level.lower())).rows[place]
        return np.stack([np.asarray(rows[t])[at] for t in order_t])

    def optical(self, n: int, at: Any) -> npt.NDArray[Any]:
        looks = Looks(
            self.some(n, "s2_{}_looks", at), self.some(n, "s2_{}_clear", at), np.zeros(LOOKS, np.uint16)
        )
        return shown(looks, None)[: LOOKS * len(BANDS)]

    def radar(self, n: int, at: Any) -> npt.NDArray[Any]:
        looks = self.some(n, "s1_{}_looks", at)
        return looks.reshape(-1, *looks.shape[2:])

    def surface(self, n: int, at: Any) -> npt.NDArray[Any]:
        return self.some(n, "s2_{}_cloudless", at)[0]

    def cloudless(self, n: int, at: Any) -> npt.NDArray[Any]:
        return np.where(self.some(n, "s2_{}_clear", at)[0], np.uint16(0), self.surface(n, at))

    def day(self, t: int, n: int, at: Any) -> npt.NDArray[Any]:
        return self.some(n, "s2_{}_days")[t : t + 1][at]


def arranged(samples: Samples, numbers: Sequence[tuple[str, int]], *, seed: int = 0) -> Samples:
    """Return LOOKS looks of each place, the least cloudy first but for chance, with what the first should be.

    `numbers` are pairs of level and place, such as ("L2A", 17), whose `s2_*_looks`, `_clear`, `_cloudless`,
    `_days` and `s1_*_looks` are there. Arrays: `optical` (t b, y, x) as `nn.cloud_free.shown` has it, `radar`
    (t p, y, x), `cloudless` (b, y, x), 0 where the first look is clear, the same whole as `surface`, and
    `day_1`, `day_2`, `day_3`. Samples whose first look is clear all over are left out; kinds are the levels.
    """
    which: list[tuple[str, int, I64]] = []
    for level, place in numbers:
        clear = np.asarray(samples.array(f"s2_{level.lower()}_clear").rows[place])
        cover_t = 1 - clear.mean(axis=(1, 2))
        rng = np.random.default_rng([seed, place])
        for _ in range(TIMES[str(samples.splits_n[place])]):
            taken = rng.permutation(len(cover_t))[:LOOKS]
            order_t = taken[np.argsort(cover_t[taken] + rng.normal(0, _JITTER, LOOKS))]
            if cover_t[order_t[0]] >= _LEAST_COVER:
                which.append((level, place, order_t))
    looks, count = _Looks(samples, tuple(which)), len(which)
    side = samples.array(f"s2_{numbers[0][0].lower()}_clear").spec.shape[-1]
    square = (side, side)
    views = {
        "optical": (Spec("optical", (LOOKS * len(BANDS), *square), "uint16", of="sentinel-2"), looks.optical),
        "radar": (Spec("radar", (LOOKS * len(RADAR), *square), "uint16", of="sentinel-1"), looks.radar),
        "cloudless": (Spec("cloudless", (len(BANDS), *square), "uint16"), looks.cloudless),
        "surface": (Spec("surface", (len(BANDS), *square), "uint16"), looks.surface),
    }
    for t in range(LOOKS):
        spec = Spec(f"day_{t + 1}", (1,), "int32", 0.0, nodata=None, unit="days since 1970-01-01")
        views[spec.name] = spec, partial(looks.day, t)
    places = np.array([place for _, place, _ in which])
    levels = np.array([level for level, _, _ in which])
    return Samples(
        name=f"{samples.name}, looks of {' and '.join(sorted(set(levels.tolist())))}",
        arrays={name: Array(spec, _View(make, count)) for name, (spec, make) in views.items()},
        splits_n=samples.splits_n[places],
        place_n2=samples.place_n2[places],
        synthetic=samples.synthetic,
        licence=samples.licence,
        kinds_n=levels,
    )


def looks_of_twin(order: TwinOrder) -> tuple[Samples, list[tuple[str, int]]]:
    """Return samples of the twin, and the pairs for `arranged`: every place of L2A, those kept of L1C.

    Only L2A is made where it is missing; L1C are those that are there already.
    """
    both = [twin_samples(order, ["s2_l2a_looks"])]
    numbers = [("L2A", n) for n in range(len(both[0].splits_n))]
    kept = finished(order, "looks_l1c")
    if kept is not None:
        both.append(kept[0])
        numbers += [("L1C", int(n)) for n in kept[1]]
    return replace(both[0], arrays={k: v for s in both for k, v in s.arrays.items()}), numbers
