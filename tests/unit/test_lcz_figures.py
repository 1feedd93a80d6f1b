"""OAu, OAbu and OAw of local climate zones, by hand."""

import numpy as np
import pytest

from eomap.products.lcz import class_figures
from eomap.products.lcz.figures import BUILT, likeness


def matrix(*pairs):
    """Return a confusion matrix of the 17 zones from (true, mapped, cells)."""
    m = np.zeros((17, 17), int)
    for true, mapped, cells in pairs:
        m[true - 1, mapped - 1] = cells
    return m


def test_figures_by_hand():
    found = class_figures(matrix((1, 1, 6), (1, 2, 2), (6, 14, 2), (17, 17, 9), (14, 9, 1)))
    assert found["OAu"] == pytest.approx(6 / 10)
    assert found["OAbu"] == pytest.approx((6 + 2 + 9) / 20)
    like = likeness()
    expected = (15 + 2 * like[0, 1] + 2 * like[5, 13] + like[13, 8]) / 20
    assert found["OAw"] == pytest.approx(expected)


def test_without_built_truth_there_is_no_oau():
    assert np.isnan(class_figures(matrix((17, 17, 9)))["OAu"])


def test_likeness_is_a_likeness():
    like = likeness()
    assert like.shape == (17, 17) and np.array_equal(like, like.T)
    assert np.array_equal(np.diag(like), np.ones(17))
    off = like[~np.eye(17, dtype=bool)]
    assert off.min() >= 0 and off.max() < 1


def test_a_compact_zone_is_more_like_compact_zones_than_like_trees_or_water():
    like = likeness()
    for zone in (1, 2, 3):
        compact = [like[zone - 1, other - 1] for other in (1, 2, 3)]
        natural = like[zone - 1, ~BUILT]
        assert min(compact) > natural.max()


@pytest.mark.shared
def test_built_against_natural_of_sen2lcz_is_what_was_computed_from_its_published_matrix(shared):
    from scipy.io import loadmat

    published = loadmat(shared / "data/weights/sen2lcz/Acc_32.mat")["confusion_matrix"]
    assert class_figures(published)["OAbu"] == pytest.approx(0.967, abs=5e-4)
