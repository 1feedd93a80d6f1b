"""The same pixels as odc-stac: a clear-sky median of native 10 m bands, digital number by digital number."""

import json
import warnings

import numpy as np
import pytest

from eomap import api
from eomap.api.running import job_of
from eomap.io.pixels import RasterReader
from eomap.worker import sight_of

pytestmark = pytest.mark.shared
BANDS = ("B02", "B03", "B04", "B08")
DATES = ("20150711", "20150830", "20150909")


def test_a_median_of_three_dates_equals_that_of_odc_stac(shared):
    import pystac
    from affine import Affine
    from odc.geo.geobox import GeoBox
    from odc.stac import load

    folder = shared / "data" / "catalog" / "sentinel-2-l1c"
    plan = api.plan(
        bbox="14.5513,45.8658,14.5643,45.8751",
        catalog=str(shared / "data" / "catalog"),
        collection="sentinel-2-l1c",
        period="2015-07-01/2015-09-30",
        mask="none",
    )
    job = job_of(plan, plan.tasks[0])
    clear = tuple(s for s in job.scenes if s.id[-8:] in DATES)
    ours = sight_of(type(job)(job.task, job.product, clear, "none", job.layers), RasterReader())
    frame = ours.frame
    items = []
    for date in DATES:
        path = folder / f"S2A_L1C_Slovenia_{date}" / f"S2A_L1C_Slovenia_{date}.json"
        item = pystac.Item.from_dict(json.loads(path.read_text()))
        item.set_self_href(str(path))
        item.make_asset_hrefs_absolute()
        items.append(item)
    box = GeoBox(frame.shape, Affine(10, 0, frame.x0, 0, -10, frame.y0), f"EPSG:{frame.epsg}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = load(items, bands=BANDS, geobox=box, resampling="nearest", groupby="time", dtype="uint16")
    names = job.product.needs[0].bands
    for band in BANDS:
        looks = theirs[band].to_numpy()
        assert looks.shape[0] == len(DATES) and (looks > 0).any(axis=0).sum() > 9_000
        seen = (looks > 0).all(axis=0)
        mine = ours.first.code_byx[names.index(band)]
        assert np.array_equal(mine[seen], np.median(looks, axis=0)[seen].astype(np.uint16)), band
        assert not mine[~(looks > 0).any(axis=0)].any()
