"""Position and surroundings for a U-Net: cyclic, without a seam, and nothing where they are off."""

import pytest
import torch
from filled import n_parameters, ramp
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.nn.unet import UNet, UNetShape
from eomap.nn.unet_priors import ContextEncoder, UNetWithPriors, geographic_encoding

TINY = UNetShape(3, (4, 6, 8), up="bilinear", output="leaky_relu")


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _placed(lon_deg, lat_deg=0.0):
    return torch.tensor([[lon_deg, lat_deg]], dtype=torch.float64)


def _mixed(network):
    """Return the network with priors that count: they start without weight."""
    torch.manual_seed(5)
    torch.nn.init.normal_(network.mix.weight)
    return network.eval()


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.floats(-180, 180), st.floats(-90, 90), st.integers(-3, 3))
def test_encoding_is_the_same_after_turns(lon, lat, turns):
    once, again = geographic_encoding(_placed(lon, lat)), geographic_encoding(_placed(lon + 360 * turns, lat))
    assert torch.allclose(once, again, atol=1e-6)
    assert torch.allclose(once[:, :2].square().sum() + once[:, 2:].square().sum(), torch.tensor(2.0))


def test_encoding_has_no_step_at_the_antimeridian():
    east, west = geographic_encoding(_placed(179.9999)), geographic_encoding(_placed(-179.9999))
    assert float((east - west).abs().max()) < 1e-5
    assert torch.equal(geographic_encoding(_placed(180.0)), geographic_encoding(_placed(-180.0)))


def test_nowhere_is_0():
    assert (geographic_encoding(torch.full((1, 2), torch.nan)) == 0).all()
    half = torch.tensor([[torch.nan, 15.0]])
    assert geographic_encoding(half)[0, :2].tolist() == [0, 0]


def test_encoding_by_hand():
    got = geographic_encoding(torch.tensor([[90.0, 15.0]]))[0]
    assert got.tolist() == pytest.approx([1, 0, 0.5, 3**0.5 / 2], abs=1e-6)


def test_without_priors_it_is_the_plain_network():
    torch.manual_seed(1)
    plain, priors = UNet(TINY).eval(), UNetWithPriors(TINY, position=False).eval()
    priors.load_state_dict({f"unet.{k}": v for k, v in plain.state_dict().items()})
    x = ramp((2, 3, 16, 16), 0.71)
    with torch.inference_mode():
        assert torch.equal(plain(x), priors(x))
    assert n_parameters(plain) == n_parameters(priors)


def test_priors_start_without_weight():
    torch.manual_seed(1)
    plain, priors = UNet(TINY).eval(), UNetWithPriors(TINY, position=True, n_context=3).eval()
    priors.unet.load_state_dict(plain.state_dict())
    x = ramp((2, 3, 16, 16), 0.71)
    with torch.inference_mode():
        y = priors(x, lonlat_deg=torch.rand(2, 2), context=torch.rand(2, 3, 24, 24))
        assert torch.allclose(plain(x), y, atol=1e-6)


def test_a_turn_leaves_the_map_and_another_place_does_not():
    network = _mixed(UNetWithPriors(TINY, position=True))
    x = ramp((1, 3, 16, 16), 0.71)
    with torch.inference_mode():
        here, turned, there = (network(x, lonlat_deg=_placed(lon, 47.0)) for lon in (11.5, 371.5, 101.5))
    assert torch.allclose(here, turned, atol=1e-6)
    assert float((here - there).abs().max()) > 1e-3


def test_surroundings_count_and_bring_gradient():
    network = _mixed(UNetWithPriors(TINY, position=False, n_context=3, n_latent=5))
    x, around = ramp((1, 3, 16, 16), 0.71), ramp((1, 3, 32, 32), 0.3)
    y, features = network.forward_with_features(x, context=around)
    assert features.shape == (1, 8, 4, 4)
    assert not torch.allclose(y, network(x, context=around.flip(3) * 2))
    y.sum().backward()
    assert all(float(p.grad.abs().max()) > 0 for p in network.context.convs.parameters())


def test_latent_is_one_vector_whatever_the_tile():
    encoder = ContextEncoder(3, 5).eval()
    with torch.inference_mode():
        assert encoder(torch.rand(2, 3, 17, 40)).shape == (2, 5)


@pytest.mark.parametrize(
    "given_", [{}, {"lonlat_deg": torch.zeros(1, 2), "context": torch.zeros(1, 3, 8, 8)}]
)
def test_missing_and_unasked_priors_are_refused(given_):
    with pytest.raises(MisuseError, match="U-Net with priors"):
        UNetWithPriors(TINY, position=True)(torch.zeros(1, 3, 8, 8), **given_)
