"""What is summed up while a map is compared with its truth; the tallies of parts of a map add up.

Axes: c class, b band, k stored code, y row, x column. Unknown is NaN in values, negative in codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.layer import Layer
from eomap.kernels.scores import (
    Bins,
    Coverage,
    Errors,
    Mean,
    Outcomes,
    Seam,
    confusion,
    spectral_angle,
    structural_similarity,
)
from eomap.kernels.scores.spectra import REACH_PX

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Stored = npt.NDArray[np.integer]
HALO_CELLS = REACH_PX
"""Cells read beyond a block on every side: so far reach a window of SSIM and the neighbours of a seam."""
INNER = (..., slice(HALO_CELLS, -HALO_CELLS), slice(HALO_CELLS, -HALO_CELLS))
"""The block itself within what was read."""


@dataclass(frozen=True, slots=True)
class Part:
    """A block of a map beside its truth, with HALO_CELLS more on every side."""

    stored: Mapping[str, Stored]
    """By kind of layer: the map itself, and what speaks of it; (y, x) or (b, y, x)."""
    truth: Any
    """Classes (y, x) int64, or values (b, y, x)."""
    looks: I64 | None
    """(y, x) number to group the errors by."""
    first: tuple[int, int]
    """Row and column, on its grid, of the block's first cell."""
    tile_cells: int


@dataclass(frozen=True, slots=True)
class ClassTally:
    """A map of classes against true classes."""

    matrix_cc: I64
    """Counts (true, mapped), in legend order."""
    blank: int
    """Cells whose truth is a class of the legend, in written tiles, that the map says nothing of."""
    right: Outcomes | None = None
    """By code of the confidence layer: cells that are right, and that are not."""
    wrong: Outcomes | None = None
    """By code of the doubt layer: cells that are wrong, and that are not."""
    by: Mapping[int, Mean] = field(default_factory=dict)
    """Share right by number of looks."""

    @classmethod
    def of(cls, part: Part, layers: Mapping[str, Layer]) -> "ClassTally":
        """Return the tally of a block; `layers` are by kind, as in the part."""
        layer = layers["class"]
        classes = np.array([c.value for c in layer.legend])
        mapped, truth = part.stored["class"][INNER], part.truth[INNER]
        true, said = np.isin(truth, classes), np.isin(mapped, classes)
        both = true & said
        same = mapped[both] == truth[both]
        made: dict[str, Outcomes | None] = {"confidence": None, "doubt": None}
        for kind, happened in (("confidence", same), ("doubt", ~same)):
            if kind in part.stored:
                codes = part.stored[kind][INNER][both]
                known = codes != layers[kind].fill
                size = np.iinfo(layers[kind].dtype).max + 1
                made[kind] = Outcomes.of(codes[known], happened[known], size=size)
        by = {}
        if part.looks is not None:
            looks = part.looks[INNER][both]
            by = {int(n): Mean.of(same[looks == n]) for n in np.unique(looks) if n >= 0}
        matrix = confusion(truth, mapped, classes=classes)
        return cls(matrix, int((true & ~said).sum()), made["confidence"], made["doubt"], by)

    def __add__(self, other: "ClassTally") -> "ClassTally":
        return ClassTally(
            self.matrix_cc + other.matrix_cc,
            self.blank + other.blank,
            None if self.right is None or other.right is None else self.right + other.right,
            None if self.wrong is None or other.wrong is None else self.wrong + other.wrong,
            _added(self.by, other.by),
        )

    @property
    def cells(self) -> int:
        """Cells compared."""
        return int(self.matrix_cc.sum())


