"""Print what real judges say of the twin, and models of the twin of real scenes: docs/explanation/twin.md.

    EOMAP_SHARED=../shared python bench/twin_judges.py [--real] [--ablate]

Everything but the three real samples is synthetic. Dynamic World, which learnt from real L1C, is asked about
the twin's L1C at places and in a world that nothing was tuned on. A classifier of land cover that learnt from
the twin's L2A alone is asked about other places of the twin. `--real` puts both to the three real samples,
labelled by Esri's network, and beside them a classifier that learnt from the other two real samples: a look,
to be counted. `--ablate` asks all again of twins without texture, adjacency and so on. Nothing is set here.
Intervals: 95 %, bootstrap over squares of 32 x 32 pixels.
"""

import argparse
from dataclasses import asdict, dataclass
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import twin_report
from maps import DATA
from scipy import ndimage
from twin_samples import (
    ABLATIONS,
    NAMES,
    REAL,
    Boosted,
    Sample,
    boosted,
    drawn,
    held_out,
    real_sample,
    twin_sample,
    without,
)
from twin_scores import Score, confusions, score

from eomap.sensors.sentinel2 import LCZ_BANDS

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
Pixels = tuple[F32, U8]
"""Features (n, feature) and Esri codes (n)."""
HELD_OUT_SEED, TRAIN_SEED, CHECK_SEED = 7001, 31, 32
HELD_OUT, HELD_OUT_PX = 6, 384
TRAIN, CHECK, SIDE_PX = 30, 10, 240
PER_CLASS = 250
"""Pixels of a class that a training scene gives."""
OF_DYNAMIC_WORLD = np.array([1, 2, 9, 3, 4, 9, 5, 6, 7], np.uint8)
"""Esri codes of its classes: water, trees, grass, flooded, crops, shrub and scrub, built, bare, snow."""
# Its own scaling, facts of the published network: log(1 + 0.005 DN), centred and divided, then a sigmoid.
_CENTRE = np.array(
    [1.7417268, 1.7261205, 1.6798346, 1.7734969, 2.2891541, 2.3829397, 2.382894, 2.1952484, 1.5548129]
)
_WIDTH = np.array(
    [2.0232987, 2.0389052, 2.1795928, 2.2890068, 2.6171675, 2.7734186, 2.7578333, 2.7890925, 2.4140535]
)


@cache
def _network() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(DATA / "weights/dynamicworld/dynamicworld_forward.onnx", options)


def dynamic_world(top_byx: F32) -> U8:
    """Return Esri codes (y, x) by Dynamic World (doi:10.1038/s41597-022-01307-4) from L1C, TOP_BANDS.

    Grass and shrub are rangeland, as Esri has them.
    """
    dn = np.maximum(np.moveaxis(top_byx, 0, -1) * 10_000.0, 0)
    scaled = (np.log(dn * 0.005 + 1) - _CENTRE) / _WIDTH
    shown = 1 / (1 + np.exp(-(scaled * 5 - 1)))
    network = _network()
    (logits,) = network.run(None, {network.get_inputs()[0].name: shown[None].astype(np.float32)})
    return OF_DYNAMIC_WORLD[logits[0].argmax(-1)]


def features(surface_byx: F32) -> F32:
    """Return what the classifier sees of each pixel (y, x, feature): its spectrum and its surroundings."""
    at = {name: surface_byx[k] for k, name in enumerate(LCZ_BANDS)}

    def ratio(a: str, b: str) -> F32:
        return (at[a] - at[b]) / np.maximum(at[a] + at[b], np.float32(0.01))

    out = [*surface_byx, ratio("B08", "B04"), ratio("B03", "B11"), ratio("B11", "B08"), ratio("B11", "B12")]
    for band in (at["B04"], at["B08"], at["B11"], ratio("B08", "B04")):
        for size in (3, 7, 21):
            mean = ndimage.uniform_filter(band, size, mode="reflect")
            square = ndimage.uniform_filter(band * band, size, mode="reflect")
            out += [mean, np.sqrt(np.maximum(square - mean * mean, 0))]
    return np.stack(out, -1).astype(np.float32)


