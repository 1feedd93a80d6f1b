"""The network of naturalness: what it is fed, and what a place, a gap or a missing sensor does to it."""

import pytest
import torch

from eomap.nn.naturalness_s import GROUPS, OUTPUTS, SHAPE, as_seen, naturalness_s

CHANNELS = sum(GROUPS)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def network():
    """The network with priors that count: they start without weight."""
    torch.manual_seed(3)
    made = naturalness_s().eval()
    torch.nn.init.normal_(made.maps.mix.weight, std=0.1)
    return made


def codes(n=2, side=64):
    torch.manual_seed(4)
    x = torch.randint(300, 4_000, (n, CHANNELS, side, side)).float()
    x[:, 10:12] = torch.randint(20_000, 45_000, (n, 2, side, side)).float()
    x[:, 12] = torch.randint(1, 900, (n, side, side)).float()
    return x


HERE = torch.tensor([[12.0, 50.0], [-70.0, -12.0]])


def said(network, x, place=HERE):
    with torch.inference_mode():
        return network(x, place)


def test_what_it_is_fed_by_hand():
    x = torch.zeros(1, CHANNELS, 2, 2)
    x[0, 0], x[0, 10], x[0, 11], x[0, 12] = 3_000, 50_000 - 11_057.75, 50_000 - 18_362.66, 11
    fed = as_seen(x)
    assert fed.shape == (1, SHAPE.n_in, 2, 2)
    assert fed[0, 0, 0, 0] == 1 and fed[0, 10:12].abs().max() < 1e-5, "VV and VH of the published mean are 0"
    assert fed[0, 12, 0, 0] == pytest.approx(torch.log1p(torch.tensor(1.0)).item())
    assert fed[0, 13:, 0, 0].tolist() == [0, 1, 1], "nine bands were not seen"
    assert (as_seen(torch.zeros(1, CHANNELS, 2, 2)) == 0).all()


def test_it_gives_two_numbers_a_pixel_and_its_bottleneck(network):
    y, features = said(network, codes())
    assert y.shape == (2, len(OUTPUTS), 64, 64) and features.shape == (2, SHAPE.widths[-1], 4, 4)
    assert y.isfinite().all() and features.isfinite().all()


def test_a_turn_around_the_earth_changes_nothing_and_a_place_does(network):
    x = codes()
    y, features = said(network, x)
    turned, _ = said(network, x, HERE + torch.tensor([360.0, 0.0]))
    moved, elsewhere = said(network, x, HERE + torch.tensor([40.0, 0.0]))
    assert torch.allclose(y, turned, atol=1e-6)
    assert not torch.equal(y, moved) and (elsewhere - features).abs().max() > 0.01


def test_it_answers_where_nobody_says_the_place_or_a_sensor_saw_nothing(network):
    x = codes()
    nowhere, _ = said(network, x, torch.full((2, 2), torch.nan))
    assert nowhere.isfinite().all()
    for group in (slice(10, 12), slice(12, 13), slice(10, 13)):
        without = x.clone()
        without[:, group] = 0
        y, _ = said(network, without)
        assert y.isfinite().all() and not torch.equal(y, said(network, x)[0])


def test_context_reaches_across_the_window(network):
    x = codes(1, side=256)
    far = x.clone()
    far[..., 240:, 240:] = 9_000
    a, b = (said(network, v, HERE[:1])[1][0, :, 0, 0] for v in (x, far))
    assert (a - b).abs().max() > 0, "256 pixels are more than the convolutions reach"


def test_a_gain_of_the_variance_is_that_and_no_more():
    torch.manual_seed(3)
    made = naturalness_s().eval()
    y, _ = said(made, codes())
    made.calibrate(2.25)
    more, _ = said(made, codes())
    assert torch.equal(y[:, 0], more[:, 0])
    assert torch.allclose(torch.exp(0.5 * (more[:, 1] - y[:, 1])), torch.tensor(1.5), atol=1e-5)
    with pytest.raises(ValueError, match="above 0"):
        made.calibrate(0)


def test_places_are_blurred_in_training_only_and_some_hidden():
    torch.manual_seed(3)
    made = naturalness_s()
    many = HERE[:1].repeat(400, 1)
    blurred = made._blurred(many)
    hidden = blurred.isnan().any(dim=1)
    assert 0.1 < hidden.float().mean() < 0.3
    moved = (blurred - many)[~hidden]
    assert 1.5 < moved.std() < 2.5 and moved.abs().max() < 12
    y, _ = said(made.eval(), codes())
    assert torch.equal(y, said(made, codes())[0])


def test_it_is_small_enough_to_ship():
    assert 4 * sum(v.numel() for v in naturalness_s().state_dict().values()) < 5_000_000
