"""How well eomap-lcz-s copies its teacher where it was not trained, and what a cell costs.

    EOMAP_SHARED=... EOMAP_MODEL_MIRROR=$EOMAP_SHARED/data/weights \\
        python models/eomap-lcz-s/evaluate.py

Prints the tables of card.md.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scenes import held_out_scenes, training_scenes

from eomap.core.ports import Predictor
from eomap.io.weights import bare_network, model, weights_path
from eomap.kernels.scores import class_f1, confusion, kappa
from eomap.nn.predict import single_thread
from eomap.nn.windows import Windowed

OURS, TEACHER, OTHER = "eomap-lcz-s", "so2sat-resnet20", "sen2lcz-mf"
MARGIN_PX = 16
CLASSES = np.arange(1, 18)


def class_map(predictor: Predictor, scene: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Return the classes 1-17 (rows, cols) of all cells that lie at least 160 m inside a scene."""
    cells = [(n - 2 * MARGIN_PX) // 10 for n in scene.shape[1:]]
    lead = MARGIN_PX - predictor.halo_px
    ends = [lead + 10 * n + 2 * predictor.halo_px for n in cells]
    dn = np.rint(scene[:, lead : ends[0], lead : ends[1]] * 10_000).astype(np.uint16)
    return predictor(dn, np.ones(cells, bool), origin_rc=(0, 0)).argmax(axis=0) + 1


def agreement(predictors: dict[str, Predictor], scenes: dict[str, npt.NDArray[np.float32]]) -> None:
    """Print, per scene, the share of cells on which ours and the teacher agree."""
    ours, teacher = [], []
    for name, scene in scenes.items():
        maps = {k: class_map(p, scene).ravel() for k, p in predictors.items()}
        a, b, c = maps[OURS], maps[TEACHER], maps[OTHER]
        print(
            f"| {name} | {a.size} | {(a == b).mean():.3f} | {((a <= 10) == (b <= 10)).mean():.3f} "
            f"| {(c == b).mean():.3f} | {((c <= 10) == (b <= 10)).mean():.3f} |"
        )
        ours.append(a)
        teacher.append(b)
    matrix = confusion(np.concatenate(teacher), np.concatenate(ours), classes=CLASSES)
    share = np.trace(matrix) / matrix.sum()
    print(f"together: agreement {share:.3f}, kappa {kappa(matrix):.3f}")
    print("F1 per class against the teacher:", np.round(class_f1(matrix), 2))
    print("cells per class, teacher:", matrix.sum(axis=1), "ours:", matrix.sum(axis=0))


def speed(predictor: Predictor, seconds: float = 3.0) -> float:
    """Return cells per CPU-second of one thread on a frame of 64x64 cells of noise."""
    side = 640 + 2 * predictor.halo_px
    dn = np.random.default_rng(0).integers(0, 4_000, (10, side, side), dtype=np.uint16)
    wanted = np.ones((64, 64), bool)
    predictor(dn[:, : side - 600, : side - 600], wanted[:4, :4], origin_rc=(0, 0))
    started, n = time.process_time(), 0
    while (spent := time.process_time() - started) < seconds:
        predictor(dn, wanted, origin_rc=(0, 0))
        n += wanted.size
    return n / spent


def main() -> None:
    """Print agreement on the held-out scenes, on the training scenes, and the cost per cell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=os.environ.get("EOMAP_SHARED", "../shared"))
    single_thread()
    args = parser.parse_args()
    predictors = {
        name: Windowed(bare_network(model(name), weights_path(model(name))))
        for name in (OURS, TEACHER, OTHER)
    }
    print("| scene | cells | ours: 17 classes | ours: built/natural | Sen2LCZ: 17 | Sen2LCZ: built/natural |")
    agreement(predictors, held_out_scenes(args.shared))
    print("scenes trained on:")
    agreement(predictors, training_scenes(args.shared))
    rates = {name: speed(p) for name, p in predictors.items()}
    for name, rate in rates.items():
        print(f"{name}: {rate:.0f} cells per CPU-second, ours is {rates[OURS] / rate:.1f} times as fast")


if __name__ == "__main__":
    main()
