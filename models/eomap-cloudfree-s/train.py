"""Teach eomap-cloudfree-s on looks of the twin, fit its sigma where it was not taught, write its bundle.

    python models/eomap-cloudfree-s/train.py FOLDER [STEPS]

FOLDER gets the checkpoints; a training that was begun there goes on. Samples are those of
`twin://places=240,seed=7` in EOMAP_CACHE: L2A of every place, L1C of the places that the cache has it of.
"""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from eomap.nn.cloud_free import BANDS, LOOKS, OBSCURED
from eomap.nn.cloud_free_net import CROP_PX, network
from eomap.products.cloudfree.training import FARTHEST, RECIPE
from eomap.training.arranged import arranged, looks_of_twin
from eomap.training.bundle import Figure, Told, write_bundle
from eomap.training.loop import Course, said, train
from eomap.training.samples import Samples
from eomap.training.twin_samples import TwinOrder
from eomap.training.windows import Windows

NAME, VERSION, SEED = "eomap-cloudfree-s", "1.0.0", 1
CROPS = replace(
    RECIPE,
    architecture="eomap.nn.cloud_free_net:crop_network",
    side_px=CROP_PX,
    step_px=CROP_PX,
    batch=8,
)
"""Many small windows teach more than few large ones in the same time."""
SIGMA_1 = 0.6827
SHARES = np.linspace(0, 1.2, 13)


def main(folder: Path, steps: int) -> None:
    """Teach, fit, judge, write."""
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    samples, numbers = looks_of_twin(TwinOrder())
    kept = folder / "numbers.json"
    if kept.is_file():
        numbers = [(str(level), int(n)) for level, n in json.loads(kept.read_text())]
    kept.write_text(json.dumps(numbers))
    taught = arranged(samples, numbers)
    course = Course(steps=steps, val_every=50, val_most=40, seed=SEED, half=True)
    resume = (folder / "checkpoint.safetensors").is_file()
    found = train(CROPS, Windows(CROPS, taught), course, folder=folder, resume=resume, notify=_say)
    whole = network()
    whole.body.load_state_dict(found.network.body.state_dict())  # type: ignore[union-attr]
    bundle(whole, taught, steps=found.progress.best_step, folder=folder)


def bundle(whole: Any, taught: Samples, *, steps: int, folder: Path, extra: Sequence[Figure] = ()) -> None:
    """Fit what is left to fit in a network, judge it on the test split, write its bundle beside this file."""
    windows = Windows(replace(RECIPE, batch=2), taught)
    fit(whole.eval(), windows)
    figures, n = judged(whole, windows, "test")
    on = "synthetic pixels x bands that the first look did not see clear, in regions that were not trained on"
    told = Told(
        NAME,
        VERSION,
        f"{taught.name} ({', '.join(_counts(taught))})",
        taught.synthetic,
        (*(Figure(k, v, n, on, True) for k, v in figures.items()), *extra),
        steps,
        SEED,
    )
    made = write_bundle(folder / NAME, whole, RECIPE, told, asides=len(RECIPE.aside))
    for path in made.iterdir():
        shutil.copy(path, Path(__file__).parent)


def _counts(taught: Samples) -> list[str]:
    """Return how many sets of looks of each level there were to train with."""
    levels = taught.kinds_n[taught.splits_n == "train"]
    return [f"{int((levels == level).sum())} sets of {level}" for level in sorted(set(levels.tolist()))]


def fit(whole: Any, windows: Windows) -> None:
    """Set how much is added and the factors of sigma to what is best on the validation split, by source.

    Added is the share that gives the least mean absolute error of those below FARTHEST; then SIGMA_1 of the
    errors lie within one sigma.
    """
    with torch.inference_mode():
        whole.trust_sb.fill_(0)
        rough = [y[:, : len(BANDS)] for y, _, _ in _answers(whole, windows, "val")]
        whole.trust_sb.fill_(1)
        found = list(_answers(whole, windows, "val"))
        for s in (0, 1):
            for b in range(len(BANDS)):
                base, made, sigma, truth = (
                    np.concatenate(parts)
                    for parts in zip(
                        *(_of(r, y, t, k == s, b) for r, (y, t, k) in zip(rough, found, strict=True)),
                        strict=True,
                    )
                )
                near = np.abs(base - truth) < FARTHEST
                errors = [np.abs(base + share * (made - base) - truth)[near].mean() for share in SHARES]
                share = SHARES[int(np.argmin(errors))]
                off = np.abs(base + share * (made - base) - truth)
                whole.trust_sb[s, b] = float(share)
                whole.spread_sb[s, b] = float(np.quantile(off / sigma, SIGMA_1))
                print(s, BANDS[b], f"{share:.1f}, sigma x {float(whole.spread_sb[s, b]):.2f}", flush=True)


def _of(rough: Any, y: Any, target: Any, here: Any, b: int) -> tuple[Any, Any, Any, Any]:
    """Return base, answer, sigma and truth of a band, of every seventh pixel with truth of a source."""
    known = np.isfinite(target[:, b]) & here
    sigma = np.sqrt(y[:, len(BANDS) + b])
    return tuple(a[known][::7] for a in (rough[:, b], y[:, b], sigma, target[:, b]))


def judged(whole: Any, windows: Windows, split: str) -> tuple[Mapping[str, float], int]:
    """Return the recipe's figures of a split, and of how many numbers they are."""
    answers, targets, _ = zip(*_answers(whole, windows, split), strict=True)
    target = np.concatenate(targets)
    return RECIPE.figures(np.concatenate(answers), target), int(np.isfinite(target).sum())


def _answers(whole: Any, windows: Windows, split: str) -> Any:
    """Yield answers, targets and sources: 0 where a look is clear, 1 where none is."""
    with torch.inference_mode():
        for batch in windows.judged(split):
            optical = batch.code_ncyx[:, : LOOKS * len(BANDS)]
            optical = optical.reshape(len(optical), LOOKS, len(BANDS), *optical.shape[-2:])
            clear = ((optical > 0) & (optical < OBSCURED)).all(axis=2).any(axis=1)
            yield said(whole, batch, Course())[0].numpy(), batch.target_nkrc, np.where(clear, 0, 1)


def _say(kind: str, info: Mapping[str, Any]) -> None:
    if kind == "train-val":
        print({k: v for k, v in info.items() if k != "network"}, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else RECIPE.steps)
