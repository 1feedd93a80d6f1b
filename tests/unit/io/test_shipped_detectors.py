"""The detectors that ship: small, of the networks they say, and what they said of two windows at first."""

import hashlib

import numpy as np
import pytest
import torch

from eomap.io.ood_file import read_detector
from eomap.io.registry import known_input, model, models
from eomap.io.weights import load_network, weights_path

GOLDEN = [0.6463, 0.8990, 0.9988]
"""Of a field, of the same with an offset that nobody took away, and of waves."""
LCZ = [m for m in models() if m.product == "lcz"]


@pytest.mark.parametrize("entry", LCZ, ids=lambda m: m.name)
def test_detectors_are_of_the_network_and_layer_that_the_registry_names(entry):
    data = entry.ood_path.read_bytes()
    assert hashlib.sha256(data).hexdigest() == entry.ood_sha256 and len(data) < 300_000
    detector, curve, about = read_detector(entry.ood_path)
    assert (about["model_sha256"], about["layer"]) == (entry.sha256, entry.features)
    assert about["synthetic_share"] == 0.5 and min(about["places"]) >= 6
    assert detector.whitening_de.shape[0] == detector.mean_cd.shape[1]
    assert curve.share_q[0] == 0 and curve.share_q[-1] > 0.99


def test_what_the_small_network_finds_familiar():
    torch.set_num_threads(1)
    entry = model("eomap-lcz-s")
    network = load_network(entry, weights_path(entry))
    rng = np.random.default_rng(0)
    plain = np.array([900, 850, 800, 1_100, 2_000, 2_400, 2_300, 2_600, 1_900, 1_100])
    side = entry.layout.side_px
    field = (plain[:, None, None] * (1 + 0.08 * rng.standard_normal((1, side, side)))).astype(np.uint16)
    windows = [field, field + 1_000, known_input(entry, entry.test[0])]
    ood = [network(w[None], np.zeros((1, 0), np.float32))[0, 17] for w in windows]
    assert all(o.shape == (32, 32) and (o >= 0).all() and (o <= 1).all() for o in ood)
    middle = [float(np.median(o)) for o in ood]
    assert middle == pytest.approx(GOLDEN, abs=0.01)
    assert middle[0] < middle[1] < middle[2]
