"""Gaussian losses against the reference's numbers and torch's own; ensembles against their mixture."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.nn.losses_gauss import ensemble, multivariate_nll, univariate_nll, unscaled


def ramp(shape, a, b=0.0, low=0.0, high=1.0):
    n = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return (low + (high - low) * (0.5 + 0.5 * torch.sin(a * n + b))).float().view(shape)


def pictures(n, variances=13):
    shape = (n, 13, 4, 5)
    return ramp(shape, 0.37), ramp(shape, 0.53, 1), ramp((n, variances, 4, 5), 0.71, 2, 0.05, 0.5)


@pytest.mark.parametrize(
    ("n", "reference", "textbook"),
    [(1, 13.230789, 13.230791), (2, 2.574729, 12.537487), (4, -17.452181, 12.390537)],
)
def test_multivariate_loss_has_the_reference_numbers(n, reference, textbook):
    assert multivariate_nll(*pictures(n)).item() == pytest.approx(textbook, abs=2e-5)
    faithful = multivariate_nll(*pictures(n), faithful_batch_logdet=True)
    assert faithful.item() == pytest.approx(reference, abs=2e-5)


def test_isotropic_and_univariate_losses_have_the_reference_numbers():
    assert multivariate_nll(*pictures(1, variances=1)).item() == pytest.approx(12.267076, abs=1e-5)
    assert univariate_nll(*pictures(1)).item() == pytest.approx(1.017753, abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_losses_are_the_densities_of_torch(seed):
    torch.manual_seed(seed)
    mean, target = torch.rand(2, 3, 4, 5), torch.rand(2, 3, 4, 5)
    variance, one = 0.01 + torch.rand(2, 3, 4, 5), 0.01 + torch.rand(2, 1, 4, 5)
    nll = torch.nn.GaussianNLLLoss(full=True)
    assert univariate_nll(mean, target, variance).item() == pytest.approx(
        nll(mean, target, variance).item(), abs=1e-5
    )
    for v in (variance, one):
        spread = torch.diag_embed(v.expand_as(mean).movedim(1, -1))
        density = torch.distributions.MultivariateNormal(mean.movedim(1, -1), spread)
        expected = -density.log_prob(target.movedim(1, -1)).mean()
        assert multivariate_nll(mean, target, v).item() == pytest.approx(expected.item(), abs=1e-4)


def test_a_variance_of_nothing_stays_finite():
    mean, target, variance = pictures(1)
    for loss in (multivariate_nll, univariate_nll):
        assert loss(mean, target, torch.zeros_like(variance)).isfinite()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.integers(0, 1000), st.booleans())
def test_an_ensemble_has_the_moments_of_its_mixture(members, seed, isotropic):
    torch.manual_seed(seed)
    means = torch.rand(members, 2, 3, 4, 5, dtype=torch.float64)
    variances = torch.rand(members, 2, 1 if isotropic else 3, 4, 5, dtype=torch.float64)
    mean, aleatoric, epistemic = ensemble(means, variances)
    total = (variances + means.square()).mean(dim=0) - means.mean(dim=0).square()
    assert torch.allclose(mean, means.mean(dim=0)) and (epistemic >= 0).all()
    assert torch.allclose(aleatoric + epistemic, total)


def test_one_member_knows_all_it_says():
    mean, aleatoric, epistemic = ensemble(torch.rand(1, 1, 2, 3, 3), torch.full((1, 1, 2, 3, 3), 0.25))
    assert (epistemic == 0).all() and (aleatoric == 0.25).all() and mean.shape == (1, 2, 3, 3)


def test_scale_leaves_the_loss_by_the_logarithm_of_the_bands():
    mean, target, variance = pictures(1)
    small, spread = unscaled(10 * mean, 100 * variance, 10.0)
    assert torch.allclose(small, mean) and torch.allclose(spread, variance)
    wide = multivariate_nll(10 * mean, 10 * target, 100 * variance)
    change = 13 * torch.log(torch.tensor(10.0))
    assert (wide - multivariate_nll(mean, target, variance)).item() == pytest.approx(change.item(), abs=1e-4)


def test_shapes_that_do_not_fit_are_refused():
    mean, target, variance = pictures(2)
    for wrong in (
        (mean[0], target[0], variance[0]),
        (mean, target[:1], variance),
        (mean, target, variance[:, :2]),
    ):
        with pytest.raises(MisuseError, match="variance"):
            multivariate_nll(*wrong)
    with pytest.raises(MisuseError, match="member"):
        ensemble(torch.rand(2, 1, 1, 1, 1), torch.rand(3, 1, 1, 1, 1))
