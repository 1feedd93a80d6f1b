"""So2Sat LCZ42 (Zhu and others 2020, doi:10.1109/MGRS.2020.2964708): 400,673 windows of 320 m.

HDF5 files training.h5, validation.h5 and testing.h5 hold `sen2` (n, y, x, b), reflectance of L1C, ten bands,
and `label` (n, 17), one at the local climate zone. `sen1` needs complex radar images, which no archive that
eomap reads delivers: it is left alone. The `random`, `block` and `culture_10` editions have no validation.h5.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.errors import BrokenInputError
from eomap.sensors.sentinel2 import LCZ_BANDS
from eomap.training.samples import Array, Samples, Spec

TITLE = "So2Sat LCZ42"
SOURCE = "https://doi.org/10.14459/2018mp1483140, 50 GB and more, CC BY 4.0"
FILES = {"train": "training.h5", "val": "validation.h5", "test": "testing.h5"}
SIDE_PX, ZONES = 32, 17


def found(folder: Path) -> bool:
    """Say whether a folder holds it."""
    return (folder / FILES["train"]).is_file() and (folder / FILES["test"]).is_file()


def samples(folder: Path) -> Samples:
    """Return the windows of all files, read when they are asked for.

    Arrays: `s2_l1c_year` codes (10, 32, 32); `lcz` (1, 1), 1 to 17, one zone for a window of 320 m. Raises
    BrokenInputError where a file is not of that form.
    """
    import h5py

    opened = {
        split: h5py.File(folder / name, "r") for split, name in FILES.items() if (folder / name).is_file()
    }
    for split, file in opened.items():
        _vet(folder / FILES[split], file)
    splits = np.concatenate([np.full(len(f["label"]), split) for split, f in opened.items()])
    optical = Spec(
        "s2_l1c_year",
        (len(LCZ_BANDS), SIDE_PX, SIDE_PX),
        "uint16",
        of="sentinel-2",
        bands=LCZ_BANDS,
        scale=1e-4,
    )
    zones = Spec("lcz", (1, 1), "uint8", 10.0 * SIDE_PX)
    files = list(opened.values())
    return Samples(
        name=f"{TITLE}, {len(splits)} windows",
        arrays={
            "s2_l1c_year": Array(optical, _Rows([f["sen2"] for f in files], codes)),
            "lcz": Array(zones, _Rows([f["label"] for f in files], zone)),
        },
        splits_n=splits,
        place_n2=np.full((len(splits), 2), np.nan, np.float32),
        synthetic=False,
        licence="CC-BY-4.0",
    )


def codes(reflectance_yxb: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
    """Return codes (b, y, x) of reflectance (y, x, b): x 10000, 1 at least, 0 where all bands are 0."""
    code = np.clip(np.rint(np.asarray(reflectance_yxb, np.float64) * 10_000), 1, 65_535).astype(np.uint16)
    code[(reflectance_yxb == 0).all(axis=-1)] = 0
    return np.ascontiguousarray(code.transpose(2, 0, 1))


def zone(label_c: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return the zone (1, 1), 1 to 17, of a one-hot label; 0 where there is none."""
    return np.full((1, 1), int(np.argmax(label_c)) + 1 if np.any(label_c) else 0, np.uint8)


class _Rows:
    """Data sets one after the other, each sample made ready as it is read."""

    def __init__(self, parts: Sequence[Any], ready: Any) -> None:
        self.parts, self.ready = parts, ready
        self.first = np.concatenate([[0], np.cumsum([len(p) for p in parts])])

    def __len__(self) -> int:
        return int(self.first[-1])

    def __getitem__(self, n: Any) -> Any:
        part = int(np.searchsorted(self.first, n, side="right")) - 1
        return self.ready(self.parts[part][n - int(self.first[part])])


def _vet(path: Path, file: Any) -> None:
    shapes = {name: tuple(file[name].shape) for name in ("sen2", "label") if name in file}
    optical, label = shapes.get("sen2", ()), shapes.get("label", ())
    if optical[1:] != (SIDE_PX, SIDE_PX, len(LCZ_BANDS)) or label != (*optical[:1], ZONES):
        raise BrokenInputError(
            str(path), expected=f"sen2 (n, {SIDE_PX}, {SIDE_PX}, 10) and label (n, {ZONES})", got=str(shapes)
        )
