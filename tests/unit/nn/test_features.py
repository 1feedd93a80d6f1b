"""Features from the same forward pass: the named layer's own tensor, before what follows it."""

import pytest
import torch
from torch import nn

from eomap.errors import MisuseError
from eomap.nn.features import rows, with_features
from eomap.nn.resnet20 import so2sat_resnet20


class _Counting(nn.Module):
    """A convolution, a ReLU in place, a classifier; counts its passes."""

    def __init__(self):
        super().__init__()
        self.conv, self.relu, self.head = nn.Conv2d(2, 3, 3), nn.ReLU(inplace=True), nn.Linear(3, 4)
        self.unused, self.passes = nn.Linear(1, 1), 0

    def forward(self, x):
        self.passes += 1
        return torch.softmax(self.head(self.relu(self.conv(x)).mean(dim=(2, 3))), dim=1)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return _Counting().eval()


@pytest.fixture
def x():
    return torch.randn(5, 2, 8, 8, generator=torch.Generator().manual_seed(1))


def test_one_pass_gives_output_and_the_layer_before_its_non_linearity(network, x):
    with torch.inference_mode():
        output, seen = with_features(network, x, layers=("conv", "head"))
        assert network.passes == 1
        before = network.conv(x)
        assert (before < 0).any()
        torch.testing.assert_close(seen["conv"], before.mean(dim=(2, 3)), rtol=0, atol=0)
        torch.testing.assert_close(torch.softmax(seen["head"], dim=1), output, rtol=0, atol=0)
        assert torch.equal(output, network(x))
    assert not any(m._forward_hooks for m in network.modules())


def test_pools_and_grids(network, x):
    with torch.inference_mode():
        before = network.conv(x)
        _, most = with_features(network, x, layers=["conv"], pool="max")
        _, cells = with_features(network, x, layers=["conv"], grid=(2, 3))
        _, whole = with_features(network, x, layers=["conv"], pool="max", grid=(6, 6))
    torch.testing.assert_close(most["conv"], before.amax(dim=(2, 3)))
    assert cells["conv"].shape == (5, 3, 2, 3)
    torch.testing.assert_close(cells["conv"][..., 1, 0], before[..., 3:, :2].mean(dim=(2, 3)))
    assert torch.equal(whole["conv"], before)
    table = rows(cells["conv"])
    assert table.shape == (30, 3) and torch.equal(table[7], cells["conv"][1, :, 0, 1])
    assert rows(most["conv"]) is most["conv"]


@pytest.mark.parametrize(
    "asked",
    [
        {"layers": ["nowhere"]},
        {"layers": [""]},
        {"layers": ["unused"]},
        {"layers": ["conv"], "pool": "median"},
        {"layers": ["head"], "grid": (2, 2)},
    ],
)
def test_what_cannot_be_had_is_refused_and_leaves_no_hook(network, x, asked):
    with pytest.raises(MisuseError):
        with_features(network, x, **asked)
    assert not any(m._forward_hooks for m in network.modules())


def test_a_layer_that_runs_twice_has_no_one_answer(x):
    layer = nn.Conv2d(2, 2, 3, padding=1)
    with pytest.raises(MisuseError, match="2 times"):
        with_features(nn.Sequential(layer, nn.ReLU(), layer), x, layers=["0"])


def test_a_published_network_gives_features_and_logits():
    network = so2sat_resnet20().eval()
    x = torch.rand(2, 10, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        output, seen = with_features(network, x, layers=("stem", "norm", "head"))
        torch.testing.assert_close(seen["stem"], network.stem(x).mean(dim=(2, 3)))
    assert seen["norm"].shape == (2, 256)
    torch.testing.assert_close(torch.softmax(seen["head"], dim=1), output)
