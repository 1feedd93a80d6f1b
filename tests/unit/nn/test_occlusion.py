"""Influence of modalities: nothing changed is exactly nothing, a linear network by hand."""

import pytest
import torch
from filled import ramp

from eomap.errors import MisuseError
from eomap.nn.occlusion import NATURALNESS_GROUPS, filling, influence, occluded
from eomap.nn.unet import UNet, UNetShape

SHAPE = UNetShape(14, (4, 6, 8), up="bilinear", output="leaky_relu")
FILLS = ("zero", "one", "uniform", "gaussian", "mean")


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return UNet(SHAPE).eval()


X = ramp((2, 14, 16, 16), 0.711)


def test_groups_of_the_naturalness_network_are_its_channels():
    parts = [c for name, group in NATURALNESS_GROUPS.items() if name != "all" for c in group]
    assert parts == list(NATURALNESS_GROUPS["all"]) == list(range(14))


def test_own_values_are_exactly_nothing(network):
    got = influence(network.forward_with_features, X, NATURALNESS_GROUPS, X)
    for name in NATURALNESS_GROUPS:
        assert got.features[name].tolist() == [0, 0]
        assert not got.outputs[name].any()


@pytest.mark.parametrize("fill", FILLS)
def test_every_fill_tells_something_and_repeats(network, fill):
    one, two = (influence(network.forward_with_features, X, NATURALNESS_GROUPS, fill, seed=4) for _ in "ab")
    for name in NATURALNESS_GROUPS:
        assert float(one.features[name].min()) > 0
        assert torch.equal(one.features[name], two.features[name])
        assert torch.equal(one.outputs[name], two.outputs[name])
        assert one.outputs[name].shape == (2, 1, 16, 16)


@pytest.mark.parametrize("fill", ["uniform", "gaussian"])
def test_noise_is_of_its_seed_and_not_of_the_groups(network, fill):
    alone = influence(network.forward_with_features, X, {"b": [12]}, fill, seed=1)
    among = influence(network.forward_with_features, X, {"a": [3], "b": [12]}, fill, seed=1)
    other = influence(network.forward_with_features, X, {"b": [12]}, fill, seed=2)
    assert torch.equal(alone.features["b"], among.features["b"])
    assert not torch.equal(alone.features["b"], other.features["b"])


@pytest.mark.parametrize("fill", FILLS)
def test_channels_without_weight_have_no_influence(fill):
    torch.manual_seed(0)
    blind = UNet(SHAPE).eval()
    with torch.no_grad():
        blind.first.double_conv[0].weight[:, 10:12] = 0
    got = influence(blind.forward_with_features, X, NATURALNESS_GROUPS, fill)
    assert got.features["sentinel-1"].tolist() == [0, 0]
    assert not got.outputs["sentinel-1"].any()
    assert float(got.features["sentinel-2"].min()) > 0


@pytest.mark.parametrize(("fill", "value"), [("zero", 0.0), ("one", 1.0)])
def test_a_linear_network_by_hand(fill, value):
    weights = torch.arange(1.0, 15.0).view(1, 14, 1, 1)

    def linear(x):
        return (x * weights).sum(dim=1, keepdim=True), x * weights

    got = influence(linear, X, NATURALNESS_GROUPS, fill)
    for name, group in NATURALNESS_GROUPS.items():
        channels = list(group)
        moved = (value - X[:, channels]) * weights[:, channels]
        assert torch.allclose(got.features[name], moved.square().sum(dim=(1, 2, 3)).sqrt(), rtol=1e-5)
        assert torch.allclose(got.outputs[name], moved.sum(dim=1, keepdim=True), atol=1e-3)


def test_fills_are_what_they_are_called():
    assert filling(X, "mean", seed=0)[0, 5, 0, 0] == pytest.approx(float(X[:, 5].mean()))
    uniform, gaussian = filling(X, "uniform", seed=0), filling(X, "gaussian", seed=0)
    assert float(uniform.min()) >= 0 and float(uniform.max()) < 1
    assert float(gaussian.mean()) == pytest.approx(0, abs=0.05)
    assert float(gaussian.std()) == pytest.approx(1, abs=0.05)


def test_what_is_occluded_is_a_copy():
    before = X.clone()
    out = occluded(X, [1, 2], torch.zeros_like(X))
    assert torch.equal(X, before)
    assert not out[:, 1:3].any()
    assert torch.equal(out[:, 3:], X[:, 3:])


def test_unknown_channels_and_fills_are_refused(network):
    with pytest.raises(MisuseError, match="channels 0 to 13"):
        influence(network.forward_with_features, X, {"none": [14]}, "zero")
    with pytest.raises(MisuseError, match="zero, one, uniform"):
        influence(network.forward_with_features, X, {"one": [0]}, "grey")
