"""Clear-sky masks on real scenes. docs/explanation/cloud-masks.md has the full table."""

import json

import numpy as np
import pytest
import rasterio

from eomap.sensors.boxes import dilate
from eomap.sensors.cloudmask import bands_needed, clear_by_s2cloudless, clear_by_spectrum

pytestmark = pytest.mark.shared


def load(folder, names):
    """Bands at 10 m (coarser ones repeated), offset removed, 0 for nodata."""
    item = json.loads(next(folder.glob("*.json")).read_text())
    shape, dn = None, {}
    for name in ("B02", *(n for n in names if n not in ("B02", "SCL"))):
        asset = item["assets"][name]
        with rasterio.open(folder / asset["href"]) as file:
            raw = file.read(1)
        shape = shape or raw.shape
        y, x = (np.arange(n) * m // n for n, m in zip(shape, raw.shape, strict=True))
        shift = round(asset["raster:bands"][0]["offset"] * 10_000)
        dn[name] = np.where(raw > 0, np.clip(raw.astype(np.int32) + shift, 1, 65_535), 0).astype(np.uint16)[
            y
        ][:, x]
    return dn


def masked(shared, level, scene):
    collection = shared / "data/catalog" / f"sentinel-2-{level.lower()}"
    return 1 - clear_by_spectrum(load(collection / scene, bands_needed(level, "spectral")), level).mean()


@pytest.mark.parametrize("date", ["20150731", "20150820"])
def test_cloudy_dates_have_no_clear_look(shared, date):
    assert masked(shared, "L1C", f"S2A_L1C_Slovenia_{date}") >= 0.98


@pytest.mark.parametrize(
    ("level", "scene"),
    [
        ("L1C", "S2A_L1C_Slovenia_20150711"),
        ("L1C", "S2A_L1C_Slovenia_20150830"),
        ("L1C", "S2A_L1C_Slovenia_20150909"),
        ("L1C", "S2_L1C_20200604T054639_20200604T054831_T43RCP"),
        ("L1C", "S2_L1C_Brazil_20210723"),
        ("L1C", "S2_L1C_Denmark_20171030"),
        ("L1C", "S2_L1C_Tanzania_20230610"),
        ("L2A", "S2_L2A_20200604T054639_20200604T054831_T43RCP"),
        ("L2A", "S2_L2A_20200813T054639_20200813T054952_T43RCP"),
        ("L2A", "S2_L2A_Brazil_20210723"),
        ("L2A", "S2_L2A_Denmark_20171030"),
        ("L2A", "S2_L2A_Tanzania_20230610"),
        ("L2A", "S2B_MSIL2A_20200223T032739_N9999_R018_T48QUE_20230924T183543"),
    ],
)
def test_clear_dates_stay_clear(shared, level, scene):
    assert masked(shared, level, scene) <= 0.03


def test_cumulus_is_found(shared):
    assert 0.5 < masked(shared, "L1C", "S2_L1C_20200823T054639_20200823T055618_T43RCP") < 0.7


def test_winter_haze_agrees_with_s2cloudless(shared):
    pytest.importorskip("s2cloudless")
    folder = shared / "data/catalog/sentinel-2-l1c/S2A_MSIL1C_20170216T102101_T33UUU_clip"
    rule = clear_by_spectrum(load(folder, bands_needed("L1C", "spectral")), "L1C")
    reference = clear_by_s2cloudless(load(folder, bands_needed("L1C", "s2cloudless")), "L1C")
    assert (rule == reference).mean() > 0.87
    assert 0.2 < 1 - reference.mean() < 0.3


def test_hand_labelled_clouds_are_masked_and_distant_land_is_kept(shared):
    with np.load(shared / "data/cloud/ukis_sentinel2.npz") as file:
        image, label = file["img"], file["msk"][..., 0]
    bands = zip(("B02", "B03", "B04", "B08", "B11"), range(5), strict=True)
    clear = clear_by_spectrum(
        {n: np.round(image[..., k] * 10_000).astype(np.uint16) for n, k in bands}, "L1C"
    )
    assert clear[label == 4].mean() < 0.05
    assert clear[(label == 3) & ~dilate(label == 4, 15)].mean() > 0.98
