"""Windows of samples: what a network is fed and what it should say, drawn for training, laid out for judging.

A batch is a pure function of recipe, samples, seed and step, so a training that was interrupted goes on as if
nothing had been. Axis letters: n window, c channel, k output, y and x pixels, rows and cols cells.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.recipe import Picture, Recipe
from eomap.errors import MisuseError
from eomap.training.samples import Samples

F32 = npt.NDArray[np.float32]
_TRIES = 6
"""Draws of a window before one without truth or pixels is taken after all."""
_MEASURED = 96
"""Samples that means and deviations are measured on."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Windows to feed at once."""

    code_ncyx: F32
    """0 where unseen."""
    aside_na: F32
    target_nkrc: F32
    """NaN where nobody knows."""


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The windows that a recipe takes of samples."""

    recipe: Recipe
    samples: Samples

    def __post_init__(self) -> None:
        extents = {self._extent_m(name) for name in self._rasters}
        if len(extents) != 1 or self.side_m > min(extents):
            raise MisuseError(
                f"samples {self.samples.name}",
                expected=f"arrays of one extent, {self.side_m} m or more",
                got=", ".join(f"{n} {self._extent_m(n):g} m" for n in self._rasters),
            )

    @property
    def side_m(self) -> int:
        """Of a window."""
        return self.recipe.side_px * self.recipe.pixel_m

    @property
    def _rasters(self) -> list[str]:
        return [n for n in self.recipe.arrays if self.samples.array(n).spec.pixel_m]

    def _extent_m(self, name: str) -> float:
        spec = self.samples.array(name).spec
        return spec.shape[-1] * spec.pixel_m

    @property
    def _align_m(self) -> int:
        """Windows begin at whole pixels of every array."""
        sizes = {round(self.samples.array(n).spec.pixel_m) for n in self._rasters}
        return math.lcm(self.recipe.pixel_m * self.recipe.cell_px, *sizes)

    @property
    def places(self) -> int:
        """At how many offsets a window may begin, along one axis."""
        extent = round(self._extent_m(self._rasters[0]))
        return (extent - self.side_m) // self._align_m + 1

    def batch(self, seed: int, step: int, *, part: slice = slice(None)) -> Batch:
        """Return the training windows of a step; `part` of them, where several processes share a batch."""
        numbers = self.samples.of("train")
        which = range(*part.indices(self.recipe.batch))
        return _stacked([self._drawn(numbers, np.random.default_rng([seed, step, n])) for n in which])

    def _drawn(self, numbers: npt.NDArray[np.int64], rng: np.random.Generator) -> tuple[F32, F32, F32]:
        for _ in range(_TRIES):
            n = int(numbers[rng.integers(len(numbers))])
            at = (int(rng.integers(self.places)), int(rng.integers(self.places)))
            picks = [int(rng.integers(len(p.arrays))) for p in self.recipe.pictures]
            code, aside, target = self.window(n, at, picks)
            if np.isfinite(target).any() and code[: self.recipe.pictures[0].channels].any():
                break
        return varied(code, aside, target, self.recipe, rng)

    def window(self, n: int, at: tuple[int, int], picks: Sequence[int] | None = None) -> tuple[F32, F32, F32]:
        """Return codes (c, y, x), the numbers beside (a,) and the target (k, rows, cols) of one window.

        `at`: offset by rows and columns in steps of the common pixel; `picks`: which array of each picture.
        """
        picks = picks or [0] * len(self.recipe.pictures)
        chosen = [p.arrays[k] for p, k in zip(self.recipe.pictures, picks, strict=True)]
        codes = [self._code(name, n, at) for name in chosen]
        for picture, code in zip(self.recipe.pictures, codes, strict=True):
            if len(code) != picture.channels:
                raise MisuseError(
                    f"picture of {picture.of}", expected=f"{picture.channels} channels", got=str(len(code))
                )
        known = {name: self._physical(name, n, at) for name in self.recipe.truth}
        return np.concatenate(codes), self._beside(n), np.asarray(self.recipe.target(known), np.float32)

    def _cut(self, name: str, n: int, at: tuple[int, int]) -> npt.NDArray[Any]:
        array = self.samples.array(name)
        pixel_m = round(array.spec.pixel_m)
        row, col = (k * self._align_m // pixel_m for k in at)
        side = self.side_m // pixel_m
        return np.asarray(array.rows[n][..., row : row + side, col : col + side])

    def _code(self, name: str, n: int, at: tuple[int, int]) -> F32:
        code = self._cut(name, n, at).astype(np.float32)
        flat = code.reshape(-1, *code.shape[-2:])
        return resized(flat, round(self.samples.array(name).spec.pixel_m), self.recipe.pixel_m)

    def _physical(self, name: str, n: int, at: tuple[int, int]) -> F32:
        return self.samples.array(name).spec.physical(self._cut(name, n, at))

    def _beside(self, n: int) -> F32:
        lon, lat = (float(v) for v in self.samples.place_n2[n])
        found: list[float] = []
        for name in self.recipe.aside:
            if name in ("lon_deg", "lat_deg"):
                found.append(lon if name == "lon_deg" else lat)
            else:
                found += [float(v) for v in np.atleast_1d(self.samples.array(name).rows[n])]
        return np.array(found, np.float32)

    @property
    def aside_names(self) -> tuple[str, ...]:
        """Name of every number told beside the pixels: of an array of several days_1, days_2 and so on."""
        names: list[str] = []
        for name in self.recipe.aside:
            several = name not in ("lon_deg", "lat_deg") and self.samples.array(name).spec.shape != ()
            count = int(np.prod(self.samples.array(name).spec.shape)) if several else 1
            names += [name] if count == 1 else [f"{name}_{k + 1}" for k in range(count)]
        return tuple(names)

    def judged(self, split: str, *, most: int | None = None) -> Iterator[Batch]:
        """Yield the windows of a split, always the same: those in the middle of each sample, one each.

        At most `most` samples, evenly chosen. Windows whose first picture is all gap are left out.
        """
        numbers = self.samples.of(split)
        if most is not None and len(numbers) > most:
            numbers = numbers[np.linspace(0, len(numbers) - 1, most).round().astype(int)]
        middle = ((self.places - 1) // 2,) * 2
        found: list[tuple[F32, F32, F32]] = []
        for n in numbers:
            window = self.window(int(n), middle)
            if window[0][: self.recipe.pictures[0].channels].any():
                found.append(window)
            if len(found) == self.recipe.batch:
                yield _stacked(found)
                found = []
        if found:
            yield _stacked(found)

    def measured(self) -> tuple[list[float], list[float]]:
        """Return mean and deviation of the codes of every channel, of what was seen in training samples.

        Looks of one picture share those of their bands: any of them may come first.
        """
        numbers = self.samples.of("train")
        chosen = numbers[np.linspace(0, len(numbers) - 1, min(_MEASURED, len(numbers))).round().astype(int)]
        mean: list[float] = []
        std: list[float] = []
        for picture in self.recipe.pictures:
            m, s = self._measured(picture, chosen)
            mean += m * max(picture.looks, 1)
            std += s * max(picture.looks, 1)
        return mean, std

    def _measured(self, picture: Picture, chosen: npt.NDArray[np.int64]) -> tuple[list[float], list[float]]:
        count, total, square = (np.zeros(len(picture.bands)) for _ in range(3))
        for n in chosen:
            for name in picture.arrays:
                code = self._code(name, int(n), (0, 0))[:, ::3, ::3].astype(np.float64)
                code = code.reshape(-1, len(picture.bands), code.shape[-2] * code.shape[-1])
                seen = code > 0
                count += seen.sum(axis=(0, 2))
                total += code.sum(axis=(0, 2))
                square += (code * code).sum(axis=(0, 2))
        count = np.maximum(count, 1)
        mean = total / count
        std = np.sqrt(np.maximum(square / count - mean**2, 0))
        return mean.tolist(), np.maximum(std, 1.0).tolist()


def resized(code_cyx: F32, from_m: int, to_m: int) -> F32:
    """Return codes on larger pixels (mean of what was seen, whole) or smaller ones (the pixel there).

    >>> resized(np.array([[[0, 4], [2, 6]]], np.float32), 10, 20).tolist()
    [[[4.0]]]
    """
    if from_m == to_m:
        return code_cyx
    if from_m > to_m and from_m % to_m == 0:
        return code_cyx.repeat(from_m // to_m, axis=1).repeat(from_m // to_m, axis=2)
    if to_m % from_m:
        raise MisuseError("pixels", expected=f"a multiple or a part of {from_m} m", got=f"{to_m} m")
    by = to_m // from_m
    c, height, width = code_cyx.shape
    cells = code_cyx.reshape(c, height // by, by, width // by, by)
    seen = (cells > 0).sum(axis=(2, 4))
    mean = cells.sum(axis=(2, 4)) / np.maximum(seen, 1)
    return np.where(seen > 0, np.maximum(np.rint(mean), 1), 0).astype(np.float32)


def varied(
    code: F32, aside: F32, target: F32, recipe: Recipe, rng: np.random.Generator
) -> tuple[F32, F32, F32]:
    """Return a window as another day, another sun or another cloud might have given it."""
    how, at = recipe.variation, 0
    code = code.copy()
    for n, picture in enumerate(recipe.pictures):
        part = code[at : at + picture.channels]
        at += picture.channels
        if picture.of in ("sentinel-2", "enmap") and how.gain:
            gain = np.exp(how.gain * rng.normal() + how.gain / 3 * rng.normal(size=len(picture.bands)))
            seen = part > 0
            part *= np.tile(gain, max(picture.looks, 1)).astype(np.float32)[:, None, None]
            np.copyto(part, np.maximum(np.rint(part), 1), where=seen)
        if rng.random() < how.gaps:
            _hide(part, rng)
        if picture.optional and n and rng.random() < how.without:
            part[:] = 0
    if how.turns:
        which = int(rng.integers(8))
        code, target = (_turned(a, which) for a in (code, target))
    return np.ascontiguousarray(code), aside, np.ascontiguousarray(target)


def _hide(part_cyx: F32, rng: np.random.Generator) -> None:
    """Take away what lies on one side of a line, or within a rectangle."""
    _, height, width = part_cyx.shape
    row, col = np.mgrid[:height, :width]
    if rng.random() < 0.5:
        turn = rng.uniform(0, 2 * np.pi)
        across = np.cos(turn) * (row - height / 2) + np.sin(turn) * (col - width / 2)
        hidden = across > rng.uniform(0, height / 2)
    else:
        r, c = rng.uniform(0, height), rng.uniform(0, width)
        tall, wide = rng.uniform(height / 16, height / 4), rng.uniform(width / 16, width / 4)
        hidden = (np.abs(row - r) < tall) & (np.abs(col - c) < wide)
    part_cyx[:, hidden] = 0


def _turned(array: F32, which: int) -> F32:
    if which >= 4:
        array = array[:, :, ::-1]
    return np.rot90(array, which % 4, (1, 2))


def _stacked(found: Sequence[tuple[F32, F32, F32]]) -> Batch:
    code, aside, target = (np.stack(part) for part in zip(*found, strict=True))
    return Batch(code, aside, target)
