"""A sensor: what its items mean, declared once as a frozen value with small functions.

Every unit becomes physical in `eomap.sensors` and nowhere else. From there on pixels travel as *codes*:
uint16 from 1 to 65535, 0 where unseen, with physical = code * scale + offset. A median, a percentile or a
choice between looks is the same in codes as in the unit itself, so kernels need to know whole numbers only.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.grid import Frame
from eomap.core.ports import CloudClassifier
from eomap.core.source import Band, Item, Scene

U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]
Pixels = Mapping[str, npt.NDArray[Any]]
"""Pixels of one scene by band (y, x): codes of measured bands, the file's own numbers of categorical ones."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a product wants of a sensor's items."""

    bands: tuple[str, ...]
    mask: str
    collection: str
    names: Mapping[str, str] | None = None
    """Band to asset, as the catalogue's entry says; None where the items have to tell."""
    signing: str = ""


@dataclass(frozen=True, slots=True)
class Beside:
    """What a mask may use beside the pixels of a scene."""

    frame: Frame
    """Where the pixels lie."""
    classifier: Callable[[], CloudClassifier] | None = None
    """Loads our cloud network once; called only where a mask asks it."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor, or one product of it, on the grid that it sees."""

    name: str
    """As on the command line: sentinel-2, sentinel-1, enmap, modis-13q1."""
    title: str
    collections: tuple[str, ...]
    """What its collections' names hold, the preferred first."""
    bands: Mapping[str, float]
    """Measured bands and the side of their pixels in metres."""
    default_bands: tuple[str, ...]
    step: int
    """Cell of its composites, in steps of the lattice (about 10 m each)."""
    quantity: str
    """What a composite of it holds, in words: reflectance, backscatter, NDVI."""
    scale: float
    offset: float
    """physical = code * scale + offset"""
    unit: str
    masks: tuple[str, ...]
    """Ways to tell clear pixels, the default first."""
    methods: tuple[str, ...]
    """Ways to make one picture of many looks, the default first."""
    scenes_of: Callable[[Sequence[Item], Ask], tuple[list[Scene], list[str]]]
    """The usable scenes of items, and remarks on those set aside."""
    coded: Callable[[npt.NDArray[Any], Band], U16]
    """Raw numbers (y, x) of a measured band to codes."""
    mask_bands: Callable[[Scene, str], tuple[str, ...]]
    """Bands that a mask reads; a scene may lack some of them."""
    clear: Callable[[Pixels, Scene, str], Bool]
    """Where (y, x) the pixels of a scene are a clear look at the ground, by mask."""
    margin_px: Callable[[Scene, str], int]
    """Beyond this distance no pixel changes a scene's mask."""
    doubt: Callable[[Scene, Mapping[str, float]], str | None] = lambda _, __: None
    """One line where the darkest valid numbers of a scene's bands contradict what its item says."""
    origin_m: int = 0
    """Where its pixels begin in UTM, east and north of a whole number of them from the zone's origin."""
    mask_of: Callable[[Scene, str], str] = lambda _, mask: mask
    """What a mask comes to for a scene: `auto` is another where it lacks a band."""
    clear_beside: Callable[[Pixels, Scene, str, Beside], Bool] | None = None
    """As `clear`, for a sensor whose masks may ask our cloud network; taken instead where there is one."""
