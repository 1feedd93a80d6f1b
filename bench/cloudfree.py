"""Measure cloud-free pictures beside what every network has to beat, on the twin and on real scenes.

    EOMAP_SHARED=../shared python bench/cloudfree.py twin|real [--json FILE]

`twin`: the test split of twin://places=240,seed=7 (EOMAP_CACHE), regions that were not trained on; one window
of 256 px a place, three looks and radar, against the same pass under a sky without a cloud. `real`: clear
scenes of Slovenia (L1C) and Punjab (L1C), read by the engine, behind real cloud of another date: its pixels
are put over half of the clear scene, which is then the first look, beside one or two looks of other dates;
the error is against what was hidden. Beside the network: the least cloudy look, the mean of clear looks, the
median and the geometric median of clear looks. Where no look is clear, those take all looks. The network's
sigma is judged by the share of errors within it. `usual mae` is the geometric mean over pictures of their
mean absolute error: new snow under a cloud, which nobody can know, decides the mean. One thread.
"""

import argparse
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from eomap import api
from eomap.api.running import scene_of
from eomap.core.product import Looks
from eomap.io.pixels import RasterReader
from eomap.io.registry import model
from eomap.io.weights import load_network, weights_path
from eomap.kernels.geomedian import geomedian
from eomap.kernels.median import median_composite
from eomap.kernels.scores import Errors, Mean, Picture, spectral_angle
from eomap.kernels.unclouded import clear_mosaic, least_cloudy
from eomap.nn.cloud_free import BANDS, LOOKS, MODEL, OBSCURED, RADAR, cleared
from eomap.nn.windows import Windowed
from eomap.products.cloudfree import PRODUCT
from eomap.training.arranged import arranged, looks_of_twin
from eomap.training.twin_samples import TwinOrder
from eomap.worker import Job, sight_of

F32 = npt.NDArray[np.float32]
SHARED = Path(os.environ.get("EOMAP_SHARED", Path(__file__).parents[2] / "shared"))
CATALOG = SHARED / "data/catalog/catalog.json"
SIDE_PX, MIDDLE_PX = 256, 128
"""Of a window; and of its middle, of which whole pictures are scored, as SSIM takes its time."""
REGIMES = {"light": (0.0, 0.3), "medium": (0.3, 0.7), "heavy": (0.7, 1.01)}
"""Mean share of cloud of the looks."""
SLOVENIA, PUNJAB = "14.5515,45.8661,14.5641,45.8748", "73.2935,30.4530,73.3185,30.4750"
CLEAR = ("2015-07-11", "2015-08-30", "2015-09-09")
CLOUDY = ("2015-07-31", "2015-08-20")


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Looks, and the first of them as it is without clouds."""

    name: str
    optical: Looks
    radar: Looks | None
    truth_byx: F32


@dataclass(frozen=True, slots=True)
class Asked:
    """The network, and the same with nothing of its own added: other looks in the light of the first."""

    whole: Windowed
    rough: Windowed


def predictor() -> Asked:
    """Return the network."""
    entry = model(MODEL)
    whole, rough = (load_network(entry, weights_path(entry)) for _ in range(2))
    rough.module.trust_sb.zero_()  # type: ignore[attr-defined]
    return Asked(Windowed(whole), Windowed(rough))


def filled(case: Case, predict: Windowed) -> Any:
    """Return the network's picture; its windows begin at the corner of the looks."""
    halo = predict.halo_px
    return cleared(
        _widened(case.optical, halo),
        None if case.radar is None else _widened(case.radar, halo),
        predict,
        wanted_yx=np.ones(case.optical.clear_tyx.shape[1:], bool),
        origin_rc=(0, 0),
    )


def pictures(case: Case, asked: Asked) -> tuple[dict[str, F32], F32, npt.NDArray[np.uint8]]:
    """Return the picture of each method in codes (b, y, x), the network's sigma, and its sources."""
    looks, made = case.optical, filled(case, asked.whole)
    seen = (looks.code_tbyx > 0).all(axis=1)
    clear = looks.clear_tyx & seen
    used = np.where(clear.any(axis=0), clear, seen)
    value = looks.code_tbyx.astype(np.float32)
    found = {
        "cloudfree": made.code_byx.astype(np.float32),
        "rough": filled(case, asked.rough).code_byx.astype(np.float32),
        "least cloudy": least_cloudy(value, clear),
        "clear mosaic": clear_mosaic(value, used, fallback=0.0),
        "median": median_composite(looks.code_tbyx, used)[0].astype(np.float32),
        "geomedian": np.nan_to_num(geomedian(looks.code_tbyx, used)[0]).astype(np.float32),
    }
    return found, made.sigma_byx.astype(np.float32), made.source_yx


def _widened(looks: Looks, by: int) -> Looks:
    around = ((by, by), (by, by))
    return Looks(
        np.pad(looks.code_tbyx, ((0, 0), (0, 0), *around)),
        np.pad(looks.clear_tyx, ((0, 0), *around)),
        looks.day_t,
    )


