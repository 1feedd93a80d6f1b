"""The settlement product: stored values, gaps, and what its network is taught by."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.io.registry import model
from eomap.io.weights import load_network, weights_path
from eomap.nn.losses_masked import masked_share_divergence
from eomap.nn.settlement_s import OUTPUTS
from eomap.nn.windows import Windowed
from eomap.products.settlement.layers import stored
from eomap.products.settlement.training import BETA, RECIPE, figures, loss, target

ZONES = slice(2, 19)


def answer(share, variance, zone, *, p=0.6, shape=(2, 3)):
    """Return what a network says of some rows (k, rows, cols): everywhere the same."""
    value = np.full((len(OUTPUTS), *shape), (1 - p) / 16, np.float32)
    value[0], value[1], value[1 + zone] = share, variance, p
    return value


@settings(deadline=None)  # a kernel compiles in the first example
@given(
    share=st.floats(0, 1, width=32),
    sigma=st.floats(0, 1, width=32),
    zone=st.integers(1, 17),
    p=st.floats(0.25, 1, width=32),
)
def test_stored_values_are_the_answer_to_within_half_a_step(share, sigma, zone, p):
    made = stored(answer(share, sigma**2, zone, p=p))
    assert np.allclose(made["settlement"] * 1e-4, share, atol=0.51e-4)
    assert np.allclose(made["sigma"] * 1e-4, sigma, atol=0.51e-4)
    assert (made["lcz"] == zone).all()
    assert np.allclose(made["confidence"] / 250, p, atol=0.51 / 250)
    assert (made["ood"] == 255).all(), "nothing tells"


def test_how_familiar_is_the_channel_behind_its_own():
    value = np.concatenate([answer(0.2, 0.01, 6), np.full((1, 2, 3), 0.4, np.float32)])
    assert (stored(value)["ood"] == 100).all()


def test_a_target_repeats_zones_over_their_cells_and_knows_no_more():
    rng = np.random.default_rng(0)
    share = rng.random((64, 64)).astype(np.float32)
    zone = rng.integers(1, 18, (12, 12)).astype(np.float32)
    zone[0, 0] = np.nan
    made = target({"settlement": share, "lcz": zone})
    assert made.shape == (2, 64, 64) and np.array_equal(made[0], share)
    for row, col in ((5, 0), (59, 59), (12, 33)):
        assert made[1, row, col] == zone[row // 5, col // 5]
    assert (
        np.isnan(made[1, :5, :5]).all() and np.isnan(made[1, 60:]).all() and np.isnan(made[1, :, 60:]).all()
    )


def batch(seed=0, weights=False):
    torch.manual_seed(seed)
    y = torch.rand(2, len(OUTPUTS) + 2 * weights, 4, 4)
    y[:, ZONES] /= y[:, ZONES].sum(dim=1, keepdim=True)
    if weights:
        y[:, -2:] = torch.tensor([0.3, -0.7])[None, :, None, None]
    truth = torch.stack([torch.rand(2, 4, 4), torch.randint(1, 18, (2, 4, 4)).float()], dim=1)
    return y, truth, torch.ones_like(truth, dtype=torch.bool)


def test_loss_by_hand():
    y, truth, valid = batch(weights=True)
    t, p = truth[:, 0].clamp(1e-4, 1 - 1e-4), y[:, 0].clamp(1e-4, 1 - 1e-4)
    share = (t * (t / p).log() + (1 - t) * ((1 - t) / (1 - p)).log()).mean()
    zone = -y[:, ZONES].gather(1, truth[:, 1:].long() - 1).log().mean()
    each = 0.5 * (y[:, 1].log() + (truth[:, 0] - y[:, 0]) ** 2 / y[:, 1])
    unsure = (each * y[:, 1] ** BETA).mean()
    by_hand = 0.5 * math.exp(-0.3) * share + 0.15 + math.exp(0.7) * zone - 0.35 + unsure
    assert float(loss(y, truth, valid)) == pytest.approx(float(by_hand), rel=1e-5)


def test_what_nobody_knows_teaches_nothing():
    y, truth, valid = batch()
    valid[:, :, :2] = False
    y.requires_grad_(True)
    first = loss(y, torch.where(valid, truth, 0.0), valid)
    first.backward()
    assert (y.grad[:, :, :2] == 0).all() and (y.grad[:, :, 2:] != 0).any() and y.grad.isfinite().all()
    with torch.no_grad():
        other = y.clone()
        other[:, :, :2] = 0.5
        assert torch.equal(loss(other, torch.where(valid, truth, 0.0), valid), first)
    nothing = loss(y, torch.zeros_like(truth), torch.zeros_like(valid))
    assert float(nothing.detach()) == 0


@settings(deadline=None)
@given(st.lists(st.floats(0.05, 0.95), min_size=2, max_size=12))
def test_divergence_has_its_optimum_at_the_mean(shares):
    t = torch.tensor(shares, dtype=torch.float64)
    y = torch.full_like(t, float(t.mean())).requires_grad_(True)
    best = masked_share_divergence(y, t)
    assert float(torch.autograd.grad(best, y)[0].sum().abs()) < 1e-9
    for off in (-0.02, 0.02):
        assert masked_share_divergence(y.detach() + off, t) > best


def test_divergence_is_nought_only_for_the_truth():
    t = torch.tensor([0.0, 0.3, 1.0])
    assert float(masked_share_divergence(t, t)) == pytest.approx(0, abs=1e-6)
    assert float(masked_share_divergence(1 - t, t)) > 1
    assert float(masked_share_divergence(t, torch.full_like(t, torch.nan))) == 0


def test_figures_of_a_perfect_map_and_of_a_shifted_one():
    rng = np.random.default_rng(4)
    truth = np.stack([rng.random((3, 8, 8)), rng.integers(1, 18, (3, 8, 8))], axis=1).astype(np.float32)
    y = np.full((3, len(OUTPUTS), 8, 8), 0.01, np.float32)
    y[:, 0] = truth[:, 0]
    np.put_along_axis(y[:, ZONES], truth[:, 1:].astype(int) - 1, 0.9, axis=1)
    perfect = figures(y, truth)
    assert perfect["r2"] == 1 and perfect["rmse"] == 0 and perfect["within_1_sigma"] == 1
    assert perfect["lcz_oa"] == perfect["lcz_aa"] == perfect["lcz_kappa"] == 1
    y[:, 0] += 0.2
    truth[0, :, :4] = np.nan
    shifted = figures(y, truth)
    assert [shifted[k] for k in ("bias", "mae", "rmse")] == pytest.approx([0.2] * 3, abs=1e-6)
    assert shifted["within_1_sigma"] == 0, "sigma is 0.1"


def test_the_recipe_is_of_the_product():
    from eomap.products.settlement import PRODUCT

    (need,) = PRODUCT.needs
    (picture,) = RECIPE.pictures
    assert (picture.of, picture.bands) == (need.of, need.bands)
    assert RECIPE.cells == 64 and RECIPE.cell_px == PRODUCT.cell_px
    assert need.halo_px == (RECIPE.cells - 1) * RECIPE.cell_px + 24, (
        "whole windows, and what fills their gaps"
    )


def test_the_shipped_network_says_the_same_of_a_part_as_of_the_whole():
    entry = model("eomap-settlement-s")
    assert entry.synthetic and entry.size < 5e6
    predict = Windowed(load_network(entry, weights_path(entry)))
    rows, cols, halo = 130, 96, predict.halo_px
    y, x = np.mgrid[: 2 * rows + 2 * halo, : 2 * cols + 2 * halo]
    code = np.stack([800 + 60 * b + (x // 5 * 31 + y // 7 * 17 * (b + 1)) % 1500 for b in range(10)])
    code = code.astype(np.uint16)
    code[:, 150:190, 140:200] = 0
    whole = predict(code, np.ones((rows, cols), bool), origin_rc=(40, -17))
    assert whole.shape[0] == entry.told == len(OUTPUTS) + 1
    top, left, high, wide = 33, 21, 40, 50
    part = code[:, 2 * top : 2 * (top + high) + 2 * halo, 2 * left : 2 * (left + wide) + 2 * halo]
    given = predict(part, np.ones((high, wide), bool), origin_rc=(40 + top, -17 + left))
    assert np.array_equal(given, whole[:, top : top + high, left : left + wide])
