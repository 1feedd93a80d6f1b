"""A world of a few smooth waves: a pixel source that costs next to nothing, for trying out the provider.

Reflectance, backscatter and classes follow from where a place is and on which day, so neighbouring scenes,
sensors and zones agree. It looks like nothing on Earth. Axis letters: b band, y north to south, x west to
east.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.grid import Frame
from eomap.sensors.sentinel2 import BANDS, SCENE_CLASS
from eomap.twin.acquisitions import Acquisition
from eomap.twin.degrees import DegreeFrame
from eomap.twin.earth import Points, points_of
from eomap.twin.sinusoid import SinusoidFrame
from eomap.twin.source import CLASSES_ENMAP, ENMAP_BANDS, F32, LAND_COVER, RANK, U8, TruthLayer

_WAVE_M, _CLOUD_M = 2_500.0, 9_000.0
_LEVEL_HAZE = {"L1C": 0.04, "L2A": 0.0}


@dataclass(frozen=True, slots=True)
class PlainWorld:
    """A pixel source, see `eomap.twin.source`."""

    seed: int

    @property
    def name(self) -> str:
        """Name, version and seed."""
        return f"plain 1, seed {self.seed}"

    def optical(
        self, acquisition: Acquisition, frame: Frame, bands: Sequence[str], *, level: str
    ) -> Mapping[str, npt.NDArray[Any]]:
        """Return bands: the waves, white where there is cloud."""
        found: dict[str, npt.NDArray[Any]] = {}
        ground: dict[int, tuple[F32, F32]] = {}
        for band in bands:
            every = 2 if band == SCENE_CLASS else BANDS[band] // 10
            if every not in ground:
                points = points_of(frame, every_px=every)
                ground[every] = self._waves(points), self._cloud(points, acquisition.moment.date())
            wave, cloud = ground[every]
            if band == SCENE_CLASS:
                found[band] = np.where(cloud > 0.7, 9, np.where(wave > 0.5, 4, 5)).astype(np.uint8)
            else:
                number = list(BANDS).index(band)
                clear = 0.05 + 0.015 * number + np.float32(0.1) * wave + np.float32(_LEVEL_HAZE[level])
                found[band] = np.where(cloud > 0.7, np.float32(0.6), clear.astype(np.float32))
        return found

    def radar(self, acquisition: Acquisition, frame: Frame, *, product: str) -> Mapping[str, F32]:
        """Return VV and VH: stronger where the waves are high."""
        wave = self._waves(points_of(frame))
        gain = np.float32(1.0 if product == "rtc" else 0.8)
        return {"VV": gain * (0.05 + 0.1 * wave), "VH": gain * (0.01 + 0.03 * wave)}

    def hyperspectral(self, acquisition: Acquisition, frame: Frame) -> tuple[F32, Mapping[str, U8]]:
        """Return 224 bands that rise with their number, and where there is cloud."""
        points = points_of(frame, every_px=3)
        wave = self._waves(points)
        cloud = self._cloud(points, acquisition.moment.date()) > 0.7
        rising = np.linspace(0.02, 0.4, ENMAP_BANDS, dtype=np.float32)[:, None, None]
        flags = {n: (cloud if n == "cloud" else np.zeros_like(cloud)).astype(np.uint8) for n in CLASSES_ENMAP}
        return np.where(cloud, np.float32(0.6), rising * (0.5 + 0.5 * wave)), flags

    def modis(
        self, acquisition: Acquisition, frame: SinusoidFrame, bands: Sequence[str]
    ) -> Mapping[str, npt.NDArray[Any]]:
        """Return composites: the waves without a cloud."""
        wave = self._waves(frame.points())
        found: dict[str, npt.NDArray[Any]] = {}
        for band in bands:
            if band == RANK:
                found[band] = np.zeros(frame.shape, dtype=np.uint8)
            elif band == LAND_COVER:
                found[band] = (1 + np.minimum(16, wave * 17)).astype(np.uint8)
            else:
                found[band] = 0.05 * np.float32(band[1:]) + np.float32(0.1) * wave
        return found

    def lights(self, acquisition: Acquisition, frame: DegreeFrame) -> F32:
        """Return light where the waves are high."""
        return np.maximum(self._waves(frame.points()) * 40 - 20, 0)

    def truth(self, frame: Frame, day: date | None) -> Mapping[str, TruthLayer]:
        """Return the waves themselves and zones of them, or on a day where there is cloud."""
        if day is not None:
            cloud = self._cloud(points_of(frame), day) > 0.7
            return {"cloud": TruthLayer(cloud.astype(np.uint8), 10.0, "", "class", nodata=255)}
        wave, coarse = self._waves(points_of(frame)), self._waves(points_of(frame, every_px=10))
        height = np.rint(wave * 1000).astype(np.uint16)
        zones = (1 + np.minimum(16, coarse * 17)).astype(np.uint8)
        return {
            "height": TruthLayer(height, 10.0, "m", "value", nodata=65_535, scale=0.1),
            "lcz": TruthLayer(zones, 100.0, "", "class", nodata=0),
        }

    def _waves(self, points: Points) -> F32:
        """Return values (y, x) from 0 to 1."""
        turn = 2 * np.pi / _WAVE_M
        phases = (turn * a + self.seed for a in (points.x_m, 1.3 * points.y_m, 0.8 * points.z_m))
        return (0.5 + np.sum([np.sin(p) for p in phases], axis=0) / 6).astype(np.float32)

    def _cloud(self, points: Points, day: date) -> F32:
        """Return values (y, x) from 0 to 1, other ones every day."""
        turn, drift = 2 * np.pi / _CLOUD_M, 1.7 * day.toordinal() + self.seed
        phases = (turn * points.x_m + drift, turn * points.y_m - drift, turn * points.z_m + 0.3 * drift)
        return (0.5 + np.sum([np.sin(p) for p in phases], axis=0) / 6).astype(np.float32)
