"""Clouds and shadows by ukis-csmask, an optional network of others (Apache-2.0; we ship none of it).

It sees cells of 33.3 m, near the 30 m that it was made for: three of them are ten pixels. It calls snow
shadow, so bright snow and water are guarded here. Unlike our own masks it is not local: it looks at squares
of 256 cells laid out from the corner of what it is given, so other cuts of a scene give slightly other masks.
Axis letters: y row, x column.
"""

import warnings
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.sensors.water_snow import is_snow, is_water

U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
F32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]
BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")
NAMES = ("blue", "green", "red", "nir", "swir16", "swir22")
CLEAR, CLOUD, SHADOW = range(3)
MARGIN_PX = 160
"""Half of one of its squares and more: what blocks are read with around them."""
_TEN, _THREE = 10, 3


def classes_by_ukis(dn: Mapping[str, U16], level: str, *, guarded: bool = True) -> U8:
    """Return CLEAR, CLOUD or SHADOW (y, x) of pixels of 10 m; where `guarded`, snow and water are not SHADOW.

    Raises MisuseError where the package is not installed.
    """
    try:
        from ukis_csmask.mask import CSmask
    except ImportError:
        raise MisuseError(
            "cloud mask ukis",
            expected="the packages ukis-csmask and onnxruntime",
            got="none",
            hint="pip install 'eomap[ukis]'",
        ) from None
    seen = np.logical_and.reduce([dn[n] > 0 for n in BANDS])
    image = np.stack([_cells(dn[n], seen) for n in BANDS], axis=-1) / np.float32(10_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a block smaller than its squares is filled up
        made = CSmask(
            image.astype(np.float32),
            list(NAMES),
            product_level=level.lower(),
            intra_op_num_threads=1,
            inter_op_num_threads=1,
            providers=["CPUExecutionProvider"],
        )
    found = _pixels(made.csm[..., 0].astype(np.uint8), seen.shape)
    if guarded:
        found[(found == SHADOW) & (is_snow(dn) | is_water(dn))] = CLEAR
    return found


def _cells(band: U16, seen: Bool) -> F32:
    """Return means of a band's seen pixels over cells of 33.3 m, by their areas."""
    total, area = (_thirds(_thirds(v.astype(np.float32)).T).T for v in (np.where(seen, band, 0), seen))
    mean: F32 = np.divide(total, np.maximum(area, 1e-3), dtype=np.float32)
    return mean


def _thirds(value: F32) -> F32:
    """Return sums over thirds of ten columns."""
    padded = np.pad(value, ((0, 0), (0, -value.shape[1] % _TEN)))
    weight = np.zeros((_TEN, _THREE), np.float32)
    edges = np.linspace(0, _TEN, _THREE + 1)
    for k in range(_THREE):
        weight[:, k] = np.clip(edges[k + 1] - np.arange(_TEN), 0, 1) - np.clip(
            edges[k] - np.arange(_TEN), 0, 1
        )
    sums: F32 = (padded.reshape(len(padded), -1, _TEN) @ weight).reshape(len(padded), -1)
    return sums


def _pixels(cells: U8, shape: tuple[int, ...]) -> U8:
    """Return the cell in which each pixel's middle lies."""
    row, col = ((2 * np.arange(n) + 1) * _THREE // (2 * _TEN) for n in shape)
    return cells[row][:, col]
