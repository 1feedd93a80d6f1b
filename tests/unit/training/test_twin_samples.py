"""Samples of the twin: the engine's codes, a truly cloudless target, a cache that goes on after a stop."""

from dataclasses import replace

import numpy as np
import pytest

from eomap.core.grid import Frame
from eomap.errors import MisuseError
from eomap.training import twin_samples as kept
from eomap.training.places import places
from eomap.training.twin_samples import TwinOrder, parsed, twin_samples
from eomap.training.twin_views import Views
from eomap.twin.world import World, sun_at

ORDER = TwinOrder(1, 1, 1, seed=7, side_px=60)


@pytest.fixture(scope="module")
def views():
    place = places({"train": 1}, seed=7, side_px=60)[0]
    return Views(World(7), place.frame(60), place.year)


def test_a_cloudless_pass_has_neither_cloud_nor_shadow(views):
    for a in views.optical_passes()[:40:8]:
        assert isinstance(a.frame, Frame)
        bare = replace(views.world, cloudless=True)
        sky = bare.sky(views.frame, a.day, sun_at(a.frame, a.moment))
        assert sky.tau_yx.max() == sky.cirrus_yx.max() == 0
        assert sky.sun_yx.min() == sky.lit_yx.min() == 1


def test_where_the_sky_was_clear_the_cloudless_pass_is_the_same(views):
    """The same air, ground and noise: whatever differs is cloud or its shadow."""
    same = 0
    for a in views.optical_passes()[:60:6]:
        code, _ = views.optical(a, level="L1C")
        target = views.cloudless(a, level="L1C")
        sky = views.world.sky(views.frame, a.day, sun_at(a.frame, a.moment))
        clear = (sky.tau_yx == 0) & (sky.cirrus_yx == 0) & (sky.lit_yx == 1)
        blue = code[0][clear] == target[0][clear]  # 10 m: nothing is drawn from neighbours
        assert blue.all()
        same += int(clear.sum())
    assert same > 1_000


def test_codes_are_those_that_a_file_read_by_the_engine_would_give(views):
    """Bands of 20 m are drawn as the reader does, whatever lies beyond the place."""
    a = views.optical_passes()[3]
    wide = Views(views.world, views.frame.sub(-30, 90, -30, 90), views.year)
    code, clear = views.optical(a, level="L2A")
    large, _ = wide.optical(a, level="L2A")
    assert code.dtype == np.uint16 and code.min() >= 1 and clear.dtype == bool
    np.testing.assert_array_equal(code, large[:, 30:90, 30:90])


def test_radar_and_maps_are_codes_too(views):
    radar = views.radar(views.radar_passes()[0])
    assert radar.shape == (2, 60, 60) and -30 < np.median(radar[0]) * 0.001 - 50 < 5
    assert set(np.unique(views.land_cover())) <= set(range(1, 18))
    assert views.lights().min() >= 1


def test_where_nothing_passed_all_is_gap(views):
    picture, n = views.picture([], level="L2A")
    assert not picture.any() and not n.any()
    assert not views.radar_picture([]).any()


def test_a_set_is_made_once_and_goes_on_after_an_interruption(tmp_path, monkeypatch):
    names = ("settlement", "igbp")
    told = []

    def stop(kind, info):
        told.append(kind)
        if kind == "samples-done":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        twin_samples(ORDER, names, cache=tmp_path / "a", notify=stop)
    filled, fill = [], kept._fill
    monkeypatch.setattr(kept, "_fill", lambda *a: filled.append(a[-1]) or fill(*a))
    again = twin_samples(ORDER, names, cache=tmp_path / "a")
    assert filled == [1, 2]
    twin_samples(ORDER, names, cache=tmp_path / "a")
    assert filled == [1, 2]
    whole = twin_samples(ORDER, names, cache=tmp_path / "b")
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(array.rows, again.arrays[name].rows)
    assert whole.synthetic and whole.splits_n.tolist() == ["train", "val", "test"]
    assert whole.arrays["settlement"].rows.shape == (3, 30, 30)


def test_orders_by_word():
    assert parsed("twin://") == TwinOrder()
    assert parsed("twin://places=12,seed=3,side=60") == TwinOrder(12, 2, 3, 3, 60)
    for wrong in ("twin://place=3", "twin://places=-1", "twin://places"):
        with pytest.raises(MisuseError, match="twin://places=240"):
            parsed(wrong)
    with pytest.raises(MisuseError, match="s2_l2a_looks"):
        twin_samples(ORDER, ["nothing"])
