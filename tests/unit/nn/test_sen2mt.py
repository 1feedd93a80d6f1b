"""Sen2-MT: the published size and cost, what its two maps are, its losses by hand."""

import math

import pytest
import torch
from filled import gflop, n_parameters, ramp
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.nn.losses_masked import masked_settlement_mae
from eomap.nn.sen2mt import NARROW, STRIDE_PX, Attention, Sen2MT, TaskWeights, both_pools, lcz_cross_entropy


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def narrow():
    torch.manual_seed(0)
    return Sen2MT(width=4).eval()


def test_published_size_with_and_without_attention():
    with torch.device("meta"):
        whole, plain = Sen2MT(), Sen2MT(attention=False)
    assert n_parameters(whole) == 1_542_089
    assert n_parameters(plain) == 1_508_549
    statistics = [b for name, b in plain.named_buffers() if "running" in name]
    assert sum(b.numel() for b in statistics) == 4_800
    norms = [m for m in whole.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert {norm.eps for norm in norms} == {1e-3}


def test_our_narrow_one_fits_four_megabytes():
    with torch.device("meta"):
        state = Sen2MT(NARROW).state_dict()
    assert sum(v.numel() * v.element_size() for v in state.values()) < 4e6


def test_published_cost():
    assert gflop(Sen2MT, 1, 10, 128, 128) == pytest.approx(2.31, abs=0.005)


def test_settlement_at_20_m_and_probabilities_at_10_m(narrow):
    with torch.inference_mode():
        maps = narrow.maps(ramp((2, 10, 48, 32), 0.71))
        settlement, lcz = narrow(ramp((2, 10, 48, 32), 0.71))
    assert settlement.shape == (2, 1, 24, 16)
    assert float(settlement.min()) > 0 and float(settlement.max()) < 1
    assert lcz.shape == (2, 17, 48, 32)
    assert torch.allclose(lcz.sum(dim=1), torch.ones(2, 48, 32), atol=1e-5)
    assert maps.features.shape == (2, 64, 24, 16)
    assert torch.equal(maps.settlement, settlement)
    assert torch.equal(maps.lcz, lcz)


def test_zones_are_the_mean_of_four_enlarged_heads(narrow):
    seen = {}
    hooks = [
        head.register_forward_hook(lambda _, __, out, i=i: seen.update({i: out}))
        for i, head in enumerate(narrow.lcz_heads)
    ]
    with torch.inference_mode():
        _, lcz = narrow(ramp((1, 10, 32, 32), 0.53))
    for hook in hooks:
        hook.remove()
    assert [seen[i].shape[2] for i in range(4)] == [16, 8, 4, 4]
    large = [torch.softmax(seen[i], 1).repeat_interleave(32 // seen[i].shape[2], 2) for i in range(4)]
    mean = sum(p.repeat_interleave(32 // p.shape[3], 3) for p in large) / 4
    assert torch.allclose(lcz, mean, atol=1e-6)


def test_tasks_attend_apart():
    torch.manual_seed(1)
    network = Sen2MT(width=4).eval()
    x = ramp((1, 10, 16, 16), 0.29)
    with torch.inference_mode():
        settlement, lcz = network(x)
        torch.nn.init.ones_(network.lcz_attention.pixels.weight)
        same, other = network(x)
    assert torch.equal(settlement, same)
    assert not torch.equal(lcz, other)


def test_attention_without_weights_halves_twice():
    attention = Attention(16)
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.zero_()
        x = ramp((1, 16, 5, 7))
        assert torch.allclose(attention(x), x / 4)


def test_pools_are_maximum_and_mean():
    x = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]])
    assert both_pools(x).flatten().tolist() == [6.0, 3.0]


@pytest.mark.parametrize("shape", [(1, 9, 16, 16), (1, 10, 16, 20), (1, 10, 0, 16)])
def test_other_windows_are_refused(narrow, shape):
    with pytest.raises(MisuseError, match=f"10 channels and sides that are multiples of {STRIDE_PX}"):
        narrow(torch.zeros(shape))


def test_settlement_loss_by_hand():
    one, zero = torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)
    assert float(masked_settlement_mae(one, one)) == 0
    assert float(masked_settlement_mae(zero, one)) == pytest.approx(math.e)
    assert float(masked_settlement_mae(one, zero)) == pytest.approx(1)


def test_task_weights_start_at_half_and_whole():
    weights = TaskWeights()
    assert weights(torch.tensor(3.0), torch.tensor(5.0)).item() == pytest.approx(1.5 + 5)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.floats(0.01, 10), st.floats(0.01, 10))
def test_best_task_weights_are_the_losses_themselves(regression, classification):
    # d/ds1 = 0 at s1 = log L1, d/ds2 = 0 at s2 = log 2 L2.
    weights = TaskWeights()
    with torch.no_grad():
        weights.log_variances.copy_(torch.tensor([regression, 2 * classification]).log())
    weights(torch.tensor(regression), torch.tensor(classification)).backward()
    assert weights.log_variances.grad.tolist() == pytest.approx([0, 0], abs=1e-6)


def test_cross_entropy_counts_labelled_pixels_only():
    p = torch.full((1, 17, 2, 2), 1 / 17)
    p[0, 3, 0, 0] = 0.5
    labels = torch.tensor([[[3, -1], [-1, -1]]])
    assert float(lcz_cross_entropy(p, labels)) == pytest.approx(math.log(2))
    assert float(lcz_cross_entropy(p, labels.fill_(-1))) == 0


def test_one_step_trains_every_parameter():
    torch.manual_seed(2)
    network, weights = Sen2MT(width=2), TaskWeights()
    settlement, lcz = network(torch.rand(2, 10, 16, 16))
    loss = weights(
        masked_settlement_mae(settlement, torch.rand_like(settlement)),
        lcz_cross_entropy(lcz, torch.randint(0, 17, (2, 16, 16))),
    )
    loss.backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in network.parameters())
    assert weights.log_variances.grad.abs().min() > 0
