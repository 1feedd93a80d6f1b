"""Our own network: one output per cell, folding changes nothing, the shipped weights see simple things."""

import numpy as np
import pytest
import torch

from eomap.io.registry import model
from eomap.io.weights import bare_network, weights_path
from eomap.nn.lcz_s import HALO_PX, LczS, folded_state, lcz_s, standardise
from eomap.nn.windows import Windowed


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_one_output_per_cell_and_two_megabytes():
    network = lcz_s().eval()
    with torch.inference_mode():
        assert network(torch.rand(1, 10, 70 + 2 * HALO_PX, 30 + 2 * HALO_PX)).shape == (1, 17, 7, 3)
    assert sum(p.numel() for p in network.parameters()) * 4 < 2_000_000


def test_a_cell_sees_exactly_its_halo():
    network = lcz_s().double().eval()
    x = torch.rand(1, 10, 42, 42, dtype=torch.float64, requires_grad=True)
    network.logits(x).sum().backward()
    seen = (x.grad.abs().sum(dim=(0, 1)) > 0).numpy()
    assert seen.any(axis=0).all()
    assert seen.any(axis=1).all()
    with pytest.raises(RuntimeError):
        network(torch.rand(1, 10, 41, 41, dtype=torch.float64))


def test_folding_the_normalisation_keeps_the_answers():
    torch.manual_seed(0)
    trained = LczS(folded=False)
    for norm in trained.norms:
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.uniform_(norm.bias, -0.2, 0.2)
        torch.nn.init.uniform_(norm.running_mean, -0.2, 0.2)
        torch.nn.init.uniform_(norm.running_var, 0.5, 1.5)
    trained.eval()
    shipped = lcz_s().eval()
    shipped.load_state_dict(folded_state(trained))
    x = torch.rand(2, 10, 52, 62) * 0.4
    with torch.inference_mode():
        difference = trained.logits(standardise(x)) - shipped.logits(x)
    assert float(difference.abs().max()) < 1e-4


@pytest.fixture(scope="module")
def predictor():
    return Windowed(bare_network(model("eomap-lcz-s"), weights_path(model("eomap-lcz-s"))))


def _class_of(predictor, reflectance, *, grain=0.03):
    rng = np.random.default_rng(5)
    side = 5 * 10 + 2 * predictor.halo_px
    x = np.asarray(reflectance)[:, None, None] * (1 + grain * rng.standard_normal((1, side, side)))
    dn = np.rint(x * 10_000).astype(np.uint16)
    p = predictor(dn, np.ones((5, 5), bool), origin_rc=(0, 0))
    return np.bincount(p.argmax(axis=0).ravel() + 1, minlength=18).argmax()


def test_dark_smooth_water_is_water(predictor):
    water = [0.09, 0.07, 0.05, 0.045, 0.035, 0.03, 0.028, 0.025, 0.012, 0.008]
    assert _class_of(predictor, water) == 17


def test_dense_vegetation_is_trees_or_plants(predictor):
    trees = [0.08, 0.065, 0.035, 0.075, 0.2, 0.25, 0.27, 0.29, 0.12, 0.055]
    assert _class_of(predictor, trees, grain=0.12) in (11, 12, 14)
