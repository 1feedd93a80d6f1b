"""The published networks: size, golden answers, agreement with their ONNX ports."""

import numpy as np
import pytest
import torch

from eomap.io.keras_h5 import keras_state
from eomap.nn import resnet20, sen2lcz

SEN2LCZ_FILE = "sen2lcz/_32_weights.best.hdf5"
RESNET_FILE = "so2sat-gul/S2_RESNET20_BS16_LR2e-4_IN32-32-10_PRO-52-0R12_2019-06-27.h5"


def _loaded(network, layers, path):
    shapes = {k: tuple(v.shape) for k, v in network.state_dict().items()}
    state = {k: torch.from_numpy(v) for k, v in keras_state(path, layers, shapes).items()}
    network.load_state_dict(state, strict=False)
    return network.eval()


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def sen2lcz_net(shared):
    path = shared / "data/weights" / SEN2LCZ_FILE
    return _loaded(sen2lcz.sen2lcz_mf(), sen2lcz.keras_layers(), path)


@pytest.fixture(scope="module")
def resnet_net(shared):
    path = shared / "data/weights" / RESNET_FILE
    return _loaded(resnet20.so2sat_resnet20(), resnet20.keras_layers(), path)


def _golden_input():
    n = np.arange(32 * 32 * 10)
    x = (0.15 + 0.1 * np.sin(0.05 * n)).astype(np.float32).reshape(32, 32, 10)
    return torch.from_numpy(x.transpose(2, 0, 1)[None].copy())


def _probabilities(network, x):
    with torch.inference_mode():
        return network(x).numpy()


@pytest.mark.parametrize(
    ("network", "n_parameters"),
    [(sen2lcz.sen2lcz_mf(), 791_428), (resnet20.so2sat_resnet20(), 573_409)],
    ids=["sen2lcz", "resnet20"],
)
def test_size_and_shape(network, n_parameters):
    assert sum(p.numel() for p in network.parameters()) == n_parameters
    p = _probabilities(network.eval(), torch.rand(3, 10, 32, 32))
    assert p.shape == (3, 17)
    assert p.sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-5)


@pytest.mark.shared
def test_golden_answer_of_sen2lcz(sen2lcz_net):
    p = _probabilities(sen2lcz_net, _golden_input())[0]
    assert p.argmax() + 1 == 10
    assert p[[9, 2, 1]] == pytest.approx([0.75, 0.2344, 0.015596], abs=1e-4)


@pytest.mark.shared
def test_golden_answer_of_resnet20(resnet_net):
    p = _probabilities(resnet_net, _golden_input())[0]
    assert p.argmax() + 1 == 2
    assert p[1] == pytest.approx(0.999886, abs=1e-4)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("fixture", "onnx"),
    [
        ("sen2lcz_net", "sen2lcz/lcz_sen2lcz_qiu.onnx"),
        ("resnet_net", "so2sat-gul/lcz_resnet20_s2_so2satgul.onnx"),
    ],
)
def test_agreement_with_the_onnx_port(shared, request, fixture, onnx):
    onnxruntime = pytest.importorskip("onnxruntime")
    x = np.random.default_rng(0).uniform(0, 0.5, (16, 10, 32, 32)).astype(np.float32)
    x[:8] = x[:8].mean(axis=(2, 3), keepdims=True) * (1 + 0.1 * (x[:8] - 0.25))  # smooth windows too
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    port = onnxruntime.InferenceSession(shared / "data/weights" / onnx, options)
    expected = port.run(None, {"s2_reflectance_nchw": x})[0]
    got = _probabilities(request.getfixturevalue(fixture), torch.from_numpy(x))
    assert np.abs(got - expected).max() < 1e-4


@pytest.mark.shared
def test_a_real_forest_is_called_trees(sen2lcz_net, resnet_net, shared):
    rasterio = pytest.importorskip("rasterio")
    folder = shared / "data/catalog/sentinel-2-l1c/S2A_L1C_Slovenia_20150909"
    bands = []
    for name in ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"):
        with rasterio.open(folder / f"{name}.tif") as file:
            bands.append(file.read(1)[20:52, 20:52] / 10_000)
    x = torch.from_numpy(np.stack(bands)[None].astype(np.float32))
    for network in (sen2lcz_net, resnet_net):
        assert _probabilities(network, x)[0].argmax() + 1 in (11, 12)
