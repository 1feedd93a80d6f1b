"""EnMAP as DLR's catalogue really answers, and the real files of the example catalogue."""

import json
import re

import numpy as np
import pytest
import rasterio

from eomap.core.grid import Frame
from eomap.core.sensor import Ask
from eomap.io.catalog_entry import named_catalogs
from eomap.io.hrefs import HrefRules
from eomap.io.pixels import RasterReader
from eomap.io.stac_items import to_item
from eomap.planner import _cloud_cover
from eomap.sensors import enmap
from eomap.sensors.enmap import CENTRE_NM, KEPT

pytestmark = pytest.mark.shared


def recorded(shared, pattern):
    (path,) = (shared / "data" / "stac" / "recorded").glob(pattern)
    document = json.loads(path.read_text())
    rules = named_catalogs()["dlr-enmap"].rules
    return [to_item(f, base="https://x.org/", rules=rules) for f in document.get("features", [document])]


def test_the_recorded_item_of_dlr(shared):
    (item,) = recorded(shared, "dlr_item_*")
    assert item.properties["eo:cloud_cover"] == "0" and item.properties["proj:epsg"] is None
    assert _cloud_cover(item) == 0.0
    assert item.asset("image").epsg == 32736 and item.asset("image").scale is None
    (scene,), notes = enmap.scenes_of([item], Ask(KEPT, "quality", ""))
    assert not notes and {b.nodata for b in scene.bands if not b.categorical} == {-32768.0}
    assert [b.name for b in scene.bands if b.categorical] == [*enmap.scenes.HIDING, "quality_classes"]
    assert not re.search("QL_VNIR|thumbnail", " ".join(b.href for b in scene.bands))


def test_the_table_is_what_dlr_lists(shared):
    (path,) = (shared / "data" / "stac" / "recorded").glob("dlr_item_*")
    listed = json.loads(path.read_text())["assets"]["image"]["eo:bands"]
    assert [b["center_wavelength"] for b in listed] == pytest.approx(list(CENTRE_NM.values()), abs=5e-3)
    assert [b["full_width_half_max"] for b in listed] == pytest.approx(list(enmap.FWHM_NM.values()), abs=1e-4)


def test_every_item_of_the_recorded_search_is_a_scene(shared):
    items = recorded(shared, "dlr_search_*")
    assert len(items) > 5 and str in {type(i.properties["eo:cloud_cover"]) for i in items}
    assert all(0 <= _cloud_cover(i) <= 100 for i in items)
    found, notes = enmap.scenes_of(items, Ask(KEPT, "auto", ""))
    assert len(found) + len(notes) == len(items) and len(found) > 5


@pytest.fixture(scope="module")
def example(shared):
    """Return the items of the example catalogue."""
    folder = shared / "data" / "catalog" / "enmap-hsi-l2a"
    rules = HrefRules(roots=(shared / "data" / "catalog",))
    return [
        to_item(json.loads(p.read_text()), base=str(p), rules=rules) for p in sorted(folder.glob("*/*.json"))
    ]


def pixels_of(item, bands, mask="auto"):
    (scene,), _ = enmap.scenes_of([item], Ask(bands, mask, ""))
    with rasterio.open(item.asset("image").href) as file:
        frame = Frame(file.crs.to_epsg(), int(file.bounds.left), int(file.bounds.top), *file.shape, 30)
        direct, said = file.read(), file.descriptions
    reader = RasterReader()
    measured = [b for b in scene.bands if not b.categorical]
    raw = reader.read_many(measured, frame)
    reader.close()
    return [enmap.coded(r, b) for r, b in zip(raw, measured, strict=True)], direct, said


def test_the_tiles_of_potsdam_have_no_nodata_in_202_bands(example):
    tiles = [i for i in example if "potsdam" in i.id]
    assert len(tiles) == 18
    for item in tiles:
        codes, _, _ = pixels_of(item, KEPT)
        assert len(codes) == 202 and all((c > 0).all() for c in codes), item.id


def test_bands_are_found_by_wavelength_where_the_file_goes_by_detector(example):
    item = next(i for i in example if "potsdam" in i.id)
    codes, direct, said = pixels_of(item, KEPT)
    centre = np.array([float(re.search(r"([\d.]+) Nano", s)[1]) for s in said])
    assert (np.diff(centre) < 0).any(), "or the file would prove nothing"
    taken = [int(np.abs(centre - CENTRE_NM[b]).argmin()) for b in KEPT]
    assert len(set(taken)) == 202
    for code, n in zip(codes, taken, strict=True):
        np.testing.assert_array_equal(code, np.clip(direct[n], 1, None).astype(np.uint16))
    sorted_nm = centre[taken]
    assert (np.diff(sorted_nm) > 0).all() and np.abs(sorted_nm - [CENTRE_NM[b] for b in KEPT]).max() < 0.6


def test_bands_are_found_by_rank_where_the_file_tells_nothing(example):
    """A clip as archived: its bands go by wavelength, and exactly those that are dropped are nodata."""
    sea = next(i for i in example if "potsdam" not in i.id)
    codes, direct, said = pixels_of(sea, tuple(CENTRE_NM))
    assert not any(said)
    unseen = {b for b, c in zip(CENTRE_NM, codes, strict=True) if (c == 0).any()}
    assert unseen == set(CENTRE_NM) - set(KEPT)
    assert unseen == {f"B{n + 1:03d}" for n in range(224) if (direct[n] == -32768).all()}
    assert {a.name for a in sea.assets} >= {*enmap.scenes.HIDING, "quality_classes"}, "called metadata there"
