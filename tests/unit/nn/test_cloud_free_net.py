"""What the network of cloud-free pictures does before it has learnt anything, and what it never does."""

import numpy as np
import pytest
import torch

from eomap.nn.cloud_free import BANDS, LOOKS, OBSCURED, RADAR
from eomap.nn.cloud_free_net import CHANNELS_IN, CROP_PX, crop_network, rough
from eomap.products.cloudfree.training import FARTHEST, RECIPE, figures, loss

B, SIDE = len(BANDS), 64


def windows(seed=0, n=1):
    """Return codes, days, and the scene: three looks under three suns, half of the first one hidden."""
    made = torch.Generator().manual_seed(seed)
    scene = torch.randint(500, 3000, (n, 1, B, SIDE, SIDE), generator=made).float()
    looks = (scene * torch.tensor([1.0, 1.25, 0.8]).view(1, LOOKS, 1, 1, 1)).round()
    looks[:, 0, :, :, : SIDE // 2] = 9000 + OBSCURED
    radar = torch.full((n, LOOKS * len(RADAR), SIDE, SIDE), 38_000.0)
    return (
        torch.cat([looks.flatten(1, 2), radar], dim=1),
        torch.tensor([[19_000.0, 19_010, 18_980]] * n),
        scene,
    )


@pytest.fixture(scope="module")
def untaught():
    torch.manual_seed(0)
    return crop_network().eval()


def test_an_untaught_network_fills_with_another_look_in_the_light_of_the_first(untaught):
    x, days, scene = windows()
    with torch.inference_mode():
        y, features = untaught(x, days)
    assert x.shape[1] == CHANNELS_IN == RECIPE.channels and y.shape[1] == len(RECIPE.outputs)
    assert features.shape[0] == 1 and torch.isfinite(features).all()
    hidden = y[0, :B, :, : SIDE // 2] / scene[0, 0, :, :, : SIDE // 2]
    assert 0.95 < float(hidden.mean()) < 1.05, "another look is 1.25 times as bright"
    assert torch.allclose(y[0, :B, :, SIDE // 2 :], scene[0, 0, :, :, SIDE // 2 :], atol=1)
    assert (y[:, B:] > 0).all()


def test_missing_radar_looks_and_pixels_are_no_obstacle(untaught):
    x, days, _ = windows(n=3)
    x[0, LOOKS * B :] = 0
    x[1, B : LOOKS * B] = 0
    x[2] = 0
    with torch.inference_mode():
        y, features = untaught(x, days)
    assert torch.isfinite(y).all() and torch.isfinite(features).all() and (y[:, :B] >= 1).all()


def test_the_days_only_count_from_the_first_look(untaught):
    x, days, _ = windows()
    with torch.inference_mode():
        one, later = untaught(x, days)[0], untaught(x, days + 365)[0]
    assert torch.equal(one, later)


def test_where_no_look_is_clear_the_surroundings_are_taken():
    value = torch.full((1, LOOKS, B, SIDE, SIDE), 4.0)
    clear = torch.ones(1, LOOKS, 1, SIDE, SIDE, dtype=torch.bool)
    clear[..., 20:40, 20:40] = False
    value[..., 20:40, 20:40] = 19.0
    assert torch.allclose(rough(value, clear), torch.tensor(4.0), atol=0.05)


def test_the_loss_falls_towards_the_truth_and_leaves_out_what_cannot_be_known():
    truth = torch.full((1, B, 4, 4), 2000.0)
    valid = torch.ones_like(truth, dtype=torch.bool)

    def of(mean, sigma, truth=truth, valid=valid):
        return float(loss(torch.cat([mean, torch.full_like(mean, sigma**2)], dim=1), truth, valid))

    near, far = truth + 100, truth + 400
    assert of(near, 100) < of(far, 100) and of(far, 400) < of(far, 100) and of(near, 100) < of(near, 400)
    valid[..., :2] = False
    wrong = torch.where(valid, near, 0)
    assert of(wrong, 100, torch.where(valid, truth, 0), valid) == pytest.approx(of(near, 100))
    snow = near.clone()
    snow[..., 0] += FARTHEST
    assert of(snow, 100, valid=torch.ones_like(valid)) == pytest.approx(of(near, 100), abs=1e-5)
    assert of(near, 100, valid=torch.zeros_like(valid)) == 0


def test_figures_are_those_of_the_pixels_with_truth():
    y = np.concatenate([np.full((2, B, 16, 16), 1100.0), np.full((2, B, 16, 16), 150.0**2)], axis=1)
    target = np.full((2, B, 16, 16), 1000.0)
    target[1] = 900
    target[:, :, 0] = np.nan
    found = figures(y.astype(np.float32), target.astype(np.float32))
    assert found["mae"] == pytest.approx(150) and found["usual"] == pytest.approx(np.sqrt(100 * 200))
    assert found["within_1_sigma"] == pytest.approx(0.5)


def test_crops_and_windows_share_their_tensors():
    from eomap.nn.cloud_free_net import network

    assert network().state_dict().keys() == crop_network().state_dict().keys()
    assert RECIPE.side_px > CROP_PX
