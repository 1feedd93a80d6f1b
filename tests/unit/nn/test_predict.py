"""Law of the predictors: a cell's bits do not depend on the frame, the batch or its neighbours' fate."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.core.windows import Layout
from eomap.io.registry import PATCHES
from eomap.nn.lcz_s import HALO_PX, lcz_s
from eomap.nn.predict import OfReflectance, ready, single_thread
from eomap.nn.resnet20 import so2sat_resnet20
from eomap.nn.sen2lcz import sen2lcz_mf
from eomap.nn.windows import Windowed

ZONE_ORIGIN = (-31, 57)
ROWS, COLS = 9, 12


def _random_network(make):
    torch.manual_seed(3)
    network = make()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    single_thread()
    yield
    torch.set_num_threads(before)


def _predictors():
    dense = Layout(320 + 2 * HALO_PX, 320, 10, HALO_PX)
    made = {"sen2lcz": (sen2lcz_mf, PATCHES), "resnet20": (so2sat_resnet20, PATCHES), "dense": (lcz_s, dense)}
    return {
        name: Windowed(
            ready(OfReflectance(_random_network(make)), name=name, sha256="", layout=layout, channels=17)
        )
        for name, (make, layout) in made.items()
    }


@pytest.fixture(scope="module")
def whole():
    """Every predictor, the pixels of a frame with its halo, and the probabilities of the whole frame."""
    made = {}
    for name, predictor in _predictors().items():
        halo = predictor.halo_px
        shape = (10, ROWS * 10 + 2 * halo, COLS * 10 + 2 * halo)
        dn = np.random.default_rng(7).integers(0, 6_000, shape, dtype=np.uint16)
        everything = np.ones((ROWS, COLS), bool)
        made[name] = (predictor, dn, predictor(dn, everything, origin_rc=ZONE_ORIGIN))
    return made


@pytest.mark.parametrize("name", ["sen2lcz", "resnet20", "dense"])
@settings(max_examples=8, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_part_of_a_frame_gives_the_bits_of_the_whole(whole, name, data):
    predictor, dn, expected = whole[name]
    row0 = data.draw(st.integers(0, ROWS - 1))
    row1 = data.draw(st.integers(row0 + 1, ROWS))
    col0 = data.draw(st.integers(0, COLS - 1))
    col1 = data.draw(st.integers(col0 + 1, COLS))
    seed = data.draw(st.integers(0, 99))
    wanted = np.random.default_rng(seed).random((row1 - row0, col1 - col0)) < 0.6
    halo = 2 * predictor.halo_px
    part = dn[:, row0 * 10 : row1 * 10 + halo, col0 * 10 : col1 * 10 + halo]
    origin = (ZONE_ORIGIN[0] + row0, ZONE_ORIGIN[1] + col0)
    got = predictor(part, wanted, origin_rc=origin)
    assert np.array_equal(got, np.where(wanted, expected[:, row0:row1, col0:col1], np.float32(0)))


@pytest.mark.parametrize("name", ["sen2lcz", "resnet20", "dense"])
def test_probabilities_are_those_of_the_network_on_the_cells_own_pixels(whole, name):
    predictor, dn, expected = whole[name]
    network = _random_network({"sen2lcz": sen2lcz_mf, "resnet20": so2sat_resnet20, "dense": lcz_s}[name])
    side = 10 + 2 * predictor.halo_px
    for row, col in [(0, 0), (4, 7), (ROWS - 1, COLS - 1)]:
        own = dn[:, row * 10 : row * 10 + side, col * 10 : col * 10 + side].astype(np.float32) / 10_000
        with torch.inference_mode():
            alone = network(torch.from_numpy(own[None])).numpy().reshape(17)
        assert expected[:, row, col] == pytest.approx(alone, abs=1e-5)
        assert expected[:, row, col].sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", ["sen2lcz", "dense"])
def test_nothing_wanted_runs_nothing(whole, name):
    predictor, dn, _ = whole[name]
    got = predictor(dn, np.zeros((ROWS, COLS), bool), origin_rc=(0, 0))
    assert got.shape == (17, ROWS, COLS)
    assert not got.any()


def test_pixels_that_do_not_fit_the_cells_are_a_bug(whole):
    predictor, dn, _ = whole["dense"]
    with pytest.raises(ValueError, match="expected uint16 pixels"):
        predictor(dn[:, 1:], np.ones((ROWS, COLS), bool), origin_rc=(0, 0))


def test_a_frame_of_several_macro_windows_matches_one_pass():
    predictor = _predictors()["dense"]
    rows, cols = 35, 3
    dn = np.random.default_rng(2).integers(0, 6_000, (10, rows * 10 + 32, cols * 10 + 32), dtype=np.uint16)
    got = predictor(dn, np.ones((rows, cols), bool), origin_rc=(-1, 0))
    with torch.inference_mode():
        one_pass = _random_network(lcz_s)(torch.from_numpy(dn[None].astype(np.float32) / 10_000))[0]
    assert np.abs(got - one_pass.numpy()).max() < 1e-5
