"""Losses with holes in the truth: equal to the loss of the seen part, silent about the rest."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from eomap.errors import MisuseError
from eomap.nn import losses_masked as losses

QUANTILES = (0.05, 0.5, 0.95)


def _nll(y, target):
    return losses.masked_gaussian_nll(y, y * 0.3 - 0.1, target)


LOSSES = {
    "mae": losses.masked_mae,
    "mse": losses.masked_mse,
    "nll": _nll,
    "settlement": losses.masked_settlement_mae,
    "pinball": lambda y, target: losses.masked_pinball(y, target, (0.2,)),
}


def _pair(seed):
    generator = torch.Generator().manual_seed(seed)
    y, target = torch.rand((2, 2, 1, 4, 6), generator=generator)
    return y, target, torch.rand(target.shape, generator=generator)


@pytest.mark.parametrize("name", LOSSES)
@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=st.integers(0, 999), share=st.floats(0, 0.9))
def test_a_masked_loss_is_the_loss_of_the_seen_part(name, seed, share):
    y, target, dice = _pair(seed)
    seen = dice >= share
    holed = torch.where(seen, target, float("nan"))
    n = int(seen.sum())
    part = LOSSES[name](y[seen].view(1, 1, n), target[seen].view(1, 1, n))
    assert float(LOSSES[name](y, holed)) == pytest.approx(float(part), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", LOSSES)
def test_nothing_seen_costs_nothing(name):
    y, target, _ = _pair(0)
    y.requires_grad_()
    loss = LOSSES[name](y, torch.full_like(target, float("nan")))
    loss.backward()
    assert loss.item() == 0
    assert not y.grad.any()


@pytest.mark.parametrize("name", LOSSES)
def test_no_gradient_comes_from_holes_even_where_the_network_failed(name):
    y, target, dice = _pair(1)
    holes = dice < 0.5
    y[holes] = float("nan")
    y.requires_grad_()
    LOSSES[name](y, torch.where(holes, float("nan"), target)).backward()
    assert bool(y.grad.isfinite().all())
    assert not y.grad[holes].any()
    assert y.grad[~holes].any()


def test_against_torch():
    y, target, dice = _pair(2)
    assert torch.allclose(losses.masked_mae(y, target), F.l1_loss(y, target))
    assert torch.allclose(losses.masked_mse(y, target), F.mse_loss(y, target))
    expected = F.gaussian_nll_loss(y, target, dice + 0.1)
    assert torch.allclose(losses.masked_gaussian_nll(y, (dice + 0.1).log(), target), expected, atol=1e-6)


def test_best_log_variance_is_that_of_the_errors():
    error = torch.tensor([1.0, -2.0, 3.0, 0.5])
    s = error.square().mean().log().requires_grad_()
    losses.masked_gaussian_nll(error, s.expand(4), torch.zeros(4)).backward()
    assert float(s.grad) == pytest.approx(0, abs=1e-6)


def test_pinball_by_hand():
    y = torch.tensor([1.0, 1.0, 1.0]).view(1, 3, 1)
    above, below = torch.full((1, 1, 1), 3.0), torch.full((1, 1, 1), -1.0)
    assert float(losses.masked_pinball(y, above, QUANTILES)) == pytest.approx(2 * (0.05 + 0.5 + 0.95) / 3)
    assert float(losses.masked_pinball(y, below, QUANTILES)) == pytest.approx(2 * (0.95 + 0.5 + 0.05) / 3)


def test_pinball_is_least_at_the_quantile():
    truth = torch.linspace(0, 1, 1001).view(1001, 1, 1)
    tried = torch.linspace(0, 1, 101)
    cost = [losses.masked_pinball(y.expand(1001, 1, 1), truth, (0.9,)) for y in tried]
    assert float(tried[int(torch.stack(cost).argmin())]) == pytest.approx(0.9)


@pytest.mark.parametrize("quantiles", [(0.5,), (0.1, 0.5, 1.0)])
def test_quantiles_must_fit(quantiles):
    with pytest.raises(MisuseError, match="3 quantiles between 0 and 1"):
        losses.masked_pinball(torch.zeros(1, 3, 2), torch.zeros(1, 1, 2), quantiles)


def test_shapes_must_be_equal():
    with pytest.raises(MisuseError, match="target of shape"):
        losses.masked_mae(torch.zeros(2, 1, 3, 3), torch.zeros(2, 3, 3))


def test_dense_settlement_counts_e_times():
    one = torch.ones(1)
    assert float(losses.masked_settlement_mae(one * 0, one)) == pytest.approx(math.e)


@given(st.floats(-4, 1), st.floats(0.05, 3))
@settings(deadline=None)
def test_beta_scales_what_a_pixel_counts_and_not_its_optimum(log_variance, error):
    s = torch.tensor([log_variance], dtype=torch.float64, requires_grad=True)
    y, target = torch.zeros(1, dtype=torch.float64), torch.tensor([error], dtype=torch.float64)
    plain = torch.autograd.grad(losses.masked_gaussian_nll(y, s, target), s)[0]
    for beta in (0.5, 1.0):
        weighed = torch.autograd.grad(losses.masked_gaussian_nll(y, s, target, beta=beta), s)[0]
        assert torch.allclose(weighed, plain * math.exp(beta * log_variance))
    # With beta 1 the slope is bounded by the error itself, however sure the network was.
    assert abs(float(weighed)) <= 0.5 * max(math.exp(log_variance), error**2)
