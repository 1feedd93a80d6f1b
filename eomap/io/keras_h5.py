"""Weights that Keras published as HDF5, read by name into a torch state dict.

Strict: every dataset of the file is used, every tensor of the network is filled, every shape agrees.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eomap.errors import BrokenInputError, MisuseError

Arrays = dict[str, npt.NDArray[np.float32]]
_PARTS = {
    "kernel:0": "weight",
    "bias:0": "bias",
    "gamma:0": "weight",
    "beta:0": "bias",
    "moving_mean:0": "running_mean",
    "moving_variance:0": "running_var",
}
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


def keras_state(path: Path, layers: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]) -> Arrays:
    """Return the state dict (numpy) that a Keras weights file holds for a network.

    `layers` maps Keras layer names to torch module names; `shapes` are those of the network's own
    state dict. Kernels turn from HWIO to OIHW, dense ones from IO to OI. Raises BrokenInputError on
    a file that is no readable HDF5, MisuseError on one that belongs to another architecture.
    """
    datasets = _datasets(path)
    state: Arrays = {}
    for name, array in datasets.items():
        layer, part = name.rsplit("/", 2)[-2:]
        if layer not in layers or part not in _PARTS:
            raise _other_architecture(path, f"dataset {name}, which it has no place for")
        key = f"{layers[layer]}.{_PARTS[part]}"
        state[key] = _torch_order(array)
    wanted = {k: s for k, s in shapes.items() if not k.endswith("num_batches_tracked")}
    missing = sorted(wanted.keys() - state.keys())
    if missing:
        raise _other_architecture(path, f"no {missing[0]} ({len(missing)} tensors missing)")
    for key, array in state.items():
        if array.shape != tuple(wanted.get(key, ())):
            raise _other_architecture(path, f"{key} of shape {array.shape}, not {wanted.get(key)}")
        if not np.isfinite(array).all():
            raise BrokenInputError(f"weights {path.name}", expected="finite numbers", got=f"NaN in {key}")
    return state


def _datasets(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    import h5py

    where = f"weights {path.name}"
    hint = "eomap models fetch, or delete the file and try again"
    with path.open("rb") as file:
        head = file.read(len(_HDF5_MAGIC))
    if head != _HDF5_MAGIC:
        kind = "a pickle (refused unread)" if head[:1] == b"\x80" else f"first bytes {head!r}"
        raise BrokenInputError(where, expected="an HDF5 file of Keras", got=kind, hint=hint)
    found: dict[str, npt.NDArray[np.float32]] = {}

    def collect(name: str, node: object) -> None:
        if isinstance(node, h5py.Dataset):
            found[name] = np.asarray(node, dtype=np.float32)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(collect)
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise BrokenInputError(where, expected="a whole HDF5 file", got=str(error), hint=hint) from None
    return found


def _torch_order(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    if array.ndim == 4:
        return np.ascontiguousarray(array.transpose(3, 2, 0, 1))
    return np.ascontiguousarray(array.T)


def _other_architecture(path: Path, got: str) -> MisuseError:
    return MisuseError(
        f"weights {path.name}",
        expected="exactly the tensors of the network",
        got=got,
        hint="the registry entry and the file belong to different networks",
    )
