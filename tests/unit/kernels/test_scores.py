"""Scores of class maps, against hand counts and a published table."""

import numpy as np
import pytest

from eomap.kernels import scores


def test_confusion_counts_pairs_and_leaves_other_codes_out():
    truth = np.array([1, 1, 2, 17, 0, 2, 2])
    predicted = np.array([1, 2, 2, 17, 1, 255, 1])
    matrix = scores.confusion(truth, predicted, classes=[17, 1, 2])
    assert matrix.tolist() == [[1, 0, 0], [0, 1, 1], [0, 1, 1]]


def test_confusion_refuses_maps_of_different_shape():
    with pytest.raises(ValueError, match="shapes differ"):
        scores.confusion(np.zeros(3), np.zeros(4), classes=[0])


def test_scores_by_hand():
    matrix = np.array([[8, 2], [1, 9]])
    assert scores.overall_accuracy(matrix) == pytest.approx(0.85)
    assert scores.average_accuracy(matrix) == pytest.approx(0.85)
    assert scores.kappa(matrix) == pytest.approx(0.7)
    assert scores.class_f1(matrix) == pytest.approx([16 / 19, 18 / 21])
    assert scores.macro_f1(matrix) == pytest.approx((16 / 19 + 18 / 21) / 2)


def test_a_class_that_nobody_has_does_not_count():
    matrix = np.array([[5, 0, 0], [0, 5, 0], [0, 0, 0]])
    assert np.isnan(scores.class_f1(matrix)[2])
    assert scores.macro_f1(matrix) == 1.0
    assert scores.average_accuracy(matrix) == 1.0


def test_nothing_compared_is_undefined():
    empty = np.zeros((2, 2), int)
    assert np.isnan(scores.overall_accuracy(empty))
    assert np.isnan(scores.macro_f1(empty))


@pytest.mark.shared
def test_the_published_result_of_sen2lcz_is_recomputed(shared):
    from scipy.io import loadmat

    published = loadmat(shared / "data/weights/sen2lcz/Acc_32.mat")
    truth, predicted = published["y_testV"].ravel(), published["y_pre"].ravel()
    matrix = scores.confusion(truth, predicted, classes=np.unique(truth))
    assert matrix.sum() == 24_188
    assert np.array_equal(matrix, published["confusion_matrix"])
    assert scores.overall_accuracy(matrix) == pytest.approx(0.69369, abs=5e-6)
    assert scores.kappa(matrix) == pytest.approx(0.66437, abs=5e-6)
    assert scores.average_accuracy(matrix) == pytest.approx(0.5867, abs=5e-5)
    assert scores.macro_f1(matrix) == pytest.approx(0.5765, abs=5e-5)


def test_accuracies_of_a_class_by_hand():
    matrix = np.array([[8, 2, 0], [1, 9, 0], [0, 0, 0]])
    assert scores.producers_accuracy(matrix)[:2] == pytest.approx([0.8, 0.9])
    assert scores.users_accuracy(matrix)[:2] == pytest.approx([8 / 9, 9 / 11])
    assert np.isnan(scores.producers_accuracy(matrix)[2]) and np.isnan(scores.users_accuracy(matrix)[2])


def test_groups_and_weights_by_hand():
    matrix = np.array([[8, 2, 1], [1, 9, 0], [3, 0, 6]])
    assert scores.accuracy_where(matrix, [True, True, False]) == pytest.approx(17 / 21)
    assert scores.merged(matrix, [0, 0, 1]).tolist() == [[20, 1], [3, 6]]
    assert scores.weighted_accuracy(matrix, np.eye(3)) == scores.overall_accuracy(matrix)
    assert scores.weighted_accuracy(matrix, np.ones((3, 3))) == 1
    assert np.isnan(scores.accuracy_where(np.zeros((2, 2)), [True, False]))
    assert np.isnan(scores.kappa(np.zeros((2, 2))))
