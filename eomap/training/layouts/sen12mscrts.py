"""SEN12MS-CR-TS (Ebel and others 2022, doi:10.1109/TGRS.2022.3146246): 30 days of 2018 over 53 regions.

Files: ROIs1868/73/S2/14/s2_ROIs1868_73_ImgNo_14_2018-06-21_patch_171.tif, beside it S1; in the natural order
of their names the i-th file of each day is the same patch.
"""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.period import EPOCH
from eomap.errors import BrokenInputError
from eomap.training.layouts.patches import FileRows, optical, optical_spec, radar, radar_spec
from eomap.training.layouts.sen12mscr_splits import SERIES_ALL, SERIES_TEST, SERIES_VAL, split_in
from eomap.training.samples import Array, Samples, Spec

TITLE = "SEN12MS-CR-TS"
SOURCE = "https://doi.org/10.14459/2021mp1639953 to train, 10.14459/2021mp1659251 to test, 1 TB"
_NAME = re.compile(r"s2_ROIs(\d{4})_(\d+)_ImgNo_(\d+)_(\d{4}-\d{2}-\d{2})_patch_(\d+)\.tif")
Key = tuple[Path, ...]
"""A patch's Sentinel-2 files, one a day, by time."""


def found(folder: Path) -> bool:
    """Say whether a folder holds it."""
    return any(True for season in SERIES_ALL for _ in folder.glob(f"ROIs{season}/*/S2"))


def samples(folder: Path) -> Samples:
    """Return its patches with all their days, each read when it is asked for.

    Arrays: `s2_l1c_looks` (t, 10, 256, 256), `s1_l1c_looks` (t, 2, 256, 256), `s2_l1c_days` (t,). What is
    cloudless is not told. Raises BrokenInputError where days differ in number or a look has no radar.
    """
    keys: list[Key] = []
    splits: list[str] = []
    for season, rois in SERIES_ALL.items():
        for roi in sorted(rois):
            series = series_of(folder / f"ROIs{season}" / str(roi) / "S2")
            keys += series
            splits += [split_in(season, roi, val=SERIES_VAL, test=SERIES_TEST)] * len(series)
    if not keys:
        raise BrokenInputError(
            str(folder), expected="patches such as ..._2018-06-21_patch_171.tif", got="none"
        )
    looks = {len(k) for k in keys}
    if len(looks) > 1:
        raise BrokenInputError(str(folder), expected="as many days of every patch", got=str(sorted(looks)))
    t = looks.pop()
    return Samples(
        name=f"{TITLE}, {len(keys)} patches of {t} days",
        arrays={
            "s2_l1c_looks": Array(optical_spec("s2_l1c_looks", t), FileRows(keys, _optical)),
            "s1_l1c_looks": Array(radar_spec("s1_l1c_looks", t), FileRows(keys, _radar)),
            "s2_l1c_days": Array(
                Spec("s2_l1c_days", (t,), "int32", 0.0, nodata=None, unit="days since 1970-01-01"),
                FileRows(keys, days),
            ),
        },
        splits_n=np.array(splits),
        place_n2=np.full((len(keys), 2), np.nan, np.float32),
        synthetic=False,
    )


def series_of(optical_folder: Path) -> list[Key]:
    """Return the patches of a region, each with its files by time; raise BrokenInputError where some lack."""
    by_day = [natural(f.glob("*.tif")) for f in natural(optical_folder.glob("*")) if f.is_dir()]
    by_day = [files for files in by_day if files]
    if len({len(files) for files in by_day}) > 1:
        counts = sorted({len(files) for files in by_day})
        raise BrokenInputError(str(optical_folder), expected="as many patches every day", got=str(counts))
    keys = []
    for files in zip(*by_day, strict=True):
        if len({_matched(p)[5] for p in files}) > 1:
            raise BrokenInputError(str(files[0]), expected="one patch on all days", got=files[-1].name)
        keys.append(tuple(sorted(files, key=lambda p: _matched(p)[4])))
    return keys


def natural(paths: Any) -> list[Path]:
    """Return paths in the order of the numbers in their names."""
    return sorted(paths, key=lambda p: [int(w) if w.isdigit() else w for w in re.split(r"(\d+)", p.name)])


def days(key: Sequence[Path]) -> npt.NDArray[np.int32]:
    """Return the days of looks, counted from 1970-01-01."""
    return np.array([(date.fromisoformat(_matched(p)[4]) - EPOCH).days for p in key], np.int32)


def _optical(key: Key) -> npt.NDArray[np.uint16]:
    return np.stack([optical(p) for p in key])


def _radar(key: Key) -> npt.NDArray[np.uint16]:
    return np.stack([radar(radar_beside(p)) for p in key])


def radar_beside(path: Path) -> Path:
    """Return the radar file of a look: the same patch in the folder of the same number, whatever its day."""
    season, roi, number, _, patch = _matched(path).groups()
    home = path.parents[2] / "S1" / path.parent.name
    found = sorted(home.glob(f"s1_ROIs{season}_{roi}_ImgNo_{number}_*_patch_{patch}.tif"))
    if not found:
        raise BrokenInputError(str(path), expected=f"a radar patch {patch} in {home}", got="none")
    return found[0]


def _matched(path: Path) -> re.Match[str]:
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise BrokenInputError(
            str(path), expected="s2_ROIs1868_73_ImgNo_14_2018-06-21_patch_171.tif", got="it"
        )
    return match
