"""Measure how well the detectors that ship tell the twin's shifts, and what the shifts cost in accuracy.

    python bench/ood_shifts.py --kept FOLDER [--json FILE]

24 test places of the twin, in regions that no detector was fitted on, as composites of a year of L1C: as
usual, and under each kind of shift. Usual cells are familiar; cells whose window is more than half under the
shift are not. All of it is synthetic. Accuracy is that of the 17 zones against the twin's truth, on the same
cells before and after. `--kept` holds what was drawn and what the networks said, so that an interrupted run
goes on. One thread: six minutes to draw, one to three for each network.
"""

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

SHARED = Path(os.environ.get("EOMAP_SHARED", Path(__file__).parents[2] / "shared"))
os.environ.setdefault("EOMAP_MODEL_MIRROR", str(SHARED / "data" / "weights"))

from eomap.io.ood_file import read_detector  # noqa: E402
from eomap.io.registry import Model, models  # noqa: E402
from eomap.io.weights import bare_network, weights_path  # noqa: E402
from eomap.nn.predict import TorchNetwork  # noqa: E402
from eomap.nn.windows import Windowed  # noqa: E402
from eomap.ood import detection_figures, risk_figures  # noqa: E402
from eomap.training.places import Place, places  # noqa: E402
from eomap.training.twin_parts import YEAR_LOOKS, clearest  # noqa: E402
from eomap.training.twin_samples import TwinOrder  # noqa: E402
from eomap.training.twin_views import Views  # noqa: E402
from eomap.twin.earth import points_of  # noqa: E402
from eomap.twin.shift import Kind, Shift, where  # noqa: E402
from eomap.twin.world import World  # noqa: E402