@dataclass(frozen=True, slots=True)
class ValueTally:
    """A map of values, of one or more bands, against true values."""

    errors: tuple[Errors, ...]
    """Per band."""
    bins: tuple[Bins, ...]
    """Per band, by the code that the truth would have in the map."""
    structure: tuple[Mean, ...]
    """SSIM per band; only for reflectance with bands."""
    angle_deg: Mean
    coverage: Coverage
    seam: Seam
    true_seam: Seam
    """The same of the truth, at the same places."""
    blank: int
    by: Mapping[int, Errors] = field(default_factory=dict)

    @classmethod
    def of(cls, part: Part, layers: Mapping[str, Layer], *, bands: tuple[int, ...]) -> "ValueTally":
        """Return the tally of a block; `bands` are those of the map that the truth has."""
        layer = layers["value"]
        values = _chosen(physical(part.stored["value"], layer), bands)
        both = ~(np.isnan(values) | np.isnan(part.truth))
        v, t = np.where(both, values, np.nan), np.where(both, part.truth, np.nan)
        size = min(np.iinfo(layer.dtype).max, 65535) + 1
        errors, bins, structure = [], [], []
        seam, true_seam = Seam(), Seam()
        by: Mapping[int, Errors] = {}
        for vb, tb in zip(v, t, strict=True):
            inner, true = vb[INNER], tb[INNER]
            known = ~np.isnan(inner)
            errors.append(Errors.of(inner, true))
            codes = np.rint((true[known] - layer.offset) / (layer.scale or 1.0))
            bins.append(Bins.of(codes, inner[known] - true[known], size=size))
            if is_reflectance(layer):
                structure.append(Mean.of(structural_similarity(vb, tb)))
            seam += Seam.of(vb, first=part.first, every=part.tile_cells, halo=HALO_CELLS)
            true_seam += Seam.of(tb, first=part.first, every=part.tile_cells, halo=HALO_CELLS)
            if part.looks is not None:
                by = _added(by, _errors_by(inner, true, part.looks[INNER]))
        angle = Mean.of(spectral_angle(v[INNER], t[INNER])) if is_reflectance(layer) else Mean()
        coverage = Coverage()
        if "sigma" in part.stored:
            sigma = _chosen(physical(part.stored["sigma"], layers["sigma"]), bands)
            coverage = Coverage.of(v[INNER], t[INNER], sigma[INNER])
        blank = ~np.isnan(part.truth[INNER]).all(axis=0) & np.isnan(values[INNER]).all(axis=0)
        return cls(
            tuple(errors),
            tuple(bins),
            tuple(structure),
            angle,
            coverage,
            seam,
            true_seam,
            int(blank.sum()),
            by,
        )

    def __add__(self, other: "ValueTally") -> "ValueTally":
        return ValueTally(
            tuple(a + b for a, b in zip(self.errors, other.errors, strict=True)),
            tuple(a + b for a, b in zip(self.bins, other.bins, strict=True)),
            tuple(a + b for a, b in zip(self.structure, other.structure, strict=True)),
            self.angle_deg + other.angle_deg,
            self.coverage + other.coverage,
            self.seam + other.seam,
            self.true_seam + other.true_seam,
            self.blank + other.blank,
            _added(self.by, other.by),
        )

    @property
    def cells(self) -> int:
        """Cells compared in the band that has most."""
        return max(e.n for e in self.errors)


@dataclass(frozen=True, slots=True)
class EventTally:
    """A score against whether the event was there (truth other than 0)."""

    outcomes: Outcomes
    blank: int

    @classmethod
    def of(cls, part: Part, layers: Mapping[str, Layer]) -> "EventTally":
        """Return the tally of a block."""
        layer = layers["score"]
        codes, truth = part.stored["score"][INNER], part.truth[INNER]
        said = codes != layer.fill
        if layer.no_look is not None:
            said &= codes != layer.no_look
        both = said & (truth >= 0)
        size = np.iinfo(layer.dtype).max + 1
        return cls(Outcomes.of(codes[both], truth[both] > 0, size=size), int(((truth >= 0) & ~said).sum()))

    def __add__(self, other: "EventTally") -> "EventTally":
        return EventTally(self.outcomes + other.outcomes, self.blank + other.blank)

    @property
    def cells(self) -> int:
        """Cells compared."""
        return self.outcomes.n


Tally = ClassTally | ValueTally | EventTally


def is_reflectance(layer: Layer) -> bool:
    """Say whether a layer is a spectrum of reflectance, for which PSNR, SSIM and SAM are given."""
    return len(layer.bands) > 1 and layer.unit == "1"


def physical(stored: Stored, layer: Layer) -> F64:
    """Return stored values in the layer's unit, NaN for fill and no look."""
    values = stored.astype(np.float64) * (layer.scale or 1.0) + layer.offset
    values[stored == layer.fill] = np.nan
    if layer.no_look is not None:
        values[stored == layer.no_look] = np.nan
    return values


def _chosen(values: F64, bands: tuple[int, ...]) -> F64:
    """Return the bands wanted (b, y, x); a layer without bands is its only one."""
    return values[list(bands)] if values.ndim == 3 else values[None]


def _errors_by(values: F64, truth: F64, looks: I64) -> dict[int, Errors]:
    known = looks[~np.isnan(values)]
    return {int(n): Errors.of(values[looks == n], truth[looks == n]) for n in np.unique(known) if n >= 0}


def _added(first: Mapping[int, Any], second: Mapping[int, Any]) -> dict[int, Any]:
    """Return sums by key."""
    return dict(first) | {k: first[k] + v if k in first else v for k, v in second.items()}
