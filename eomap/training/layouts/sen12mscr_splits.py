"""The published splits of SEN12MS-CR and SEN12MS-CR-TS: numbers of regions by season; facts, in tables.

Ebel and others 2021, doi:10.1109/TGRS.2020.3024744, and 2022, doi:10.1109/TGRS.2022.3146246.
"""

from collections.abc import Mapping

Rois = Mapping[str, frozenset[int]]
SEASONS = {"1158": "spring", "1868": "summer", "1970": "fall", "2017": "winter"}


def _rois(**by: tuple[int, ...]) -> Rois:
    return {season.removeprefix("r"): frozenset(numbers) for season, numbers in by.items()}


SERIES_ALL = _rois(
    r1158=(106,),
    r1868=(17, 36, 56, 73, 85, 100, 114, 119, 121, 126, 127, 139, 142, 143),
    r1970=(20, 21, 35, 40, 57, 65, 71, 82, 83, 91, 112, 116, 119, 128, 132, 133, 135, 139, 142, 144, 149),
    r2017=(8, 22, 25, 32, 49, 61, 63, 69, 75, 103, 108, 115, 116, 117, 130, 140, 146),
)
"""The 53 regions of SEN12MS-CR-TS."""
SERIES_TEST = _rois(
    r1868=(119, 73, 100, 142), r1970=(139, 132, 20), r2017=(108, 63, 32, 103, 140), r1158=(106,)
)
SERIES_VAL = _rois(r2017=(22, 117), r1970=(65,), r1868=(127, 17))
SINGLE_TEST = _rois(r1158=(106, 123, 140, 31, 44), r1868=(119, 73), r1970=(139,), r2017=(108, 63))
SINGLE_VAL = _rois(r2017=(22, 107, 130, 84), r1868=(19, 80, 127, 17), r1970=(65,), r1158=(17,))
"""Of SEN12MS-CR, ten scenes each; every other scene is for training."""


def split_in(season: str, roi: int, *, val: Rois, test: Rois) -> str:
    """Return train, val or test."""
    if roi in test.get(season, ()):
        return "test"
    return "val" if roi in val.get(season, ()) else "train"
