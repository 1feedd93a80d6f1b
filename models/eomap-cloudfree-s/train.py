"""Teach eomap-cloudfree-s on looks of the twin, fit its sigma where it was not taught, write its bundle.

    python models/eomap-cloudfree-s/train.py FOLDER [STEPS]

FOLDER gets the checkpoints; a training that was begun there goes on. Samples are those of
`twin://places=240,seed=7` in EOMAP_CACHE: L2A of every place, L1C of the places that the cache has it of.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from eomap.nn.cloud_free import BANDS
from eomap.nn.cloud_free_net import CROP_PX, network
from eomap.products.cloudfree.training import RECIPE
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
    course = Course(steps=steps, val_every=max(steps // 10, 1), val_most=48, seed=SEED)
    resume = (folder / "checkpoint.safetensors").is_file()
    found = train(CROPS, Windows(CROPS, taught), course, folder=folder, resume=resume, notify=_say)
    whole = network()
    whole.load_state_dict(found.network.state_dict())
    bundle(whole, taught, steps=found.progress.best_step)


def bundle(whole: Any, taught: Samples, *, steps: int, extra: Sequence[Figure] = ()) -> Path:
    """Fit the sigma of a network, judge it on the test split and write its bundle; return the folder."""
    windows = Windows(replace(RECIPE, batch=2), taught)
    whole.eval()
    fitted = factors(whole, windows)
    whole.spread_b.copy_(torch.from_numpy(fitted))
    figures, n = judged(whole, windows, "test")
    on = "synthetic pixels x bands that the first look did not see clear, in regions that were not trained on"
    told = Told(
        NAME,
        VERSION,
        taught.name,
        taught.synthetic,
        (*(Figure(k, v, n, on, True) for k, v in figures.items()), *extra),
        steps,
        SEED,
    )
    return write_bundle(Path(__file__).parent, whole, RECIPE, told, asides=len(RECIPE.aside))


def factors(whole: Any, windows: Windows) -> np.ndarray:
    """Return the factor of sigma by band that puts SIGMA_1 of the validation's errors within one sigma."""
    ratio: list[list[np.ndarray]] = [[] for _ in BANDS]
    for y, target in _answers(whole, windows, "val"):
        for b in range(len(BANDS)):
            known = np.isfinite(target[:, b])
            off = np.abs(y[:, b] - target[:, b])[known]
            ratio[b].append((off / np.sqrt(y[:, len(BANDS) + b][known]))[::7])
    return np.array([np.quantile(np.concatenate(r), SIGMA_1) for r in ratio], np.float32)


def judged(whole: Any, windows: Windows, split: str) -> tuple[Mapping[str, float], int]:
    """Return the recipe's figures of a split, and of how many numbers they are."""
    answers, targets = zip(*_answers(whole, windows, split), strict=True)
    target = np.concatenate(targets)
    return RECIPE.figures(np.concatenate(answers), target), int(np.isfinite(target).sum())


def _answers(whole: Any, windows: Windows, split: str) -> Any:
    with torch.inference_mode():
        for batch in windows.judged(split):
            yield said(whole, batch, Course())[0].numpy(), batch.target_nkrc


def _say(kind: str, info: Mapping[str, Any]) -> None:
    if kind == "train-val":
        print({k: v for k, v in info.items() if k != "network"}, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else RECIPE.steps)