def pixels(sample: Sample) -> Pixels:
    """Return features (n, feature) and codes (n) of at most PER_CLASS pixels of each class of a scene."""
    rng = np.random.default_rng(5)
    seen, code = features(sample.surface_byx), sample.code_yx.ravel()
    chosen = [
        rng.choice(own, min(PER_CLASS, len(own)), replace=False)
        for own in (np.flatnonzero(code == c) for c in NAMES)
    ]
    picked = np.concatenate(chosen)
    return seen.reshape(-1, seen.shape[-1])[picked], code[picked]


def trained(some: list[Pixels]) -> Boosted:
    """Return a classifier of Esri codes."""
    return boosted(*(np.concatenate(part) for part in zip(*some, strict=True)))


def mapped(model: Boosted, surface_byx: F32) -> U8:
    """Return Esri codes (y, x), from probabilities averaged over 5 x 5 pixels."""
    seen = features(surface_byx)
    chance = model.chances(seen.reshape(-1, seen.shape[-1])).reshape(*seen.shape[:2], -1)
    return model.codes[ndimage.uniform_filter(chance, (5, 5, 1)).argmax(-1)].astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Variant:
    """What came of a twin that lacks something, or nothing."""

    lacks: str
    judge: list[Score]
    """Dynamic World on the twin's held-out places."""
    check: list[Score]
    """The classifier that learnt from this twin, on other places of the whole twin."""
    real: list[Score]
    """The same on the real samples; empty without a look."""


def variants(lacking: tuple[str | None, ...], *, real: bool) -> list[Variant]:
    """Return what comes of twins that lack something; all are of the same places."""
    judge: dict[str | None, list[Score]] = {v: [] for v in lacking}
    learnt: dict[str | None, list[Pixels]] = {v: [] for v in lacking}
    for place in held_out(HELD_OUT, seed=HELD_OUT_SEED, side_px=HELD_OUT_PX):
        for v in lacking:
            with without(v):
                sample = twin_sample(place)
            found = confusions(sample.code_yx, dynamic_world(sample.top_byx))
            judge[v].append(score(place.name, found))
    for place in islice(drawn(TRAIN_SEED, side_px=SIDE_PX), TRAIN):
        for v in lacking:
            with without(v):
                learnt[v].append(pixels(twin_sample(place)))
    models = {v: trained(some) for v, some in learnt.items()}
    others = [twin_sample(p) for p in islice(drawn(CHECK_SEED, side_px=SIDE_PX), CHECK)]
    asked = [real_sample(name) for name in REAL] if real else []
    return [
        Variant(
            v or "nothing",
            judge[v],
            [score(f"{CHECK} scenes", np.concatenate([_confusion(model, s) for s in others]))],
            [score(s.name, _confusion(model, s)) for s in asked],
        )
        for v, model in models.items()
    ]


def _confusion(model: Boosted, sample: Sample) -> F64:
    return confusions(sample.code_yx, mapped(model, sample.surface_byx))


def yardsticks() -> tuple[list[Score], list[Score]]:
    """Return what Dynamic World, and a classifier of the other two, say of each real sample."""
    samples = {name: real_sample(name) for name in REAL}
    network = [score(n, confusions(s.code_yx, dynamic_world(s.top_byx))) for n, s in samples.items()]
    others = [
        score(n, _confusion(trained([pixels(o) for m, o in samples.items() if m != n]), s))
        for n, s in samples.items()
    ]
    return network, others


def figures(*, real: bool, ablate: bool) -> dict[str, Any]:
    """Return all that this script finds, as plain values."""
    found = variants((None, *ABLATIONS) if ablate else (None,), real=real)
    network, others = yardsticks() if real else ([], [])
    return {
        "variants": [asdict(v) for v in found],
        "Dynamic World on real samples": [asdict(s) for s in network],
        "learnt from two real samples, on the third": [asdict(s) for s in others],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--ablate", action="store_true")
    given = parser.parse_args()
    print(twin_report.land(figures(real=given.real, ablate=given.ablate)))
