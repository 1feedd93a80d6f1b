"""Measure whether new real places are flagged, and L2A and cloud are, by detectors made as those that ship.

    EOMAP_SHARED=../shared python bench/ood_places.py [--json FILE] [--ship models]

For each of six real L1C places in turn: a detector of the five others and as many windows of the twin, its
curve from places held out in turns, as `eomap ood fit` does; then the place itself (familiar), its L2A or its
cloudy dates (not). Windows are those of bench/ood.py and overlap, so n is not a number of independent
samples; eomap-lcz-s was trained on most of these scenes. `--ship` writes the detectors of all six places,
which is what the LCZ networks come with: `eomap ood fit` over a catalogue of these scenes differs only in
which windows it draws. One thread, about six minutes, once the twin's places are drawn.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import ood
import torch

from eomap.api.familiar import known, lean
from eomap.io.ood_file import write_detector
from eomap.io.registry import OOD, Model, models
from eomap.io.weights import bare_network, file_sha256, weights_path
from eomap.nn.recorded import Recorded
from eomap.ood import Known, detection_figures, fitted
from eomap.ood.held_out import balanced

TWIN = "twin://places=240,seed=7"
METHOD, PER_PLACE, SEED, N_CLASSES = "mahalanobis", 300, 1, 17
CLOUDY = tuple(f"Slovenia {d} L1C" for d in ood.SLOVENIA_CLOUDY)
PLACES = {
    "Havel": (("Havel L1C",), ()),
    **{p: ((f"{p} L1C",), (f"{p} L2A",)) for p in ood.PLACES},
    "Slovenia": (tuple(f"Slovenia {d} L1C" for d in ood.SLOVENIA_CLEAR), CLOUDY),
}
"""Familiar scenes and unfamiliar ones of each place."""


F32 = npt.NDArray[np.float32]


def taken(seen: dict[str, ood.Seen], names: tuple[str, ...], layer: str) -> tuple[F32, F32]:
    """Return the features of some scenes (n, d), and 1 for the class of each window (n, c)."""
    x = np.concatenate([seen[n].features[layer] for n in names]).astype(np.float32)
    classes = np.concatenate([seen[n].classes for n in names])
    return x, np.eye(N_CLASSES, dtype=np.float32)[classes]


def familiar(seen: dict[str, ood.Seen], layer: str) -> dict[str, tuple[F32, F32]]:
    """Return some windows of each place."""
    rng, some = np.random.default_rng(SEED), {}
    for place, (names, _) in PLACES.items():
        x, c = taken(seen, names, layer)
        kept = np.sort(rng.permutation(len(x))[:PER_PLACE])
        some[place] = x[kept], c[kept]
    return some


def with_twin(twin: Known, real: list[tuple[F32, F32]]) -> Known:
    """Return as many windows of the twin's places and of real ones."""
    sizes, first = [len(x) for x, _ in real], int(twin.place_n.max()) + 1
    mixed = Known(
        np.concatenate([twin.features_nd, *(x for x, _ in real)]),
        np.concatenate([twin.logits_nc, *(c for _, c in real)]),
        np.concatenate([twin.place_n, np.repeat(np.arange(first, first + len(real)), sizes)]),
        np.concatenate([twin.source_n, np.full(sum(sizes), 1)]),
    )
    return balanced(mixed)


def ship(entry: Model, twin: Known, seen: dict[str, ood.Seen], path: Path) -> str:
    """Write the detector of all places; return its digest."""
    known_all = with_twin(twin, list(familiar(seen, entry.features).values()))
    options = lean(METHOD, known_all.features_nd.shape[1], N_CLASSES)
    synthetic = known_all.source_n == 0
    about = {
        "model": entry.name,
        "model_sha256": entry.sha256,
        "layer": entry.features,
        "method": METHOD,
        "data": [TWIN, "six real L1C places of bench/ood.py"],
        "places": [len(np.unique(known_all.place_n[synthetic])), len(PLACES)],
        "samples": [int(synthetic.sum()), int((~synthetic).sum())],
        "synthetic_share": round(float(synthetic.mean()), 4),
    }
    write_detector(path, *fitted(METHOD, known_all, **options), about=about)
    return file_sha256(path)


def figures(twin: Known, seen: dict[str, ood.Seen], layer: str) -> dict[str, dict]:
    """Return per place how many of its windows are flagged, and how its unfamiliar ones are told."""
    made, some = {}, familiar(seen, layer)
    for place, (_, strange) in PLACES.items():
        others = [x for p, x in some.items() if p != place]
        detector, curve = fitted(METHOD, with_twin(twin, others))
        low = detector.score(*some[place])
        made[place] = {"n_known": len(low), "flagged_known": float((curve.layer(low) >= ood.FLAG).mean())}
        if strange:
            high = detector.score(*taken(seen, strange, layer))
            told = detection_figures(low, high)
            made[place] |= {k: told[k] for k in ("n_unfamiliar", "auroc", "fpr95")}
            made[place]["flagged_unfamiliar"] = float((curve.layer(high) >= ood.FLAG).mean())
    return {p: {k: round(v, 4) for k, v in row.items()} for p, row in made.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--ship", type=Path, help="the models folder")
    given = parser.parse_args()
    torch.set_num_threads(1)
    pixels, plain, made = ood.scenes(), dict(ood.networks()), {}
    for entry in (m for m in models() if m.product == "lcz"):
        bare = bare_network(replace(entry, ood_sha256=""), weights_path(entry), features=True)
        twin = known(entry, Recorded(bare), [TWIN], windows=2_000)
        seen = {scene: ood.seen_by(entry.name, plain[entry.name], given) for scene, given in pixels.items()}
        if given.ship:
            print("ood_sha256 =", ship(entry, twin, seen, given.ship / entry.name / OOD))
        made[entry.name] = figures(twin, seen, entry.features)
        mean = np.mean([r["flagged_known"] for r in made[entry.name].values()])
        print(entry.name, f"flagged on average {mean:.3f}", json.dumps(made[entry.name]), flush=True)
    if out := given.json:
        rows = [{"network": n, "place": p, **r} for n, by in made.items() for p, r in by.items()]
        out.write_text("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")


if __name__ == "__main__":
    main()
