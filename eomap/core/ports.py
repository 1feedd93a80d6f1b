"""What the core needs from the outside world; `io` and `nn` fill these in.

Axis letters: b band, c class, y row (north to south), x column (west to east).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from eomap.core.grid import Frame
from eomap.core.period import Period
from eomap.core.source import Band, Item
from eomap.core.windows import Layout

U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]


class Catalog(Protocol):
    """A STAC catalogue, static or API."""

    def search(
        self, collection: str, *, geometry: Any, period: Period, progress: Callable[[int], None] | None = None
    ) -> list[Item]:
        """Return the items that meet a lon/lat geometry (shapely) within a period: sorted by id, no twins.

        Raises TransientError when the service keeps failing, BrokenInputError on an answer that is
        not STAC, MisuseError on an unknown collection.
        """


class PixelReader(Protocol):
    """Pixels of a band on a frame."""

    def read(self, band: Band, frame: Frame, *, signing: str = "") -> npt.NDArray[Any]:
        """Return raw digital numbers (y, x) on the frame; pixels outside the file are `band.nodata` or 0.

        Native pixels, unresampled, where the file lies in the frame's zone on its 10 m grid; coarser
        bands are interpolated linearly between pixel centres, unless `band.categorical`.
        Raises BrokenInputError or TransientError naming the href.
        """

    def read_many(self, bands: Sequence[Band], frame: Frame, *, signing: str = "") -> list[npt.NDArray[Any]]:
        """Return what `read` does for each of several bands of one file, all alike measured or categorical.

        A block of the file that holds all its bands is decoded once.
        """


class Network(Protocol):
    """A network that says something of windows; what of, it alone knows."""

    @property
    def name(self) -> str:
        """As in the registry."""

    @property
    def sha256(self) -> str:
        """Of its weights."""

    @property
    def layout(self) -> Layout:
        """The windows that it takes."""

    @property
    def channels(self) -> int:
        """How many numbers it gives per cell."""

    @property
    def asides(self) -> int:
        """How many numbers it is told per window beside the pixels."""

    def __call__(self, code_nbyx: U16, aside_nk: F32) -> F32:
        """Return (n, k, rows, cols) for up to `layout.batch` windows of codes, 0 where unseen.

        The bits of a window's answer do not depend on the other windows.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """Finished rows of cells."""

    rows: slice
    value_krc: F32
    """Weighted mean of what the windows said; 0 where not wanted."""


class Predictor(Protocol):
    """A network that maps a frame (`nn.windows.Windowed`)."""

    @property
    def name(self) -> str:
        """As in the registry."""

    @property
    def sha256(self) -> str:
        """Of its weights."""

    @property
    def halo_px(self) -> int:
        """Pixels needed around the cells of a frame."""

    def __call__(
        self,
        code_byx: U16,
        wanted_rc: Bool,
        *,
        origin_rc: tuple[int, int],
        aside: Callable[[int, int], Sequence[float]] | None = None,
    ) -> F32:
        """Return what the network says (k, rows, cols) of the cells of a frame; 0 where not wanted.

        `code_byx` holds codes of the network's channels in the frame, halo included; `wanted_rc` says which
        of the frame's cells (halo excluded) to compute; `origin_rc` is the index of the first such cell
        counted from the zone's origin, so that windows fall the same way however a zone is cut. `aside`
        gives the numbers that a window is told, from its first cell's row and column counted likewise.
        """

    def strips(
        self,
        code_byx: U16,
        wanted_rc: Bool,
        *,
        origin_rc: tuple[int, int],
        aside: Callable[[int, int], Sequence[float]] | None = None,
    ) -> Iterator[Strip]:
        """Yield the same in strips of whole rows from north to south, so that only some are in memory."""


class CloudClassifier(Protocol):
    """A network that tells clouds, their shadows and snow apart."""

    name: str
    sha256: str

    @property
    def margin_px(self) -> int:
        """How many pixels more on each side a block needs for the same answer as the whole."""

    def __call__(self, bands: Sequence[U16], *, corrected: bool, origin_px: tuple[int, int]) -> U8:
        """Return 0 clear, 1 thin cloud, 2 thick cloud, 3 cloud shadow, 4 snow, 255 unseen (y, x).

        `bands`: blue, green, red, near infrared, 1.6 and 2.2 um on one grid, reflectance x 10000, 0 unseen;
        `corrected` says that it is the surface's. `origin_px`: row and column of the first pixel counted from
        the zone's origin, so that the network's squares fall the same way however a zone is cut.
        """


class Listing(Protocol):
    """Where bytes of a cube lie: a folder or a bucket prefix."""

    def read(self, key: str) -> bytes:
        """Return an object; raise FileNotFoundError where there is none."""

    def put(self, key: str, data: bytes) -> None:
        """Write or replace an object, whole or not at all."""

    def put_new(self, key: str, data: bytes) -> bool:
        """Write an object that must not exist yet; return False where it does."""

    def keys(self, prefix: str) -> Sequence[str]:
        """Return the keys below a prefix, sorted."""
