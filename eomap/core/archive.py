"""A catalogue's answer too large for one object an item: the same facts as columns, one row an item."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Archive:
    """Columns of the items of one collection. Rows keep their number; `rows` arrays point to them."""

    moment_us: npt.NDArray[np.int64]
    """Microseconds since 1970, UTC."""
    cloud_percent: npt.NDArray[np.float64]
    """NaN where the catalogue is silent."""
    shape: npt.NDArray[np.int32]
    """Which of `footprints` is an item's: few are different from each other."""
    footprints: npt.NDArray[np.object_]
    """shapely polygons, lon/lat degrees."""
    place: npt.NDArray[np.int32]
    """Items of one platform and square have one number; -1 where the catalogue names none."""
    age: npt.NDArray[np.int64]
    """Grows with the newness of the processing, and with the id where nothing else differs."""
    ids: Any
    """Ids by row: an Arrow array."""

    def __len__(self) -> int:
        return len(self.moment_us)
