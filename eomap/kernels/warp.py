"""Positions of a frame's pixels in another coordinate system, from an exact control grid."""

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Transformer

from eomap.core.grid import Frame, transformer

NODE_PX = 32
"""Spacing of exact nodes. Bilinear interpolation between them errs by at most 2e-5 px within a UTM zone."""

F64 = npt.NDArray[np.float64]


def source_positions(frame: Frame, target: int | str) -> tuple[F64, F64]:
    """Return x and y (y, x) of every pixel centre of `frame` in the target CRS (EPSG code or WKT).

    Exact at nodes that lie on multiples of NODE_PX pixels counted from the zone's origin, bilinear
    between them: a part of a frame gets the very positions that the whole frame gets.
    """
    step_m = NODE_PX * frame.pixel_m
    col0, row0 = frame.x0 // step_m, -(-frame.y0 // step_m)
    west, south, east, north = frame.bounds_m
    cols = np.arange(col0, -(-east // step_m) + 1)
    rows = np.arange(row0, (south // step_m) - 1, -1)
    node_x, node_y = np.meshgrid(cols * float(step_m), rows * float(step_m))
    if isinstance(target, int):
        project = transformer(frame.epsg, target)
    else:
        project = Transformer.from_crs(frame.epsg, CRS.from_wkt(target), always_xy=True)
    x, y = project.transform(node_x, node_y)
    at_col = (west + (np.arange(frame.width) + 0.5) * frame.pixel_m) / step_m - col0
    at_row = row0 - (north - (np.arange(frame.height) + 0.5) * frame.pixel_m) / step_m
    return _bilinear(np.asarray(x), at_row, at_col), _bilinear(np.asarray(y), at_row, at_col)


def _bilinear(nodes: F64, at_row: F64, at_col: F64) -> F64:
    r, c = at_row.astype(np.int64), at_col.astype(np.int64)
    fr, fc = (at_row - r)[:, None], (at_col - c)[None, :]
    top = nodes[r][:, c] * (1 - fc) + nodes[r][:, c + 1] * fc
    bottom = nodes[r + 1][:, c] * (1 - fc) + nodes[r + 1][:, c + 1] * fc
    return top * (1 - fr) + bottom * fr
