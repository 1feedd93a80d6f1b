"""Reading Keras files: strict in both directions, and clear about what is wrong."""

import pickle

import h5py
import numpy as np
import pytest

from eomap.errors import BrokenInputError, MisuseError
from eomap.io.keras_h5 import keras_state

LAYERS = {"conv2d_1": "conv", "batch_normalization_1": "norm", "dense_1": "head"}
SHAPES = {
    "conv.weight": (4, 2, 3, 5),
    "conv.bias": (4,),
    "norm.weight": (4,),
    "norm.bias": (4,),
    "norm.running_mean": (4,),
    "norm.running_var": (4,),
    "norm.num_batches_tracked": (),
    "head.weight": (7, 4),
    "head.bias": (7,),
}
DATASETS = {
    "conv2d_1/conv2d_1/kernel:0": (3, 5, 2, 4),
    "conv2d_1/conv2d_1/bias:0": (4,),
    "batch_normalization_1/batch_normalization_1/gamma:0": (4,),
    "batch_normalization_1/batch_normalization_1/beta:0": (4,),
    "batch_normalization_1/batch_normalization_1/moving_mean:0": (4,),
    "batch_normalization_1/batch_normalization_1/moving_variance:0": (4,),
    "dense_1/dense_1/kernel:0": (4, 7),
    "dense_1/dense_1/bias:0": (7,),
}


def _file(path, shapes):
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for name, shape in shapes.items():
            file[name] = rng.standard_normal(shape).astype(np.float32)
    return path


def test_kernels_turn_from_keras_to_torch_order(tmp_path):
    path = _file(tmp_path / "w.h5", DATASETS)
    state = keras_state(path, LAYERS, SHAPES)
    assert {k: v.shape for k, v in state.items()} == {
        k: s for k, s in SHAPES.items() if not k.endswith("tracked")
    }
    with h5py.File(path) as file:
        kernel = np.asarray(file["conv2d_1/conv2d_1/kernel:0"])
        dense = np.asarray(file["dense_1/dense_1/kernel:0"])
        variance = np.asarray(file["batch_normalization_1/batch_normalization_1/moving_variance:0"])
    assert state["conv.weight"][3, 1, 2, 4] == kernel[2, 4, 1, 3]
    assert state["head.weight"][6, 2] == dense[2, 6]
    assert np.array_equal(state["norm.running_var"], variance)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"dense_1/dense_1/bias:0": None}, "no head.bias (1 tensors missing)"),
        ({"dense_2/dense_2/bias:0": (7,)}, "dataset dense_2/dense_2/bias:0"),
        ({"dense_1/dense_1/depth:0": (7,)}, "dataset dense_1/dense_1/depth:0"),
        ({"dense_1/dense_1/bias:0": (8,)}, "head.bias of shape (8,), not (7,)"),
    ],
)
def test_another_architecture_is_misuse(tmp_path, changed, said):
    shapes = {k: s for k, s in (DATASETS | changed).items() if s is not None}
    with pytest.raises(MisuseError) as error:
        keras_state(_file(tmp_path / "w.h5", shapes), LAYERS, SHAPES)
    assert said in str(error.value)


def test_a_truncated_file(tmp_path):
    path = _file(tmp_path / "w.h5", DATASETS)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(BrokenInputError) as error:
        keras_state(path, LAYERS, SHAPES)
    assert "expected a whole HDF5 file" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_pickle_is_never_opened(tmp_path):
    path = tmp_path / "w.h5"
    path.write_bytes(pickle.dumps({"conv": 1}))
    with pytest.raises(BrokenInputError) as error:
        keras_state(path, LAYERS, SHAPES)
    assert "a pickle (refused unread)" in str(error.value)


def test_not_a_number_is_broken(tmp_path):
    path = _file(tmp_path / "w.h5", DATASETS)
    with h5py.File(path, "a") as file:
        file["dense_1/dense_1/bias:0"][3] = np.nan
    with pytest.raises(BrokenInputError) as error:
        keras_state(path, LAYERS, SHAPES)
    assert "NaN in head.bias" in str(error.value)
