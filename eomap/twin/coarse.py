"""The coarse nodes of some points: smooth fields are made there and drawn between them.

Axis letters: r, c node row and column; y, x pixel.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from eomap.kernels.upsample import MARGIN
from eomap.twin.earth import F32, F64, METRES_PER_DEGREE, NODE_PX, Points
from eomap.twin.strips import in_strips

T = TypeVar("T")
I64 = npt.NDArray[np.int64]
SMOOTH_NODES = 4
"""Waves of so many nodes and more are smooth enough to be drawn between them."""
_PLAIN_PIXEL_M = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Coarse:
    """Nodes (r, c) around points (y, x); points without nodes are their own."""

    fine: Points
    nearest_yx: I64
    """Flat index of the node nearest to each pixel: the same node in every cut."""

    @property
    def points(self) -> Points:
        """Where the nodes lie."""
        return self.fine if self.fine.nodes is None else self.fine.nodes.points

    @property
    def pixel_m(self) -> float:
        """Side of a pixel of the points; 10 m where they are not a raster."""
        return _PLAIN_PIXEL_M if self.fine.nodes is None else self.fine.nodes.pixel_m

    @property
    def smooth_m(self) -> float:
        """Shortest wave that is made at the nodes; 0 where pixels are their own nodes."""
        return 0.0 if self.fine.nodes is None else SMOOTH_NODES * NODE_PX * self.pixel_m

    def spread(self, field_rc: F32) -> F32:
        """Return a smooth field of the nodes at the pixels (y, x)."""
        return self.fine.drawn(lambda nodes: np.asarray(field_rc, np.float32))

    def in_strips(self, make: Callable[["Coarse"], T]) -> T:
        """Return what `make` returns of these points, made a few rows at a time where they are a raster."""
        if self.fine.nodes is None:
            return make(self)
        columns = slice(None)
        return in_strips(
            lambda rows: make(Coarse(self.fine.part(rows, columns), self.nearest_yx[rows])),
            self.fine.shape[0],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Ray:
    """From the ground to a layer of cloud, at the nodes (r, c)."""

    toward: tuple[F64, F64, F64]
    """Unit vectors along the ground towards the sun, in Earth-centred axes."""
    shift_m: float | F32
    """How far in that direction the ray meets the layer; 0 straight above."""

    @property
    def shift(self) -> tuple[F64, F64, F64]:
        """From the ground's places to the layer's, metres."""
        x, y, z = (np.asarray(self.shift_m * t, np.float64) for t in self.toward)
        return x, y, z

    def end(self, points: Points) -> Points:
        """Return the places of the layer that the rays from these points meet."""
        x, y, z = (a + d for a, d in zip((points.x_m, points.y_m, points.z_m), self.shift, strict=True))
        cos_lat = np.maximum(np.cos(np.radians(points.lat_deg)), 1e-3)
        lam = np.radians(points.lon_deg)
        east = np.cos(lam) * self.toward[1] - np.sin(lam) * self.toward[0]
        scale_deg = self.shift_m / cos_lat / METRES_PER_DEGREE
        return Points(points.lon_deg + scale_deg * east, points.lat_deg + scale_deg * self.toward[2], x, y, z)


def coarse_of(points: Points) -> Coarse:
    """Return the nodes of some points."""
    if points.nodes is None:
        return Coarse(points, np.arange(points.x_m.size).reshape(points.shape))
    rows, cols = (
        (first + np.arange(n)) // NODE_PX + MARGIN
        for first, n in zip((points.nodes.row0, points.nodes.col0), points.shape, strict=True)
    )
    return Coarse(points, rows[:, None] * points.nodes.points.shape[1] + cols)


def toward_sun(points: Points, azimuth_deg: float) -> tuple[F64, F64, F64]:
    """Return unit vectors along the ground towards the sun, in Earth-centred axes."""
    lam, phi = np.radians(points.lon_deg), np.radians(points.lat_deg)
    east, north = np.sin(np.radians(azimuth_deg)), np.cos(np.radians(azimuth_deg))
    inward = -np.sin(phi) * north
    return (
        np.cos(lam) * inward - np.sin(lam) * east,
        np.sin(lam) * inward + np.cos(lam) * east,
        np.cos(phi) * north,
    )
