"""U-Nets for maps of a number: published sizes and costs, outputs, spread, the spectral adapter."""

from dataclasses import replace

import pytest
import torch
from filled import filled, gflop, n_parameters, ramp

from eomap.errors import MisuseError
from eomap.nn.double_conv import RiseBilinear, RiseTransposed
from eomap.nn.losses_masked import masked_gaussian_nll, masked_mse
from eomap.nn.spectral_adapter import SpectralAdapter
from eomap.nn.unet import (
    BIOMASS_ENMAP,
    BIOMASS_ENMAP_S,
    BIOMASS_S,
    LOG_VARIANCE_MAX,
    NATURALNESS,
    NATURALNESS_OPTICAL,
    NATURALNESS_S,
    UNet,
    UNetShape,
)

TINY = UNetShape(3, (4, 6, 8), up="bilinear", output="leaky_relu")


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [(NATURALNESS, 17_273_729), (NATURALNESS_OPTICAL, 17_271_425), (BIOMASS_ENMAP, 7_823_297)],
    ids=["14 channels", "10 channels", "202 bands"],
)
def test_published_sizes(shape, expected):
    with torch.device("meta"):
        assert n_parameters(UNet(shape)) == expected


@pytest.mark.parametrize(
    ("shape", "side", "expected"),
    [(NATURALNESS, 256, 80.8), (BIOMASS_ENMAP, 128, 7.91)],
    ids=["naturalness", "biomass"],
)
def test_published_costs(shape, side, expected):
    assert gflop(lambda: UNet(shape), 1, shape.n_in, side, side) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("shape", [NATURALNESS_S, BIOMASS_S, BIOMASS_ENMAP_S])
def test_our_narrow_ones_fit_five_megabytes(shape):
    with torch.device("meta"):
        state = UNet(shape).state_dict()
    assert sum(v.numel() * v.element_size() for v in state.values()) < 5e6


def test_bottleneck_comes_with_the_outputs():
    network = filled(UNet(replace(TINY, widths=(4, 6, 8, 8, 8))))
    x = ramp((2, 3, 48, 32), 0.71)
    with torch.inference_mode():
        y, features = network.forward_with_features(x)
        assert torch.equal(network(x), y)
        *kept, last = network.encode(x)
        assert torch.equal(last, features)
        assert torch.equal(network.decode(last, kept), y)
    assert y.shape == (2, 1, 48, 32)
    assert features.shape == (2, 8, 3, 2)


def test_bottleneck_of_the_published_naturalness_network():
    with torch.device("meta"), torch.no_grad():
        y, features = UNet(NATURALNESS).eval().forward_with_features(torch.zeros(1, 14, 256, 256))
    assert features.shape == (1, 512, 16, 16)
    assert y.shape == (1, 1, 256, 256)


@pytest.mark.parametrize("up", ["bilinear", "transposed"])
@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("relu", lambda z: z.clamp_min(0)),
        ("leaky_relu", lambda z: torch.where(z < 0, z * 0.01, z)),
        ("softplus", lambda z: torch.log1p(z.exp())),
    ],
)
def test_outputs_pass_through_what_was_asked(up, output, expected):
    torch.manual_seed(0)
    plain = UNet(replace(TINY, up=up, output="none")).eval()
    network = UNet(replace(TINY, up=up, output=output)).eval()
    x = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        plain.head.bias -= plain(x).median()
        network.load_state_dict(plain.state_dict())
        z, y = plain(x), network(x)
    assert float(z.min()) < 0 < float(z.max())
    assert torch.allclose(y, expected(z), atol=1e-6)
    assert output == "leaky_relu" or float(y.min()) >= 0


def test_spread_stands_behind_the_outputs_and_is_limited():
    network = filled(UNet(replace(TINY, n_out=2, spread=True, output="relu")))
    torch.nn.init.constant_(network.head.bias, 1e6)
    with torch.inference_mode():
        y = network(ramp((1, 3, 8, 8)))
    assert y.shape == (1, 4, 8, 8)
    assert float(y[:, :2].min()) > 1e5
    assert float(y[:, 2:].min()) == float(y[:, 2:].max()) == LOG_VARIANCE_MAX


def test_it_learns_a_field_with_holes():
    torch.manual_seed(0)
    network = UNet(replace(TINY, spread=True, output="softplus")).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    x = torch.randn(8, 3, 16, 16)
    target = x[:, :1].abs() + 0.1 * torch.randn(8, 1, 16, 16)
    target[torch.rand(target.shape) < 0.7] = float("nan")
    costs = []
    for _ in range(60):
        y, log_variance = network(x).split(1, dim=1)
        loss = masked_gaussian_nll(y, log_variance, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        costs.append((loss.item(), masked_mse(y, target).item()))
    first, last = costs[0], costs[-1]
    assert last[0] < first[0] - 0.3
    assert last[1] < 0.6 * first[1]


def test_stem_mixes_pixel_by_pixel():
    with torch.device("meta"):
        plain, with_stem = UNet(replace(TINY, n_in=5)), UNet(replace(TINY, n_in=50, stem=5))
    assert n_parameters(with_stem) == n_parameters(plain) + 50 * 5 + 5


def test_kept_features_come_first_when_joined():
    # Weights on the first half only: what rises from below must not count.
    kept = ramp((1, 3, 8, 8))
    for rise in (RiseBilinear(3, 3, 4), RiseTransposed(3, 3, 4)):
        filled(rise)
        with torch.no_grad():
            rise.conv.double_conv[0].weight[:, 3:] = 0
            assert torch.equal(rise(ramp((1, 3, 4, 4)), kept), rise(ramp((1, 3, 4, 4), 0.9), kept))
            assert not torch.equal(rise(kept[..., ::2, ::2], kept), rise(kept[..., ::2, ::2], kept * 2))


@pytest.mark.parametrize("shape", [(1, 4, 8, 8), (1, 3, 10, 8)])
def test_other_windows_are_refused(shape):
    with pytest.raises(MisuseError, match="3 channels and sides that are multiples of 4"):
        UNet(TINY)(torch.zeros(shape))


def test_a_shape_of_one_size_is_refused():
    with pytest.raises(MisuseError, match="two or more widths"):
        UNetShape(3, (8,), up="bilinear", output="none")


def test_spectral_adapter_has_the_published_size_and_features():
    adapter = filled(SpectralAdapter())
    assert n_parameters(adapter) == 56_192
    with torch.inference_mode():
        assert adapter(ramp((2, 202, 4, 5))).shape == (2, 128, 4, 5)


def test_spectral_adapter_sees_a_pixel_at_a_time():
    torch.manual_seed(0)
    adapter = SpectralAdapter().eval()
    x = torch.rand(1, 202, 3, 3)
    other = x.clone()
    other[:, :, 1, 1] += 0.5
    with torch.no_grad():
        moved = (adapter(x) - adapter(other)).abs().sum(dim=1)[0]
    assert float(moved[1, 1]) > 1e-3
    moved[1, 1] = 0
    assert float(moved.max()) < 1e-6


def test_spectral_adapter_refuses_a_short_spectrum():
    with pytest.raises(MisuseError, match="75 bands or more"):
        SpectralAdapter()(torch.zeros(1, 74, 2, 2))
