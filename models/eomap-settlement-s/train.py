"""Train eomap-settlement-s: samples of the twin (synthetic), and real crops with two teachers' answers.

    export EOMAP_SHARED=../shared
    python models/eomap-settlement-s/train.py --work FOLDER
    python models/eomap-settlement-s/train.py --work FOLDER --bundle models/eomap-settlement-s

The first call trains, with checkpoints in FOLDER; the second makes the bundle of the best state: sigma set
right on the validation places, figures of the test places, a detector of the unfamiliar. Figures on real data
are those that bench/settlement.py wrote. Same seed, same weights, on one kind of processor.
Axis letters: n sample, b band, d feature, i, j cells of 20 m.
"""

import argparse
import json
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from real import Crops, built_share, crops, on_cells
from scipy.optimize import isotonic_regression

from eomap.io.ood_file import write_detector
from eomap.nn.features import rows
from eomap.ood import Familiarity
from eomap.ood import Samples as Known
from eomap.ood.mahalanobis import Mahalanobis
from eomap.products.settlement.training import RECIPE
from eomap.training import loop
from eomap.training.bundle import OOD, Figure, Told, write_bundle
from eomap.training.samples import Array, Samples
from eomap.training.twin_samples import TwinOrder, twin_samples
from eomap.training.windows import Batch, Windows

F32, F64 = npt.NDArray[np.float32], npt.NDArray[np.float64]
HERE, CAUTIONS = Path(__file__).resolve().parent, "cautions.md"
SEED = 1
REAL_TIMES = 2
"""So often every real crop is in the set: about a sixth of the windows are real."""
_BINS = np.linspace(0, 1, 51)
SIGMA_BINS, SIGMA_LEAST = 12, 200
"""Steps of what the head says that sigma is set right by, and how many cells each must have."""
WITHIN = 0.6827
"""Share of normal errors within one standard deviation."""
SEEN = {"s2_l2a_year": "L2A, year", "s2_l2a_season_1": "L2A, season", "s2_l1c_year": "L1C, year"}
"""Arrays that the test places are judged with, and what they are."""
MIXED = (
    "**Trained on synthetic samples only**, those of eomap's twin.",
    "**Trained on synthetic samples**, those of eomap's twin, 240 places, and on 54 real crops labelled by"
    " other networks.",
)
"""What a card says of the samples, and what is to be said of these."""
ON_TWIN = "synthetic test windows (60 places), in regions that were not trained on"


@dataclass(frozen=True, slots=True, eq=False)
class Chained:
    """Rows of the twin, then rows in memory."""

    first: Any
    then: npt.NDArray[Any]

    def __getitem__(self, n: int) -> Any:
        """Return the row of that number."""
        return self.first[n] if n < len(self.first) else self.then[n - len(self.first)]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.first) + len(self.then)


def sealed_by_built(twin: Samples) -> F64:
    """Return the mean share of sealed ground (bin) by Dynamic World's probability of `built`, never falling.

    Measured on the twin's training places, synthetic: what is built is not all sealed, and the teacher says
    only whether it is built. Bins are those of 50 equal steps of the probability.
    """
    count, total = (np.zeros(len(_BINS) - 1) for _ in range(2))
    top, truth = twin.array("s2_l1c_year"), twin.array("settlement")
    for n in twin.of("train")[::8]:
        built = on_cells(built_share(np.asarray(top.rows[n])))
        share = truth.spec.physical(np.asarray(truth.rows[n]))
        known = np.isfinite(built) & np.isfinite(share)
        at = np.minimum((built[known] * 50).astype(int), 49)
        count += np.bincount(at, minlength=50)
        total += np.bincount(at, weights=share[known], minlength=50)
    some = count > 0
    fitted = isotonic_regression(total[some] / count[some], weights=count[some]).x
    return np.interp(np.arange(50), np.flatnonzero(some), fitted)


