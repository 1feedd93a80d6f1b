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


@pytest.mark.parametrize(
    ("one", "other", "openness", "height", "pervious", "plants"),
    [(1, 4, 1, 0, 1, 0), (1, 3, 0, 2, 0, 0), (4, 15, 2, 3, 1, 1), (7, 11, 0, 0, 0, 1), (8, 15, 2, 1, 0, 1),
     (9, 14, 1, 1, 0, 1), (1, 17, 3, 3, 1, 1), (2, 12, 1, 1, 1, 1)],
)  # fmt: skip
def test_likeness_counts_steps_apart(one, other, openness, height, pervious, plants):
    steps = openness + height + 3 * pervious + 3 * plants
    assert likeness()[one - 1, other - 1] == round(1 - steps / 12, 2)


def test_the_weights_are_the_published_ones_and_not_their_complement():
    like = likeness()
    printed = [1, 0.92, 0.83, 0.67, 0.58, 0.5, 0.58, 0.75, 0.42, 0.75, 0.33, 0.25, 0.08, 0, 0.25, 0, 0]
    assert like[0].tolist() == printed
    assert like[7, 13:].tolist() == [0.25, 0.5, 0.33, 0.33]
    assert class_figures(matrix((1, 2, 3)))["OAw"] == pytest.approx(0.92)
    assert class_figures(matrix((1, 17, 3)))["OAw"] == 0


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
