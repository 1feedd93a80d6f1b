"""The optional ukis mask: its cells, its guard for snow, and what a missing package says."""

import sys
import types

import numpy as np
import pytest

from eomap.errors import MisuseError
from eomap.sensors import ukis


def bands(**levels):
    return {n: np.full((60, 70), levels.get(n, 1_500), np.uint16) for n in ukis.BANDS}


@pytest.fixture
def all_shadow(monkeypatch):
    """A package that calls everything shadow, and keeps what it was shown."""
    shown = {}

    class CSmask:
        def __init__(self, img, names, **how):
            shown.update(img=img, names=names, **how)
            self.csm = np.full((*img.shape[:2], 1), ukis.SHADOW, np.uint8)

    package, module = types.ModuleType("ukis_csmask"), types.ModuleType("ukis_csmask.mask")
    module.CSmask = CSmask
    monkeypatch.setitem(sys.modules, "ukis_csmask", package)
    monkeypatch.setitem(sys.modules, "ukis_csmask.mask", module)
    return shown


def test_it_sees_cells_of_a_third_of_100_m(all_shadow):
    dn = bands()
    dn["B02"][:, :10] = np.arange(10) * 100 + 1_000
    found = ukis.classes_by_ukis(dn, "L2A")
    assert found.shape == (60, 70)
    assert all_shadow["img"].shape == (18, 21, 6)
    assert all_shadow["product_level"] == "l2a"
    means = all_shadow["img"][0, :3, 0] * 10_000
    assert means.mean() == pytest.approx(1_450, abs=0.1)
    assert means[0] == pytest.approx((1_000 + 1_100 + 1_200 + 1_300 / 3) / (10 / 3), abs=0.1)


def test_snow_is_never_shadow_and_land_may_be(all_shadow):
    assert (ukis.classes_by_ukis(bands(B03=6_000, B08=5_000, B11=900), "L1C") == ukis.CLEAR).all()
    assert (ukis.classes_by_ukis(bands(), "L1C") == ukis.SHADOW).all()


def test_unseen_pixels_do_not_darken_their_cell(all_shadow):
    dn = bands()
    dn["B03"][:, 5:] = 0
    ukis.classes_by_ukis(dn, "L1C")
    assert all_shadow["img"][0, 1, 0] == pytest.approx(0.15)


def test_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ukis_csmask", None)
    with pytest.raises(MisuseError, match=r"pip install 'eomap\[ukis\]'"):
        ukis.classes_by_ukis(bands(), "L1C")