COUNT, SHARE, FLAG = 24, 0.25, 0.95
"""Places, share of their cells, and the `ood` from which a cell is called unfamiliar."""
HALO_PX, WINDOW_PX, LEAD_PX, CONTEXT_PX = 40, 32, 11, 16
WATER, OFFSET_DN, N_CLASSES = 17, 1_000, 17


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What a network said of cells: probabilities, features, share of the window under the shift, truth."""

    kinds: list[str]
    value_nc: npt.NDArray[np.float32]
    features_nd: npt.NDArray[np.float32]
    share_n: npt.NDArray[np.float32]
    truth_n: npt.NDArray[np.int64]
    usual_n: npt.NDArray[np.int64]
    """Truth without the shift."""
    kind_n: npt.NDArray[np.int64]
    place_n: npt.NDArray[np.int64]
    cell_n: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class WithFeatures:
    """A network whose features are more channels, so that windows are cut and put back as ever."""

    network: TorchNetwork
    width: int

    name = sha256 = ""
    asides = 0

    @property
    def layout(self):
        """Of the network."""
        return self.network.layout

    @property
    def channels(self) -> int:
        """Classes and features."""
        return self.network.channels + self.width

    def __call__(self, code_nbyx, aside_nk):
        """Return probabilities, then features, per cell."""
        value, features = self.network.said(code_nbyx, aside_nk)
        return np.concatenate([value, features.reshape(*features.shape[:2], *value.shape[2:])], axis=1)


def drawn(kept: Path) -> Iterator[tuple[int, Place, dict]]:
    """Yield number, place and pictures of the test places, drawing those that are not kept yet."""
    order = TwinOrder()
    found = places(order.counts, seed=order.seed, side_px=order.side_px)
    for n in range(len(found) - COUNT, len(found)):
        path = kept / f"{n}.npz"
        if not path.exists():
            np.savez_compressed(path, **pictures(found[n], order.seed))
        yield n, found[n], dict(np.load(path))


def pictures(place: Place, seed: int) -> dict[str, npt.NDArray]:
    """Return the composite under each shift, where it holds, and the zones: kind, where_kind, lcz_kind."""
    made: dict[str, npt.NDArray] = {}
    for kind in Kind:
        views = Views(World(seed, shift=Shift(kind)), place.frame(), place.year)
        if kind is Kind.NONE:
            passes = clearest(views, views.optical_passes(), YEAR_LOOKS)
        if kind is Kind.OFFSET:
            usual = made["none"]
            made[kind] = np.where(usual > 0, usual + OFFSET_DN, 0).astype(np.uint16)
        else:
            made[kind] = views.picture(passes, level="L1C")[0]
        land = views.world.land(views.frame)
        made[f"where_{kind}"] = where(views.world.shift, points_of(views.frame), land.zone_yx == WATER, seed)
        made[f"lcz_{kind}"] = views.world.truth(views.frame, None)["lcz"].values
    return made


def said_of(entry: Model, kept: Path) -> Said:
    """Return what a network says of some cells of all places under all shifts, kept beside the pictures."""
    path = kept / f"said-{entry.name}-{entry.features}.npz"
    if not path.exists():
        np.savez(path, **asked(entry, kept))
    z = np.load(path)
    return Said([str(k) for k in z["kinds"]], *(z[c] for c in "vfwtukpc"))


def asked(entry: Model, kept: Path) -> dict[str, npt.NDArray]:
    """Return the arrays of `Said`."""
    bare = bare_network(entry, weights_path(entry), features=True)
    side = entry.layout.side_px
    first = bare.said(np.ones((1, len(entry.bands), side, side), np.uint16), np.zeros((1, 0), np.float32))
    network = Windowed(WithFeatures(bare, first[1].shape[1]))
    rng, out = np.random.default_rng(0), {c: [] for c in "vfwtukpc"}
    for n, place, z in drawn(kept):
        kinds = [k for k in z if not k.startswith(("where_", "lcz_"))]
        cut, cells = HALO_PX - network.halo_px, (z["none"].shape[1] - 2 * HALO_PX) // 10
        thin = rng.random((cells, cells)) < SHARE
        origin = -place.y0 // 100 + 4, place.x0 // 100 + 4
        for number, kind in enumerate(kinds):
            code, under = z[kind], z[f"where_{kind}"].astype(np.float32)
            seen, inner = (code > 0).all(axis=0), slice(cut, code.shape[1] - cut)
            value = network(np.ascontiguousarray(code[:, inner, inner]), thin, origin_rc=origin)
            for r, c in zip(*np.nonzero(thin), strict=True):
                y, x = HALO_PX + 10 * r, HALO_PX + 10 * c
                around = (
                    slice(y - CONTEXT_PX, y + 10 + CONTEXT_PX),
                    slice(x - CONTEXT_PX, x + 10 + CONTEXT_PX),
                )
                if not seen[around].all():
                    continue
                window = (
                    slice(y - LEAD_PX, y - LEAD_PX + WINDOW_PX),
                    slice(x - LEAD_PX, x - LEAD_PX + WINDOW_PX),
                )
                row = (value[:N_CLASSES, r, c], value[N_CLASSES:, r, c], under[window].mean())
                truth = (z[f"lcz_{kind}"][4 + r, 4 + c], z["lcz_none"][4 + r, 4 + c])
                for key, v in zip("vfwtukpc", (*row, *truth, number, n, r * cells + c), strict=True):
                    out[key].append(v)
    return {"kinds": np.array(kinds), **{k: np.array(v) for k, v in out.items()}}


def figures(entry: Model, said: Said) -> dict[str, dict]:
    """Return what each shift does to a network, and how well its detector tells."""
    detector, familiarity, _ = read_detector(entry.ood_path)
    score = detector.score(said.features_nd, np.log(np.maximum(said.value_nc, 1e-12)))
    ood, right = familiarity.layer(score), said.value_nc.argmax(axis=1) + 1 == said.truth_n
    key, known = said.place_n * 10_000 + said.cell_n, said.truth_n > 0
    usual = (said.kind_n == said.kinds.index("none")) & known
    made = {
        "none": {
            "n": int(usual.sum()),
            "accuracy": float(right[usual].mean()),
            "flagged": float((ood[usual] >= FLAG).mean()),
        }
    }
    for number, kind in enumerate(said.kinds):
        under = (said.kind_n == number) & (said.share_n > 0.5) & known
        if kind == "none" or not under.any():
            continue
        same = usual & np.isin(key, key[under])
        told = detection_figures(score[usual], score[under])
        risk = risk_figures(np.r_[score[usual], score[under]], ~np.r_[right[usual], right[under]])
        made[kind] = {
            "n": int(under.sum()),
            "places": len(np.unique(said.place_n[under])),
            "accuracy_before": float(right[same].mean()),
            "accuracy_after": float(right[under].mean()),
            "auroc": told["auroc"],
            "fpr95": told["fpr95"],
            "flagged": float((ood[under] >= FLAG).mean()),
            **{k: risk[k] for k in ("risk", "risk_80", "risk_50", "aurc")},
        }
    return {k: {a: round(b, 4) for a, b in v.items()} for k, v in made.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kept", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    given.kept.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    made = {}
    for entry in (m for m in models() if m.product == "lcz"):
        made[entry.name] = figures(entry, said_of(replace(entry, temperature=1.0), given.kept))
        for kind, row in made[entry.name].items():
            print(entry.name, kind, json.dumps(row), flush=True)
    if given.json:
        lines = [json.dumps({"network": n, "shift": k, **r}) for n, by in made.items() for k, r in by.items()]
        text = ",\n".join(lines)
        given.json.write_text(f'{{"synthetic": true, "places": {COUNT}, "rows": [\n{text}\n]}}\n')


if __name__ == "__main__":
    main()
