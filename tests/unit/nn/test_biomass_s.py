"""Networks of biomass: roots and back, members and their windows, bounds that travel."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.nn.biomass_s import (
    LEAST_VARIANCE,
    LEVELS_MG_HA,
    Biomass,
    Roots,
    biomass_enmap_s,
    biomass_s,
    interval_score,
    levels,
    mapped,
    moments,
    pooled,
    roots_nll,
)

roots = st.floats(0, 25)
variances = st.floats(LEAST_VARIANCE, 30)


def of(means, spreads):
    """Return what members say of one pixel."""
    return Roots(*(torch.tensor(v, dtype=torch.float64).view(1, -1, 1, 1) for v in (means, spreads)))


def test_moments_are_those_of_a_squared_normal():
    draws = np.random.default_rng(0).normal(6.0, 1.5, 2_000_000) ** 2
    mean, variance = moments(of([6.0], [1.5**2]))
    assert mean.item() == pytest.approx(draws.mean(), rel=1e-3)
    assert variance.item() == pytest.approx(draws.var(), rel=5e-3)


@given(st.lists(st.tuples(roots, variances), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_a_map_is_never_negative_and_lies_in_its_interval(said):
    means, spreads = zip(*said, strict=True)
    j = len(LEVELS_MG_HA) + 1
    y = mapped(of(means, spreads), bound_j=torch.full((j,), 1.645), sigma_factor_j=torch.ones(j))
    biomass, sigma, low, high = y[0, :, 0, 0].tolist()
    assert biomass >= 0 and sigma > 0 and 0 <= low <= high
    root, deviation = (v.item() for v in pooled(of(means, spreads)))
    # E[x^2] = root^2 + variance over the members, so it stays below (root + 1.645 deviation)^2.
    assert low <= biomass + 1e-9 and root**2 <= high and deviation > 0


def test_members_that_agree_have_no_spread_of_their_own():
    alone, twice = of([4.0], [2.0]), of([4.0, 4.0], [2.0, 2.0])
    for said in (moments, pooled):
        assert [v.item() for v in said(alone)] == pytest.approx([v.item() for v in said(twice)])
    apart = moments(of([3.0, 5.0], [2.0, 2.0]))
    assert apart[1] > moments(of([4.0, 4.0], [2.0, 2.0]))[1]


def test_bounds_and_factors_work_by_level_and_travel():
    body = Biomass(torch.nn.Identity())
    body.calibrate([1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 2.0, 1.0])
    other = Biomass(torch.nn.Identity())
    other.load_state_dict(body.state_dict())
    made = mapped(of([9.0], [1.0]), bound_j=other.bound_j, sigma_factor_j=other.sigma_factor_j)
    plain = mapped(of([9.0], [1.0]), bound_j=torch.ones(4), sigma_factor_j=torch.ones(4))
    assert levels(made[:, 0]).item() == 2  # 82 Mg/ha
    assert made[0, 2].item() == (9 - 3) ** 2 and made[0, 3].item() == (9 + 3) ** 2
    assert made[0, 1].item() == pytest.approx(2 * plain[0, 1].item())
    with pytest.raises(ValueError, match="above 0"):
        body.calibrate([1.0] * 4, [1.0, 1.0, 0.0, 1.0])


def test_the_likelihood_is_least_at_the_truth_and_at_the_spread_of_errors():
    truth = torch.full((1, 1, 40, 40), 36.0, dtype=torch.float64)
    noise = torch.from_numpy(np.random.default_rng(1).normal(0, 0.8, (1, 1, 40, 40)))
    target = (truth.sqrt() + noise).square()
    valid = torch.ones_like(target, dtype=torch.bool)

    def cost(mean, variance, beta=0.0):
        y = torch.stack([torch.full_like(target, mean), torch.full_like(target, variance)], dim=2)
        return roots_nll(y, target, valid, beta=beta).item()

    assert cost(6.0, 0.64) < min(cost(5.5, 0.64), cost(6.5, 0.64), cost(6.0, 0.3), cost(6.0, 1.3))


def test_what_nobody_knows_counts_for_nothing():
    rng = torch.Generator().manual_seed(0)
    y = torch.rand((2, 2, 2, 4, 4), generator=rng) + 0.1
    target = torch.rand((2, 1, 4, 4), generator=rng) * 9
    valid = torch.rand((2, 1, 4, 4), generator=rng) > 0.4
    changed = torch.where(valid, target, 1e6)
    for loss, said in ((roots_nll, y), (interval_score, torch.rand((2, 4, 4, 4), generator=rng).sort(1)[0])):
        assert loss(said, target, valid) == loss(said, changed, valid)
        assert loss(said, target, torch.zeros_like(valid)) == 0


def test_the_interval_score_is_width_and_what_lies_beyond():
    y = torch.tensor([5.0, 1.0, 2.0, 8.0]).view(1, 4, 1, 1)
    for truth, score in ((5.0, 6.0), (1.0, 26.0), (9.5, 36.0)):
        found = interval_score(y, torch.full((1, 1, 1, 1), truth), torch.ones((1, 1, 1, 1), dtype=torch.bool))
        assert found.item() == pytest.approx(score)


@pytest.mark.parametrize(
    ("make", "channels", "side", "stride"), [(biomass_s, 12, 32, 16), (biomass_enmap_s, 202, 16, 8)]
)
def test_maps_have_four_numbers_a_pixel_and_features(make, channels, side, stride):
    torch.manual_seed(0)
    network = make().eval()
    x = torch.randint(1, 4000, (2, channels, side, side)).float()
    with torch.inference_mode():
        y, features = network(x, torch.zeros(2, 0))
        alone, _ = network(x[1:], torch.zeros(1, 0))
    assert y.shape == (2, 4, side, side) and features.shape[2:] == (side // stride,) * 2
    assert (y >= 0).all() and torch.allclose(alone, y[1:], rtol=1e-4, atol=1e-3)
    assert sum(v.numel() for v in network.state_dict().values()) * 4 < 5_000_000


def test_in_training_each_answer_is_of_its_own_window():
    torch.manual_seed(3)
    network = biomass_s().train()
    network.restate([1000.0] * 12, [500.0] * 12)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()  # so that windows that a member sees beside do not count
    x = torch.randint(1, 4000, (4, 12, 32, 32)).float().requires_grad_()
    y, _ = network(x, torch.zeros(4, 0))
    assert y.shape == (4, 2, 2, 32, 32)
    for member in range(2):
        for window in range(4):
            (slope,) = torch.autograd.grad(y[window, member, 0].sum(), x, retain_graph=True)
            assert slope.abs().sum(dim=(1, 2, 3)).argmax() == window


def test_same_seed_same_order_of_windows():
    network = biomass_s().train()
    x = torch.randint(1, 4000, (4, 12, 32, 32)).float()
    said = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        said.append(network(x, torch.zeros(4, 0))[0])
    assert torch.equal(said[0], said[1]) and not torch.equal(said[0], said[2])
