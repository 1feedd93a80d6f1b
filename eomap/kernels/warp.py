"""Where a frame's pixels lie in a file of another coordinate system, from an exact control grid.

The kernels of `warp_nearest`, `warp_linear`, `warp_cubic` and `warp_area` take the nodes of the grid and
draw positions row by row; nothing of the frame's size is held but the result. Axis letters: r, c node row
and column; y, x pixel of the frame, or of the file.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from pyproj import CRS, Transformer

from eomap.core.grid import Frame, transformer
from eomap.errors import MisuseError

NODE_PX = 32
"""Widest spacing of exact nodes, in pixels of the frame."""
ERROR_PX = 1e-3
"""What bilinear interpolation between nodes may err by, in pixels of the file."""
_BENT_BY_UTM, _BENT_BY_3035, _BENT = 2.2e-9, 1e-8, 6e-7
"""Most that a position errs, in metres over the square of the spacing in metres: to another UTM zone, to
Europe's equal-area grid, and to any other system. The last was measured for degrees and the sinusoidal, which
bend most, to 84 north."""
_DEGREE_M = 111_320.0
_SLACK_PX = 1e-6
_JUMP_M = 1e6
"""No neighbouring nodes are so far apart; the ends of a sinusoidal parallel are, up to 88 degrees north."""

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ControlGrid:
    """Positions in a file of a frame's pixels: exact at nodes, bilinear between them.

    Nodes lie on multiples of `node_px` pixels counted from the zone's origin, so a part of a frame has the
    very positions that the whole frame has.
    """

    row_rc: F64
    """Rows of the nodes, in pixels from the file's upper edge (the first pixel's centre lies at 0.5)."""
    col_rc: F64
    """Columns of the nodes, in pixels from the file's left edge."""
    node_y: I64
    """The node row above each pixel row."""
    between_y: F64
    """How far below it the pixel row lies, in node spacings: 0 to 1."""
    node_x: I64
    between_x: F64

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns of the frame."""
        return self.node_y.size, self.node_x.size

    @property
    def arrays(self) -> tuple[F64, F64, I64, F64, I64, F64]:
        """The fields, as the kernels take them."""
        return self.row_rc, self.col_rc, self.node_y, self.between_y, self.node_x, self.between_x

    def skew_px(self) -> tuple[int, int]:
        """Return by how many rows and columns of the file a row and a column of the frame lean, at most."""
        leaning = np.abs(self.row_rc[:, -1] - self.row_rc[:, 0]), np.abs(self.col_rc[-1] - self.col_rc[0])
        rows, cols = (int(np.ceil(n.max())) + 2 if np.isfinite(n).all() else 0 for n in leaning)
        return rows, cols

    def positions(self) -> tuple[F64, F64]:
        """Return row and column (y, x) in the file, of every pixel; the plain twin of what kernels draw."""
        at = self.node_y, self.between_y, self.node_x, self.between_x
        return _bilinear(self.row_rc, *at), _bilinear(self.col_rc, *at)

    def window(self, shape: tuple[int, int], *, reach_px: int = 0) -> tuple[Span, Span] | None:
        """Return the rows and columns of a file of that shape that the pixels need, or None for none.

        `reach_px` more on every side, where the file has them. Between nodes a position is bilinear, so
        it is farthest at the corners of what lies between them: these are looked at, not every pixel.
        """
        if not self.node_y.size or not self.node_x.size:
            return None
        ends_y, ends_x = _ends(self.node_y), _ends(self.node_x)
        at = self.node_y[ends_y], self.between_y[ends_y], self.node_x[ends_x], self.between_x[ends_x]
        spans = []
        for nodes in (self.row_rc, self.col_rc):
            corners = _bilinear(nodes, *at).reshape(ends_y.size // 2, 2, ends_x.size // 2, 2)
            spans.append((corners.min((1, 3)) - _SLACK_PX, corners.max((1, 3)) + _SLACK_PX))
        seen = np.logical_and.reduce(
            [
                (high >= 0) & (low < size) & np.isfinite(low + high)
                for (low, high), size in zip(spans, shape, strict=True)
            ]
        )
        if not seen.any():
            return None
        rows, cols = (
            (
                max(int(np.floor(low[seen].min())) - reach_px, 0),
                min(int(np.floor(high[seen].max())) + 1 + reach_px, size),
            )
            for (low, high), size in zip(spans, shape, strict=True)
        )
        return rows, cols


@dataclass(frozen=True, slots=True)
class Place:
    """Where the pixels of a north-up file lie."""

    crs: int | str
    """EPSG code or WKT."""
    corner_xy: tuple[float, float]
    """Outer corner of the first pixel, in units of the CRS."""
    pixel_xy: tuple[float, float]
    """Step to the next column and row, in units of the CRS; the latter is negative."""
    shape: tuple[int, int]
    """Rows, columns."""


def control_grids(frame: Frame, place: Place, *, at_corners: bool = False) -> tuple[ControlGrid, ...]:
    """Return where the pixel centres of `frame` lie in a file: one grid, or two across the antimeridian.

    With `at_corners` the positions are those of the pixels' corners, one more each way. Where the nodes of
    a frame lie on both ends of the file's globe, the first grid is that of its east end, the second that of
    its west end. (In a projected system each reaches beyond its end of the globe, where tiles hold fill.)
    """
    step_m = node_px(frame, place) * frame.pixel_m
    half, more = (0.0, 1) if at_corners else (0.5, 0)
    node_y, between_y = _split(-frame.y0 + (np.arange(frame.height + more) + half) * frame.pixel_m, step_m)
    node_x, between_x = _split(frame.x0 + (np.arange(frame.width + more) + half) * frame.pixel_m, step_m)
    rows, cols = (np.arange(node[0], node[-1] + 2) for node in (node_y, node_x))
    x, y = np.meshgrid(cols * float(step_m), -rows * float(step_m))
    sides: tuple[F64, ...] = (x,)
    if place.crs != frame.epsg:
        sides, y = _projected(frame.epsg, place, x, y)
    row = (y - place.corner_xy[1]) / place.pixel_xy[1]
    at = node_y - rows[0], between_y, node_x - cols[0], between_x
    return tuple(ControlGrid(row, (x - place.corner_xy[0]) / place.pixel_xy[0], *at) for x in sides)


def node_px(frame: Frame, place: Place) -> int:
    """Return the spacing of nodes in pixels: the widest that errs by ERROR_PX at most, from 1 to NODE_PX.

    It depends on pixel sizes and systems only, not on where a frame begins or ends.
    """
    if place.crs == frame.epsg:
        return NODE_PX
    utm = isinstance(place.crs, int) and place.crs // 100 in (326, 327)
    bent = _BENT_BY_UTM if utm else _BENT_BY_3035 if place.crs == 3035 else _BENT
    degrees = _is_geographic(frame.epsg, place.crs)
    file_pixel_m = min(abs(d) for d in place.pixel_xy) * (_DEGREE_M if degrees else 1.0)
    widest_m = np.sqrt(ERROR_PX * file_pixel_m / bent)
    return int(np.clip(widest_m / frame.pixel_m, 1, NODE_PX))


def vet_native(native_yx: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the pixels as the kernels take them; raise MisuseError on what they cannot index."""
    if native_yx.ndim != 2 or not 0 < native_yx.size < 2**31:
        raise MisuseError("warp", expected="1 to 2**31 - 1 pixels (y, x)", got=str(native_yx.shape))
    return np.ascontiguousarray(native_yx)


