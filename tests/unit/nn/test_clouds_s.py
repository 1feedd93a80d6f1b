"""Our cloud network: sums are exact, cuts change nothing, a pixel sees no further than its margin."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.nn.cloud_windows import CloudNetwork
from eomap.nn.clouds_s import (
    FEATURE_MAX,
    IGNORED,
    MARGIN_PX,
    N_FEATURES,
    classes,
    clouds_s,
    convolutions,
    features,
    is_exact,
    steps_of,
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def made_up(seed):
    """A network of random weights of the shipped kind."""
    torch.manual_seed(seed)
    network = clouds_s().eval().requires_grad_(False)
    for name, conv, _ in convolutions(network):
        scale = 0.5 if name in ("first", "downs.0") else 3.0
        conv.weight *= scale
        step = steps_of(conv.weight)
        conv.weight.copy_((conv.weight / step).round() * step)
        bias = torch.randn(len(conv.weight)) * 20
        conv.bias.copy_((bias / step.flatten()).round() * step.flatten())
    return network.to(memory_format=torch.channels_last)


@pytest.fixture(scope="module")
def network():
    return CloudNetwork("made up", "", made_up(3))


def pixels(seed, shape):
    rng = np.random.default_rng(seed)
    side = 9
    coarse = rng.uniform(200, 6_000, (6, shape[0] // side + 2, shape[1] // side + 2))
    fine = np.kron(coarse, np.ones((1, side, side)))[:, : shape[0], : shape[1]]
    dn = (fine * rng.normal(1, 0.05, (6, *shape))).clip(1).astype(np.uint16)
    dn[:, : shape[0] // 7, : shape[1] // 5] = 0
    return list(dn)


def test_it_is_small():
    assert sum(p.numel() for p in clouds_s().parameters()) <= 200_000


def test_sums_are_exact_so_precision_does_not_matter():
    network = made_up(1)
    assert is_exact(network)
    x = torch.randint(0, FEATURE_MAX + 1, (1, N_FEATURES, 96, 64)).float()
    with torch.inference_mode():
        single = network(x)
        double = made_up(1).double()(x.double())
    assert torch.equal(single.double(), double)
    assert single.std() > 1
    assert len(classes(single).unique()) > 2


def test_a_weight_between_the_steps_is_told():
    network = made_up(1)
    network.head.weight[0, 0] += 0.37 * steps_of(network.head.weight)[0, 0]
    assert not is_exact(network)


@given(st.integers(0, 9999), *[st.integers(0, 700)] * 2, *[st.integers(0, 90)] * 2)
@settings(max_examples=12, deadline=None)
def test_a_block_with_its_margin_is_the_whole(seed, north, west, row, col):
    network = CloudNetwork("made up", "", made_up(3))
    whole_shape, side, margin = (400, 380), 30, network.margin_px
    bands = pixels(seed, whole_shape)
    whole = network(bands, corrected=True, origin_px=(north, west))
    top, left = max(row + 120 - margin, 0), max(col + 120 - margin, 0)
    part = [b[top : row + 120 + side + margin, left : col + 120 + side + margin] for b in bands]
    found = network(part, corrected=True, origin_px=(north + top, west + left))
    inner = np.s_[row + 120 - top :, col + 120 - left :]
    np.testing.assert_array_equal(
        found[inner][:side, :side], whole[row + 120 : row + 120 + side, col + 120 : col + 120 + side]
    )


def test_strips_are_the_whole(monkeypatch, network):
    bands = pixels(5, (700, 140))
    whole = network(bands, corrected=False, origin_px=(7, 3))
    monkeypatch.setattr("eomap.nn.cloud_windows._STRIP_PX", 20_000)
    np.testing.assert_array_equal(network(bands, corrected=False, origin_px=(7, 3)), whole)


def test_nothing_beyond_the_margin_counts_and_something_within_does():
    network = made_up(2)
    x = torch.randint(0, FEATURE_MAX + 1, (1, N_FEATURES, 160, 160)).float()
    far, near = x.clone(), x.clone()
    far[..., 80 + MARGIN_PX :, :] = 0
    near[..., 80 + 30 :, :] = 0
    with torch.inference_mode():
        a, b, c = (network(v)[..., 80, :] for v in (x, far, near))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_unseen_pixels_are_named_and_alone(network):
    bands = pixels(1, (64, 64))
    found = network(bands, corrected=False, origin_px=(0, 0))
    np.testing.assert_array_equal(found == IGNORED, bands[0] == 0)


def test_features_are_whole_and_within_their_limits():
    dn = torch.from_numpy(np.stack(pixels(2, (40, 40))).astype(np.float32))[None]
    x = features(dn * 4, corrected=True)
    assert torch.equal(x, x.round())
    assert float(x.min()) >= 0 and float(x.max()) <= FEATURE_MAX
    assert (x[:, :, :5, :8] == 0).all()


def test_other_bands_are_refused(network):
    with pytest.raises(MisuseError, match="six bands on one"):
        network(pixels(0, (32, 32))[:5], corrected=False, origin_px=(0, 0))