@dataclass(slots=True)
class Sums:
    """Of one method over cases."""

    every: Errors = field(default_factory=Errors)
    unseen: Errors = field(default_factory=Errors)
    log_mae: Mean = field(default_factory=Mean)
    psnr_db: Mean = field(default_factory=Mean)
    sam_deg: Mean = field(default_factory=Mean)
    middle: Picture | None = None

    def add(self, value_byx: F32, truth_byx: F32, unseen_yx: npt.NDArray[np.bool_]) -> None:
        """Take one more picture, in codes."""
        value, truth = value_byx / 1e4, truth_byx / 1e4
        hidden = np.where(unseen_yx, value, np.nan)
        self.every += Errors.of(value, truth)
        errors = Errors.of(hidden, truth)
        self.unseen += errors
        self.log_mae += Mean.of([math.log(max(errors.mae, 1e-6))])
        self.psnr_db += Mean.of([errors.psnr(1.0)])
        self.sam_deg += Mean.of([Mean.of(spectral_angle(hidden, truth)).value])
        (height, width), half = value.shape[1:], MIDDLE_PX // 2
        at = np.s_[
            ...,
            max(height // 2 - half, 0) : height // 2 + half,
            max(width // 2 - half, 0) : width // 2 + half,
        ]
        one = Picture.of(value[at], truth[at])
        self.middle = one if self.middle is None else self.middle + one

    def figures(self) -> dict[str, Any]:
        """Return what is printed, in reflectance."""
        said: dict[str, Any] = {
            "not seen": {
                "mae": self.unseen.mae,
                "rmse": self.unseen.rmse,
                "usual mae": math.exp(self.log_mae.value),
                "psnr_db": self.psnr_db.value,
                "sam_deg": self.sam_deg.value,
                "n": self.unseen.n,
            },
            "all": {"mae": self.every.mae, "rmse": self.every.rmse, "n": self.every.n},
        }
        if self.middle is not None:
            said["all"] |= {
                "psnr_db": self.middle.psnr_db.value,
                "sam_deg": self.middle.sam_deg.value,
                "ssim": self.middle.ssim.value,
            }
        return said


def measured(cases: Iterator[tuple[str, Case]], asked: Asked) -> dict[str, Any]:
    """Return figures by group and method; cases whose first look is clear everywhere are left out.

    `cloudfree without radar` is the network with zeros in the place of radar, `rough` what it starts from:
    the other looks in the light of the first.
    """
    sums: dict[str, dict[str, Sums]] = {}
    covered: dict[str, list[npt.NDArray[np.bool_]]] = {}
    counts: dict[str, int] = {}
    for group, case in cases:
        clear = case.optical.clear_tyx[0] & (case.optical.code_tbyx[0] > 0).all(axis=0)
        if (~clear).sum() < 100:
            continue
        made, sigma, source = pictures(case, asked)
        if case.radar is not None:
            made["cloudfree without radar"] = filled(replace(case, radar=None), asked.whole).code_byx.astype(
                np.float32
            )
        unseen = source > 1
        counts[group] = counts.get(group, 0) + 1
        for name, value in made.items():
            sums.setdefault(group, {}).setdefault(name, Sums()).add(value, case.truth_byx, unseen)
        off = np.abs(made["cloudfree"] - case.truth_byx)[:, unseen]
        covered.setdefault(group, []).append((off <= sigma[:, unseen]).ravel())
    return {
        group: {
            "pictures": counts[group],
            "within 1 sigma": float(np.concatenate(covered[group]).mean()),
            "methods": {name: s.figures() for name, s in by.items()},
        }
        for group, by in sums.items()
    }


def twin_cases() -> Iterator[tuple[str, Case]]:
    """Yield the test windows by level and regime."""
    samples, numbers = looks_of_twin(TwinOrder())
    some = arranged(samples, [n for n in numbers if samples.splits_n[n[1]] == "test"])
    margin = (some.array("optical").spec.shape[-1] - SIDE_PX) // 2
    at = np.s_[..., margin : margin + SIDE_PX, margin : margin + SIDE_PX]
    last = (-1.0, -1.0)
    for n in range(len(some.splits_n)):
        place = tuple(some.place_n2[n])
        if place == last:  # one order of the looks of each place
            continue
        last = place
        shown = some.array("optical").rows[n][at].reshape(LOOKS, len(BANDS), SIDE_PX, SIDE_PX)
        hidden = (shown >= OBSCURED).any(axis=1)
        seen = (shown > 0).all(axis=1)
        days = np.array([some.array(f"day_{t + 1}").rows[n][0] for t in range(LOOKS)], np.uint16)
        optical = Looks(shown - np.uint16(OBSCURED) * hidden[:, None], seen & ~hidden, days)
        heard = some.array("radar").rows[n][at].reshape(LOOKS, len(RADAR), SIDE_PX, SIDE_PX)
        radar = Looks(heard, np.ones_like(hidden), days)
        cover = float(hidden.sum() / max(seen.sum(), 1))
        regime = next(r for r, (low, high) in REGIMES.items() if low <= cover < high)
        truth = some.array("surface").rows[n][at].astype(np.float32)
        case = Case(str(n), optical, radar, truth)
        level = str(some.kinds_n[n])
        yield f"{level} {regime}", case
        yield f"{level} {regime} without radar", replace(case, radar=None)


def look_of(day: str, bbox: str, *, collection: str) -> tuple[Looks, Looks | None]:
    """Return the one look of a day, read by the engine, and the radar beside it."""
    plan = api.plan(
        bbox=bbox, catalog=str(CATALOG), collection=collection, product="cloudfree", period=day, model=None
    )
    scenes = tuple(scene_of(plan, s) for s in plan.tasks[0].scenes)
    reader = RasterReader()
    try:
        sight = sight_of(Job(plan.tasks[0], PRODUCT, scenes, plan.mask, plan.layers, plan.model), reader)
    finally:
        reader.close()
    optical, halo = sight.first.looks, 255
    inner = np.s_[:1, ..., halo:-halo, halo:-halo]
    if optical is None:
        raise ValueError("looks were asked for")
    beside = sight.seen[1].looks if sight.seen[1] else None

    def cut(looks: Looks) -> Looks:
        return Looks(looks.code_tbyx[inner], looks.clear_tyx[inner], looks.day_t[:1])

    return cut(optical), None if beside is None else cut(beside)


def behind(clear: Looks, cloudy: Looks, others: list[Looks], *, west: bool) -> tuple[Looks, F32]:
    """Return looks of which the first is a clear one, half behind cloud of another date; and what is there.

    The others follow; an empty look takes the place of one that is missing.
    """
    half = np.zeros(clear.clear_tyx.shape[1:], bool)
    half[:, : half.shape[1] // 2] = True
    half = half if west else ~half
    code = np.where(half, cloudy.code_tbyx[0], clear.code_tbyx[0])
    first = Looks(code[None], clear.clear_tyx & ~half, clear.day_t)
    stack = [first, *others][:LOOKS]
    while len(stack) < LOOKS:
        stack.append(Looks(np.zeros_like(first.code_tbyx), np.zeros_like(first.clear_tyx), first.day_t))
    joined = Looks(
        *(np.concatenate([getattr(s, k) for s in stack]) for k in ("code_tbyx", "clear_tyx", "day_t"))
    )
    return joined, np.where(clear.clear_tyx[0], clear.code_tbyx[0], np.nan).astype(np.float32)


def real_cases() -> Iterator[tuple[str, Case]]:
    """Yield real scenes, half of each hidden."""
    l1c = "sentinel-2-l1c"
    slovenia = {day: look_of(day, SLOVENIA, collection=l1c)[0] for day in (*CLEAR, *CLOUDY)}
    for day in CLEAR:
        for other in CLEAR:
            if other == day:
                continue
            for n, cloud in enumerate(CLOUDY):
                helpers = [slovenia[other], slovenia[CLOUDY[1 - n]]]
                looks, truth = behind(slovenia[day], slovenia[cloud], helpers, west=bool(n))
                yield "Slovenia L1C, one other clear date", Case(day, looks, None, truth)
                if other == CLEAR[0] or (day == CLEAR[0] and other == CLEAR[1]):
                    none = [slovenia[CLOUDY[1 - n]]]
                    looks, truth = behind(slovenia[day], slovenia[cloud], none, west=bool(n))
                    yield "Slovenia L1C, no other clear date", Case(day, looks, None, truth)
    june, radar_june = look_of("2020-06-04", PUNJAB, collection=l1c)
    august, radar_august = look_of("2020-08-23", PUNJAB, collection=l1c)
    for west in (True, False):
        looks, truth = behind(june, august, [august], west=west)
        heard = None
        if radar_june and radar_august:
            one = [radar_june, radar_august, radar_august]
            heard = Looks(
                *(np.concatenate([getattr(s, k) for s in one]) for k in ("code_tbyx", "clear_tyx", "day_t"))
            )
        yield "Punjab L1C, cumulus of August over June", Case(f"west {west}", looks, heard, truth)


def table(found: Mapping[str, Any]) -> str:
    """Return the mean absolute errors as text."""
    lines = []
    for group, said in sorted(found.items()):
        lines.append(f"{group}: {said['pictures']} pictures, within 1 sigma {said['within 1 sigma']:.3f}")
        for name, figures in said["methods"].items():
            a, b = figures["not seen"], figures["all"]
            lines.append(
                f"  {name:23} not seen: MAE {a['mae']:.4f} usual {a['usual mae']:.4f} RMSE {a['rmse']:.4f}"
                f" SAM {a['sam_deg']:.2f}"
                f"   all: MAE {b['mae']:.4f} PSNR {b['psnr_db']:.2f} SSIM {b['ssim']:.3f}"
            )
    return "\n".join(lines)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("twin", "real"))
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cases = twin_cases() if args.what == "twin" else real_cases()
    found = measured(cases, predictor())
    print(table(found))
    if args.json:
        before = json.loads(args.json.read_text()) if args.json.is_file() else {}
        entry = {"synthetic": args.what == "twin", "model": model(MODEL).sha256, "groups": found}
        args.json.write_text(json.dumps(before | {args.what: entry}, indent=1) + "\n")


if __name__ == "__main__":
    main()