def as_pixel(value: float, dtype: Any) -> tuple[Any, bool]:
    """Return a nodata value as a pixel of that type, and whether a pixel can be it at all."""
    if dtype.kind in "iu" and not (np.iinfo(dtype).min <= value <= np.iinfo(dtype).max and value % 1 == 0):
        return dtype.type(0), False
    return dtype.type(value), True


def _projected(epsg: int, place: Place, x_m: F64, y_m: F64) -> tuple[tuple[F64, ...], F64]:
    """Return the x (one or two) and y of nodes in the file's CRS, with no jump between neighbours in x."""
    project = _between(epsg, place.crs)
    x, y = (np.asarray(a) for a in project.transform(x_m, y_m))
    geographic = _is_geographic(epsg, place.crs)
    middle = 0.0
    if geographic:
        middle = place.corner_xy[0] + place.pixel_xy[0] * place.shape[1] / 2
        x = middle + (x - middle + 180) % 360 - 180
    if not _jumps(x, 180.0 if geographic else _JUMP_M):
        return (x,), y
    once_round: float | F64 = 360.0
    if not geographic:
        _, lat = _between(epsg, 4326).transform(x_m, y_m)
        once_round = 2 * np.asarray(_between(4326, place.crs).transform(np.full(x.shape, 180.0), lat)[0])
    east = x >= middle
    return (np.where(east, x, x + once_round), np.where(east, x - once_round, x)), y


def _jumps(x: F64, limit: float) -> bool:
    with np.errstate(invalid="ignore"):
        steps = np.concatenate([np.abs(np.diff(x, axis=axis)).ravel() for axis in (0, 1)])
    return bool((np.isfinite(steps) & (steps > limit)).any())


@lru_cache(maxsize=64)
def _is_geographic(epsg: int, target: int | str) -> bool:
    crs = _between(epsg, target).target_crs
    return crs is not None and crs.is_geographic


@lru_cache(maxsize=64)
def _between(epsg: int, target: int | str) -> Transformer:
    if isinstance(target, int):
        return transformer(epsg, target)
    return Transformer.from_crs(epsg, CRS.from_wkt(target), always_xy=True)


def _split(at_m: npt.NDArray[Any], step_m: float) -> tuple[I64, F64]:
    """Return the node before each place and the rest; of the place alone, wherever a frame begins."""
    at = at_m / step_m
    node = np.floor(at)
    return node.astype(np.int64), at - node


def _ends(node: I64) -> I64:
    """Return the first and last index of each run of equal nodes, in turn."""
    last = np.flatnonzero(np.append(np.diff(node) != 0, True))
    first = np.append(0, last[:-1] + 1)
    return np.stack([first, last], axis=1).ravel()


def _bilinear(nodes: F64, r: I64, fr: F64, c: I64, fc: F64) -> F64:
    with np.errstate(invalid="ignore"):  # nodes beyond the reach of a projection are infinite
        top = nodes[r][:, c] * (1 - fc) + nodes[r][:, c + 1] * fc
        bottom = nodes[r + 1][:, c] * (1 - fc) + nodes[r + 1][:, c + 1] * fc
        return top * (1 - fr[:, None]) + bottom * fr[:, None]


@numba.njit(cache=True, nogil=True)
def draw_lines(row_rc, col_rc, node, node_x, between_x, lines):
    """Fill `lines` (4, x) with rows and columns along the node row above and the one below."""
    _line(row_rc[node], node_x, between_x, lines[0])
    _line(row_rc[node + 1], node_x, between_x, lines[1])
    _line(col_rc[node], node_x, between_x, lines[2])
    _line(col_rc[node + 1], node_x, between_x, lines[3])


@numba.njit(cache=True, nogil=True)
def _line(node, node_x, between_x, line):
    for x in range(len(line)):
        c, f = node_x[x], between_x[x]
        line[x] = node[c] * (1 - f) + node[c + 1] * f
