"""Published sets, read from files in their exact layouts: splits, bands, units; what is missing is named."""

import numpy as np
import pytest
import rasterio

from eomap.errors import BrokenInputError
from eomap.sensors.sentinel2 import BANDS, LCZ_BANDS
from eomap.training.layouts import patches, sen12mscr, sen12mscrts, so2sat
from eomap.training.layouts import sen12mscr_splits as splits

THIRTEEN = tuple(BANDS)


def write(path, bands):
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", count=len(bands), height=256, width=256, dtype=bands.dtype
    ) as file:
        file.write(bands)


def optical(value):
    """13 bands, each 100 x its place + value; the upper left pixel is nodata."""
    made = np.stack([np.full((256, 256), 100 * k + value, np.uint16) for k in range(13)])
    made[:, 0, 0] = 0
    return made


def radar(vv):
    return np.stack([np.full((256, 256), vv, np.float32), np.full((256, 256), vv - 7, np.float32)])


def write_single(root, season, name, scene, patch):
    for kind, bands in (("s2_cloudy", optical(9)), ("s2", optical(1)), ("s1", radar(-10.0))):
        folder = root / f"ROIs{season}_{name}_{kind}" / f"{kind}_{scene}"
        write(folder / f"ROIs{season}_{name}_{kind}_{scene}_p{patch}.tif", bands)


def write_series(root, season, roi, days, numbers=(9, 10)):
    for number, day in enumerate(days):
        for patch in numbers:
            for kind, bands in (("S2", optical(number)), ("S1", radar(-10.0 - number))):
                shifted = day if kind == "S2" else "2018-01-02"
                name = f"{kind.lower()}_ROIs{season}_{roi}_ImgNo_{number}_{shifted}_patch_{patch}.tif"
                write(root / f"ROIs{season}" / str(roi) / kind / str(number) / name, bands)


def count(rois):
    return sum(map(len, rois.values()))


def test_splits_are_the_published_ones():
    assert count(splits.SERIES_ALL) == 53 and count(splits.SERIES_TEST) == 13
    assert count(splits.SERIES_VAL) == 5 and count(splits.SINGLE_TEST) == count(splits.SINGLE_VAL) == 10
    found = [
        splits.split_in(s, r, val=splits.SERIES_VAL, test=splits.SERIES_TEST)
        for s, rois in splits.SERIES_ALL.items()
        for r in rois
    ]
    assert {k: found.count(k) for k in set(found)} == {"train": 35, "val": 5, "test": 13}
    for val, test in ((splits.SERIES_VAL, splits.SERIES_TEST), (splits.SINGLE_VAL, splits.SINGLE_TEST)):
        assert all(not (val.get(s, frozenset()) & test.get(s, frozenset())) for s in splits.SERIES_ALL)


def test_the_ten_bands_are_picked_out_of_thirteen():
    assert tuple(THIRTEEN[k] for k in patches._TEN_OF_13) == LCZ_BANDS


def test_single_looks(tmp_path):
    write_single(tmp_path, "1158", "spring", 17, 30)
    write_single(tmp_path, "2017", "winter", 108, 2)
    write_single(tmp_path, "2017", "winter", 5, 2)
    assert sen12mscr.found(tmp_path) and not sen12mscrts.found(tmp_path)
    found = sen12mscr.samples(tmp_path)
    assert found.splits_n.tolist() == ["val", "test", "train"] and not found.synthetic
    cloudy, clear = (found.arrays[n].rows[0] for n in ("s2_l1c_looks", "s2_l1c_cloudless"))
    assert cloudy.shape == found.arrays["s2_l1c_looks"].spec.shape == (1, 10, 256, 256)
    assert cloudy[0, :, 5, 5].tolist() == [100 * k + 9 for k in (1, 2, 3, 4, 5, 6, 7, 8, 11, 12)]
    assert clear[0, 0, 5, 5] == 101 and not cloudy[0, :, 0, 0].any()
    back = found.arrays["s1_l1c_looks"].spec.physical(found.arrays["s1_l1c_looks"].rows[0])
    np.testing.assert_allclose(back[0, :, 9, 9], [-10, -17], atol=1e-3)