def together(twin: Samples, real: Crops, sealed: F64) -> Samples:
    """Return both sets as one; real crops are for training only."""
    settlement, zone = twin.array("settlement").spec, twin.array("lcz").spec
    built = np.nan_to_num(real.built_nij, nan=0.0)
    share = np.interp(built, (_BINS[:-1] + _BINS[1:]) / 2, sealed)
    code = np.where(np.isfinite(real.built_nij), np.rint(share / settlement.scale), settlement.nodata)
    added: dict[str, npt.NDArray[Any]] = {
        name: real.l1c_nbyx if "l1c" in name else real.l2a_nbyx for name in RECIPE.pictures[0].arrays
    }
    added |= {"settlement": code.astype(settlement.dtype), "lcz": real.zone_nij.astype(zone.dtype)}
    many = len(real.l1c_nbyx) * REAL_TIMES
    arrays = {
        name: Array(twin.array(name).spec, Chained(twin.array(name).rows, np.concatenate([v] * REAL_TIMES)))
        for name, v in added.items()
    }
    return replace(
        twin,
        name=f"{twin.name} (synthetic), and {many} real crops of 9 scenes with what Dynamic World and"
        " so2sat-resnet20 say of them",
        arrays=arrays,
        splits_n=np.concatenate([twin.splits_n, np.full(many, "train")]),
        place_n2=np.concatenate([twin.place_n2, np.full((many, 2), np.nan, np.float32)]),
        kinds_n=np.empty(0, np.str_),
    )


def kept_crops(work: Path) -> Crops:
    """Return the real crops, made once."""
    path = work / "crops.npz"
    if not path.is_file():
        made = crops()
        np.savez(path, **{name: getattr(made, name) for name in Crops.__slots__})
    with np.load(path) as file:
        return Crops(**{name: file[name] for name in Crops.__slots__})


def prepared(work: Path) -> tuple[Samples, Windows]:
    """Return the samples of the twin, and the windows of both sets."""
    twin = twin_samples(TwinOrder(), RECIPE.arrays)
    path = work / "sealed.npy"
    if not path.is_file():
        np.save(path, sealed_by_built(twin))
    return twin, Windows(RECIPE, together(twin, kept_crops(work), np.load(path)))


def answers(network: Any, batches: list[Batch]) -> tuple[F32, F32, F64]:
    """Return what a network says of windows, what it should say, and its features (sample, d)."""
    told, features = [], []
    for batch in batches:
        with torch.inference_mode():
            y, found = loop.said(network, batch, loop.Course())
        told.append(y.numpy())
        features.append(rows(found).numpy().astype(np.float64))
    return np.concatenate(told), np.concatenate([b.target_nkrc for b in batches]), np.concatenate(features)


def calibration_of(y: F32, target: F32) -> tuple[float, float]:
    """Return gain and power of variances so that WITHIN of the errors are within one sigma.

    A line through the errors' quantiles by what the head says, both as logarithms: open land is most of the
    ground, and one factor for all would be right there and too small in towns.
    """
    known = np.isfinite(target[:, 0])
    error, said = np.abs(y[:, 0] - target[:, 0])[known], np.log(y[:, 1][known])
    edges = np.linspace(said.min(), said.max() + 1e-6, SIGMA_BINS + 1)
    where = np.digitize(said, edges) - 1
    found = [
        (said[where == k].mean(), 2 * np.log(max(np.quantile(error[where == k], WITHIN), 1e-4)))
        for k in range(SIGMA_BINS)
        if (where == k).sum() >= SIGMA_LEAST
    ]
    power, offset = np.polyfit(*np.array(found).T, 1)
    return float(np.exp(offset)), float(power)


