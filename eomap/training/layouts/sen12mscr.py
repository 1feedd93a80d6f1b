"""SEN12MS-CR (Ebel and others 2021, doi:10.1109/TGRS.2020.3024744): a cloudy and a clear look, and radar.

Files: ROIs1158_spring_s2_cloudy/s2_cloudy_17/ROIs1158_spring_s2_cloudy_17_p30.tif, beside it `s2` and `s1`.
"""

import re
from pathlib import Path

import numpy as np

from eomap.errors import BrokenInputError
from eomap.training.layouts.patches import FileRows, optical, optical_spec, radar, radar_spec
from eomap.training.layouts.sen12mscr_splits import SEASONS, SINGLE_TEST, SINGLE_VAL, split_in
from eomap.training.samples import Array, Samples

TITLE = "SEN12MS-CR"
SOURCE = "https://doi.org/10.14459/2020mp1554803, 270 GB"
_NAME = re.compile(r"ROIs(\d{4})_(\w+?)_s2_cloudy_(\d+)_p(\d+)\.tif")


def found(folder: Path) -> bool:
    """Say whether a folder holds it."""
    return any((folder / f"ROIs{code}_{season}_s2_cloudy").is_dir() for code, season in SEASONS.items())


def samples(folder: Path) -> Samples:
    """Return its patches, each read when it is asked for.

    Arrays: `s2_l1c_looks` and `s2_l1c_cloudless` (1, 10, 256, 256), `s1_l1c_looks` (1, 2, 256, 256). The
    clear look is of another day: clouds are not all that differs. Raises BrokenInputError for a patch without
    its clear look or radar.
    """
    cloudy = sorted(p for c, s in SEASONS.items() for p in folder.glob(f"ROIs{c}_{s}_s2_cloudy/*/*.tif"))
    matched = [(p, m) for p in cloudy if (m := _NAME.fullmatch(p.name))]
    if not matched:
        raise BrokenInputError(str(folder), expected="patches such as ..._s2_cloudy_17_p30.tif", got="none")
    keys = [p for p, _ in matched]
    for path in keys:
        for kind in ("s2", "s1"):
            if not beside(path, kind).is_file():
                raise BrokenInputError(str(path), expected=f"a patch {beside(path, kind).name}", got="none")
    splits = [split_in(m[1], int(m[3]), val=SINGLE_VAL, test=SINGLE_TEST) for _, m in matched]
    return Samples(
        name=f"{TITLE}, {len(keys)} patches",
        arrays={
            "s2_l1c_looks": Array(
                optical_spec("s2_l1c_looks", 1), FileRows(keys, lambda p: optical(p)[None])
            ),
            "s2_l1c_cloudless": Array(
                optical_spec("s2_l1c_cloudless", 1), FileRows(keys, lambda p: optical(beside(p, "s2"))[None])
            ),
            "s1_l1c_looks": Array(
                radar_spec("s1_l1c_looks", 1), FileRows(keys, lambda p: radar(beside(p, "s1"))[None])
            ),
        },
        splits_n=np.array(splits),
        place_n2=np.full((len(keys), 2), np.nan, np.float32),
        synthetic=False,
    )


def beside(cloudy: Path, kind: str) -> Path:
    """Return the file of another kind, s2 or s1, for a cloudy one."""
    season, scene = cloudy.parents[1].name, cloudy.parent.name
    home = (
        cloudy.parents[2] / season.replace("_s2_cloudy", f"_{kind}") / scene.replace("s2_cloudy_", f"{kind}_")
    )
    return home / cloudy.name.replace("_s2_cloudy_", f"_{kind}_")