def test_series(tmp_path):
    write_series(tmp_path, "1868", 119, ("2018-06-21", "2018-01-03"))
    write_series(tmp_path, "1970", 65, ("2018-06-21", "2018-07-01"), numbers=(1,))
    found = sen12mscrts.samples(tmp_path)
    assert found.splits_n.tolist() == ["test", "test", "val"]
    looks = found.arrays["s2_l1c_looks"].rows[0]
    assert looks.shape == (2, 10, 256, 256) and looks[:, 0, 3, 3].tolist() == [101, 100], "by time"
    days = found.arrays["s2_l1c_days"].rows[0]
    assert np.diff(days).tolist() == [169] and days[0] == (2018 - 1970) * 365 + 12 + 2
    back = found.arrays["s1_l1c_looks"].spec.physical(found.arrays["s1_l1c_looks"].rows[0])
    np.testing.assert_allclose(back[:, 0, 3, 3], [-11, -10], atol=1e-3)
    assert [p.name.split("_")[-1] for p in (k[0] for k in found.arrays["s2_l1c_looks"].rows.keys)] == [
        "9.tif", "10.tif", "1.tif",
    ]  # fmt: skip


def test_what_is_missing_is_named(tmp_path):
    write_single(tmp_path / "a", "1158", "spring", 17, 30)
    next((tmp_path / "a").glob("*_s1/*/*")).unlink()
    with pytest.raises(BrokenInputError, match="spring_s1_17_p30"):
        sen12mscr.samples(tmp_path / "a")
    write_series(tmp_path / "b", "1868", 119, ("2018-06-21", "2018-07-03"))
    next((tmp_path / "b").glob("ROIs1868/119/S2/1/*_9.tif")).unlink()
    with pytest.raises(BrokenInputError, match="as many patches every day"):
        sen12mscrts.samples(tmp_path / "b")


def test_so2sat_in_miniature(tmp_path):
    import h5py

    rng = np.random.default_rng(0)
    sen2 = rng.uniform(0, 0.4, (3, 32, 32, 10))
    sen2[0, 0, 0] = 0
    for n, name in enumerate(so2sat.FILES.values()):
        with h5py.File(tmp_path / name, "w") as file:
            file["sen2"], file["label"] = sen2, np.eye(17)[[n, 9, 16]]
    assert so2sat.found(tmp_path)
    found = so2sat.samples(tmp_path)
    assert [found.arrays["lcz"].rows[k].item() for k in (0, 3, 5, 6)] == [1, 2, 17, 3]
    code = found.arrays["s2_l1c_year"].rows[4]
    np.testing.assert_allclose(code, np.maximum(np.rint(sen2[1].transpose(2, 0, 1) * 10_000), 1), atol=0.5)
    assert not found.arrays["s2_l1c_year"].rows[0][:, 0, 0].any()
    (tmp_path / "b").mkdir()
    for name in ("training.h5", "testing.h5"):
        with h5py.File(tmp_path / "b" / name, "w") as file:
            file["sen2"] = sen2
    with pytest.raises(BrokenInputError, match="label"):
        so2sat.samples(tmp_path / "b")


@pytest.mark.shared
def test_so2sat_in_the_layouts_of_others(shared):
    root = shared / "data" / "layouts" / "so2sat"
    for folder, splits_there in ((root, {"train", "val", "test"}), (root / "culture_10", {"train", "test"})):
        found = so2sat.samples(folder)
        assert set(found.splits_n.tolist()) == splits_there and len(found.splits_n) == 2 * len(splits_there)
        assert found.arrays["s2_l1c_year"].rows[1].shape == (10, 32, 32)
        assert 0 <= found.arrays["lcz"].rows[1].item() <= 17
