"""eomap-settlement-s as a module: what it gives, that a gap is a gap, and which losses teach which part."""

import numpy as np
import pytest
import torch
from filled import ramp

from eomap.nn.settlement_s import FEATURE_CELLS, OUTPUTS, SettlementS, settlement_s

NONE = torch.zeros(1, 0)


@pytest.fixture
def small():
    torch.manual_seed(3)
    torch.set_num_threads(1)
    return SettlementS(width=2).eval()


def told(network, x):
    with torch.inference_mode():
        return network(x, torch.zeros(len(x), 0))


def test_it_gives_shares_variances_and_zones_on_cells_of_20_m(small):
    y, features = told(small, ramp((2, 10, 32, 48), 0.31))
    assert y.shape == (2, len(OUTPUTS), 16, 24) and len(OUTPUTS) == 19
    assert features.shape == (2, 32, 16 // FEATURE_CELLS, 24 // FEATURE_CELLS)
    assert (y >= 0).all() and (y[:, 0] <= 1).all() and (y[:, 1] > 0).all()
    assert torch.allclose(y[:, 2:].sum(dim=1), torch.ones(2, 16, 24), atol=1e-5)


def test_zones_are_means_of_the_four_pixels_of_a_cell(small):
    x = ramp((1, 10, 16, 16), 0.17)
    y, _ = told(small, x)
    with torch.inference_mode():
        fine = small.maps.maps(x).lcz
    for row, col in ((0, 0), (3, 5)):
        mean = fine[0, :, 2 * row : 2 * row + 2, 2 * col : 2 * col + 2].mean(dim=(1, 2))
        assert torch.allclose(y[0, 2:, row, col], mean, atol=1e-6)


def test_training_tells_the_weights_of_the_tasks_and_maps_do_not(small):
    x = ramp((1, 10, 16, 16), 0.17)
    with torch.no_grad():
        small.task_weights.log_variances.copy_(torch.tensor([0.5, -2.0]))
    y, _ = small.train()(x, NONE)
    assert y.shape[1] == len(OUTPUTS) + 2
    assert (y[:, -2] == 0.5).all() and (y[:, -1] == -2.0).all()
    assert told(small.eval(), x)[0].shape[1] == len(OUTPUTS)


def test_a_variance_teaches_its_head_alone(small):
    y, _ = small.train()(ramp((1, 10, 16, 16), 0.17), NONE)
    y[:, 1].sum().backward()
    moved = [name for name, p in small.named_parameters() if p.grad is not None and (p.grad != 0).any()]
    taught = {name.partition(".")[0] for name in moved}
    assert taught == {"log_variance"}


@pytest.mark.parametrize(("gain", "power"), [(0.25, 1.0), (4.0, 0.5), (1.0, 2.0)])
def test_a_calibration_changes_variances_and_nothing_else(small, gain, power):
    x = ramp((1, 10, 16, 16), 0.17)
    before, _ = told(small, x)
    small.calibrate(gain, power)
    after, _ = told(small, x)
    assert torch.allclose(after[:, 1], gain * before[:, 1] ** power)
    assert torch.equal(after[:, [0, *range(2, 19)]], before[:, [0, *range(2, 19)]])
    with pytest.raises(ValueError):
        small.calibrate(1.0, 0.0)


def test_what_was_not_seen_is_like_the_mean_of_every_band():
    torch.manual_seed(1)
    network = settlement_s().eval()
    means = [500.0 + 100 * band for band in range(10)]
    network.restate(means, [700.0] * 10)
    x = torch.tensor(means).view(1, 10, 1, 1).expand(1, 10, 16, 16)
    gap = torch.zeros(1, 10, 16, 16)
    assert torch.equal(told(network, x)[0], told(network, gap)[0])


def test_it_ships_in_less_than_five_megabytes():
    state = settlement_s().state_dict()
    assert sum(np.prod(v.shape, dtype=int) * v.element_size() for v in state.values()) < 5e6