def detector_bytes(network: Any, windows: Windows, val: F64) -> bytes:
    """Return the file of a detector fitted on training windows, its curve on those of validation."""
    seen = [windows.batch(SEED + 1, step) for step in range(60)]
    _, _, features = answers(network, seen)
    detector = Mahalanobis.fit(Known.of(features), by_class=False)
    curve = Familiarity.of(detector.score(val))
    about = {
        "layer": "shared, means of 160 m",
        "fitted on": windows.samples.name,
        "curve on": "synthetic validation windows",
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / OOD
        write_detector(path, detector, curve, about=about)
        return path.read_bytes()


def figures_of(network: Any, twin: Samples) -> tuple[Figure, ...]:
    """Return the figures of the test places by what is seen of them."""
    found = []
    for array, what in SEEN.items():
        picture = replace(RECIPE.pictures[0], arrays=(array,))
        batches = list(Windows(replace(RECIPE, pictures=(picture,)), twin).judged("test"))
        y, target, _ = answers(network, batches)
        figures = RECIPE.figures(y, target).items()
        found += [Figure(f"{name}, {what}", value, len(y), ON_TWIN, True) for name, value in figures]
    return tuple(found)


def real_figures(path: Path) -> tuple[Figure, ...]:
    """Return the figures on real scenes that bench/settlement.py wrote; none before it has run."""
    if not path.is_file():
        return ()
    said = json.loads(path.read_text())["real"]
    return tuple(Figure(f["name"], f["value"], f["n"], f["on"], False) for f in said)


def bundle(work: Path, out: Path, bench: Path) -> None:
    """Write the bundle of the best state."""
    twin, windows = prepared(work)
    network, progress = loop.resumed(RECIPE, work, loop.Course(seed=SEED))
    network, step = network.eval().to(memory_format=torch.channels_last), progress.best_step
    y, target, val = answers(network, list(Windows(RECIPE, twin).judged("val")))
    gain, power = calibration_of(y, target)
    network.body.calibrate(gain, power)
    print(f"best step {step}, variance {gain:.3f} times the power {power:.3f}")
    scripts = {p.name: p.read_bytes() for p in HERE.iterdir() if p.suffix == ".py"}
    told = Told(
        out.name,
        "1.0.0",
        windows.samples.name,
        True,
        (*figures_of(network, twin), *real_figures(bench)),
        step,
        SEED,
        {OOD: detector_bytes(network, windows, val), CAUTIONS: (HERE / CAUTIONS).read_bytes(), **scripts},
    )
    if out == HERE:
        (out / "model.toml").touch()  # the folder of these scripts is to become the bundle
    recipe = replace(RECIPE, cautions=(HERE / CAUTIONS).read_text())
    write_bundle(out, network, recipe, told, asides=0)
    card = (out / "card.md").read_text(encoding="utf-8")
    (out / "card.md").write_text(card.replace(*MIXED), encoding="utf-8")
    for figure in tomllib.loads((out / "model.toml").read_text())["figures"]["synthetic"]:
        print(f"{figure['name']:32} {figure['value']:.4g}")


def main() -> None:
    """Train, or make the bundle."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=RECIPE.steps)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--resume", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.work.mkdir(parents=True, exist_ok=True)
    if given.bundle:
        bundle(given.work, given.bundle.resolve(), HERE.parents[1] / "bench" / "settlement.json")
        return
    _, windows = prepared(given.work)
    course = loop.Course(steps=given.steps, seed=SEED, half=True, val_every=40)
    trained = loop.train(RECIPE, windows, course, folder=given.work, resume=given.resume, notify=_tell)
    print(f"{trained.seconds:.0f} s, best step {trained.progress.best_step}")
    print({k: round(v, 4) for k, v in trained.figures.items()})


def _tell(kind: str, said: Mapping[str, Any]) -> None:
    if kind != "train-step" or said["step"] % 50 == 0:
        plain = {k: round(v, 4) if isinstance(v, float) else v for k, v in said.items() if k != "network"}
        print(kind, plain, flush=True)


if __name__ == "__main__":
    sys.exit(main())
