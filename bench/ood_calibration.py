"""Fit a temperature for each LCZ network and measure what it does on places held out, as JSON and a table.

    EOMAP_SHARED=../shared python bench/ood_calibration.py [--json FILE]

Two kinds of truth: the zones of the twin's validation places (synthetic; what a network of real cities makes
of them is partly the twin's fault), and the Esri land cover of three real L1C scenes, in six groups of zones.
The temperature has the least sum of both negative log-likelihoods, and half of it, as a logarithm, is
taken: three real scenes do not carry the whole. It is judged on the twin's test places, and on each real
scene with a temperature fitted without it; `whole` says what all of it would do there. Windows of a real
scene overlap, so n is not a number of independent samples. One thread, about three minutes, once the twin's
places are drawn.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import ood
import rasterio
import torch

from eomap.io.registry import Model, models
from eomap.io.weights import bare_network, weights_path
from eomap.nn.windows import Windowed
from eomap.ood.calibration import brier_score, calibration_error, tempered
from eomap.products import product
from eomap.training.samples import Samples
from eomap.training.twin_inputs import inputs_of
from eomap.training.twin_samples import TwinOrder, twin_samples

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Answers = tuple[F64, I64]
"""Probabilities (n, c) and the true class or group (n)."""

GROUPS = (tuple(range(10)), (10, 11), (12,), (13,), (14, 15), (16,))
"""Zones that are built, trees, bush, low plants, bare, water."""
ESRI = {5: 0, 2: 1, 4: 3, 6: 4, 1: 5}
"""Code of the land cover to group; rangeland may be bush or low plants and is left out."""
REAL = ("Tanzania", "Brazil", "Denmark")
STEP_PX, CELL_PX, MARGIN_PX = 8, 10, 16
TEMPERATURES = 1.05 ** np.arange(-14, 30)
HALF = 0.5
SHARE = 0.2
"""Of a twin place's cells."""


def twin_answers(entry: Model, samples: Samples, split: str) -> Answers:
    """Return what a network says of some cells of the twin's places, and their zones."""
    network = Windowed(bare_network(entry, weights_path(entry)))
    made, rng = product(entry.product), np.random.default_rng(0)
    said, true = [], []
    for n in samples.of(split):
        given = inputs_of(samples, n, made, entry.level)
        halo = given.halo_px // CELL_PX
        origin = -given.frame.y0 // 100 + halo, given.frame.x0 // 100 + halo
        cut = given.halo_px - network.halo_px
        inner = slice(cut, given.frame.height - cut)
        truth = np.asarray(samples.array("lcz").rows[n])[halo:-halo, halo:-halo]
        wanted = (rng.random(truth.shape) < SHARE) & (truth > 0)
        if wanted.any() and (given.dn_byx > 0).all():
            value = network(np.ascontiguousarray(given.dn_byx[:, inner, inner]), wanted, origin_rc=origin)
            said.append(value[:, wanted].T)
            true.append(truth[wanted].astype(np.int64) - 1)
    return np.concatenate(said).astype(np.float64), np.concatenate(true)


def real_answers(name: str, network: torch.nn.Module, place: str) -> Answers:
    """Return what a network says of windows of a real scene, and the group of their middle cell."""
    given = ood.windows(ood.L1C, ood.PLACES[place][0].format("L1C"), STEP_PX)
    with rasterio.open(ood.DATA / f"catalog/labels/LABEL_{place}/lulc.tif") as file:
        codes = file.read(1)
    tops, lefts = (range(0, n - ood.SIDE_PX + 1, STEP_PX) for n in codes.shape)
    true = np.full(len(given.pixels), -1)
    for k, (y, x) in enumerate((y, x) for y in tops for x in lefts):
        cell = codes[y + MARGIN_PX : y + MARGIN_PX + CELL_PX, x + MARGIN_PX : x + MARGIN_PX + CELL_PX]
        counts = np.bincount(cell.ravel(), minlength=12)
        code = int(counts.argmax())
        if code in ESRI and 2 * counts[code] > cell.size:
            true[k] = ESRI[code]
    cut = slice(None) if name == "eomap-lcz-s" else slice(5, 37)
    x = torch.from_numpy(np.ascontiguousarray(given.pixels[true >= 0][:, :, cut, cut]))
    with torch.inference_mode():
        said = np.concatenate([network(part).flatten(1).numpy() for part in x.split(64)])
    return said.astype(np.float64), true[true >= 0]


def grouped(probability_nc: F64) -> F64:
    """Return the probability of each group of zones."""
    return np.stack([probability_nc[:, list(g)].sum(axis=1) for g in GROUPS], axis=1)


def loss(answers: Answers, temperature: float, *, groups: bool) -> float:
    """Return the negative log-likelihood per sample, in nats."""
    p = tempered(answers[0], temperature)
    p = grouped(p) if groups else p
    return float(-np.log(np.maximum(p[np.arange(len(p)), answers[1]], 1e-12)).mean())


def joined(parts: list[Answers]) -> Answers:
    """Return the answers of several places as one."""
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def fitted(twin: Answers, real: Answers) -> float:
    """Return the temperature with the least sum of both losses."""
    sums = [loss(twin, t, groups=False) + loss(real, t, groups=True) for t in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(sums))])


def figures(probability_nc: F64, true: I64) -> dict[str, float]:
    """Return how well probabilities agree with what is true."""
    return {
        "n": len(true),
        "accuracy": round(float((probability_nc.argmax(axis=1) == true).mean()), 4),
        "confidence": round(float(probability_nc.max(axis=1).mean()), 4),
        "ece": round(calibration_error(probability_nc, true), 4),
        "brier": round(brier_score(probability_nc, true), 4),
    }


def measured(entry: Model, network: torch.nn.Module, samples: Samples) -> dict:
    """Return the temperature of a network, and figures before and after it where it was not fitted."""
    val, test = (twin_answers(entry, samples, split) for split in ("val", "test"))
    real = {place: real_answers(entry.name, network, place) for place in REAL}
    without = {p: fitted(val, joined([a for q, a in real.items() if q != p])) for p in REAL}
    together = fitted(val, joined(list(real.values())))
    alone = [loss(val, t, groups=False) for t in TEMPERATURES]
    before = joined(list(real.values()))

    def real_after(power: float) -> dict[str, float]:
        parts = [(tempered(a[0], without[p] ** power), a[1]) for p, a in real.items()]
        return figures(grouped(joined(parts)[0]), before[1])

    def twin_after(power: float) -> dict[str, float]:
        return figures(tempered(test[0], together**power), test[1])

    return {
        "temperature": round(together**HALF, 2),
        "fitted": round(together, 2),
        "twin alone": round(float(TEMPERATURES[int(np.argmin(alone))]), 2),
        "without": {p: round(t, 2) for p, t in without.items()},
        "n_val": len(val[1]),
        "twin test": {"before": figures(*test), "after": twin_after(HALF), "whole": twin_after(1)},
        "real groups": {
            "before": figures(grouped(before[0]), before[1]),
            "after": real_after(HALF),
            "whole": real_after(1),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    out = parser.parse_args().json
    torch.set_num_threads(1)
    samples = twin_samples(TwinOrder(), ("s2_l1c_year", "lcz"))
    networks = dict(ood.networks())
    made = {}
    for entry in models():
        if entry.product == "lcz":
            made[entry.name] = measured(entry, networks[entry.name], samples)
            print(entry.name, json.dumps(made[entry.name]), flush=True)
    if out:
        out.write_text(json.dumps({"synthetic": "twin test, n_val", **made}, indent=1) + "\n")


if __name__ == "__main__":
    main()
