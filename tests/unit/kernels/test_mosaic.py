"""Blended windows: kernel = twin, sums the same in any order and cut, no trace of a window's edge."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.kernels.blend import finished, finished_numpy
from eomap.kernels.cells import entropy
from eomap.kernels.mosaic import (
    WEIGHT_TOP,
    Window,
    add_window,
    add_window_numpy,
    blank,
    feather,
)

FIELDS = ("sum_cyx", "weight_yx", "ood_yx", "count_yx")


def said(rng, classes, shape, kind):
    prob = rng.dirichlet(np.full(classes, 0.3), shape).transpose(2, 0, 1).astype(np.float32)
    return prob if kind == np.float32 else np.rint(prob * 255).astype(np.uint8)


@st.composite
def windows(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind, classes = draw(st.sampled_from([np.uint8, np.float32])), draw(st.integers(2, 9))
    made = []
    for _ in range(draw(st.integers(1, 6))):
        shape = tuple(rng.integers(1, 40, 2))
        made.append(
            Window(
                said(rng, classes, shape, kind),
                (int(rng.integers(-20, 40)), int(rng.integers(-20, 40))),
                feather(shape[0], 8),
                feather(shape[1], 5),
                rng.random(shape).astype(np.float32) if rng.random() < 0.7 else None,
                rng.random(shape) < 0.8 if rng.random() < 0.7 else None,
            )
        )
    return made, classes, kind == np.float32


def drawn(made, classes, *, add=add_window, shape=(50, 45), corner=(0, 0)):
    canvas = blank((classes, *shape), corner)
    for window in made:
        add(canvas, window)
    return canvas


@given(windows())
@settings(max_examples=40, deadline=None)
def test_kernels_equal_their_twins(case):
    made, classes, as_f32 = case
    fast, plain = drawn(made, classes), drawn(made, classes, add=add_window_numpy)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(fast, name), getattr(plain, name))
    fast, plain = finished(fast, as_f32=as_f32), finished_numpy(plain, as_f32=as_f32)
    for name in ("code", "confidence", "ood", "count"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(plain, name))
    np.testing.assert_allclose(fast.entropy, plain.entropy, atol=2e-6)


@given(windows(), st.data())
@settings(max_examples=40, deadline=None)
def test_order_grouping_and_cuts_change_no_bit(case, data):
    made, classes, _ = case
    whole = drawn(made, classes)
    cut = data.draw(st.integers(0, len(made)))
    shuffled = data.draw(st.permutations(made))
    again = drawn(shuffled[:cut], classes) + drawn(shuffled[cut:], classes)
    row, col = data.draw(st.integers(0, 49)), data.draw(st.integers(0, 44))
    part = drawn(shuffled, classes, shape=(50 - row, 45 - col), corner=(row, col))
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[..., row:, col:])


def test_windows_that_agree_leave_no_edge():
    """Each window is a cut of one field: the blend is that field, and its entropy that of `cells`."""
    field = said(np.random.default_rng(1), 17, (100, 100), np.float32)
    weight = feather(40, 10)
    made = [
        Window(np.ascontiguousarray(field[:, r : r + 40, c : c + 40]), (r, c), weight, weight)
        for r in (0, 30, 60)
        for c in (0, 30, 60)
    ]
    blend = finished(drawn(made, 17, shape=(100, 100)), as_f32=True)
    assert blend.count.min() == 1 and blend.count.max() == 4
    sure = np.sort(field, axis=0)[-1] - np.sort(field, axis=0)[-2] > 1e-4
    assert np.array_equal(blend.code[sure], (field.argmax(0) + 1)[sure]) and sure.mean() > 0.99
    assert np.abs(blend.confidence - field.max(0)).max() < 2e-4
    assert np.abs(blend.entropy - entropy(field)).max() < 5e-4


def test_a_step_between_windows_becomes_a_slope():
    made = [
        Window(
            np.stack([np.full((30, 40), p), np.full((30, 40), 1 - p)]).astype(np.float32), (0, c), *weights
        )
        for p, c, weights in (
            (0.9, 0, (feather(30, 1), feather(40, 20))),
            (0.6, 20, (feather(30, 1), feather(40, 20))),
        )
    ]
    confidence = finished(drawn(made, 2, shape=(30, 60)), as_f32=True).confidence[15]
    assert np.abs(np.diff(confidence)).max() < 0.3 / 15
    assert confidence[0] == pytest.approx(0.9, abs=1e-4) and confidence[-1] == pytest.approx(0.6, abs=1e-4)


def test_unseen_pixels_say_nothing():
    blend = finished(blank((5, 4, 3)))
    assert not any(getattr(blend, name).any() for name in ("code", "confidence", "entropy", "ood", "count"))


@given(st.integers(1, 300), st.integers(0, 150))
def test_weights_are_whole_and_symmetric(size, overlap):
    weight = feather(size, overlap)
    assert weight.min() >= 1 and weight.max() <= WEIGHT_TOP
    assert (
        np.array_equal(weight, weight[::-1]) and (np.diff(weight[: (size + 1) // 2].astype(int)) >= 0).all()
    )


def test_what_does_not_fit_is_refused():
    canvas, weight = blank((3, 8, 8)), feather(8, 2)
    for prob in (
        np.zeros((4, 8, 8), np.uint8),
        np.zeros((3, 8, 8), np.float64),
        np.zeros((3, 7, 8), np.uint8),
    ):
        with pytest.raises(MisuseError):
            add_window(canvas, Window(prob, (0, 0), weight, weight))
    with pytest.raises(MisuseError):
        canvas + blank((3, 8, 8), (1, 0))
    heavy = Window(np.ones((3, 8, 8), np.float32), (0, 0), weight, weight)
    for _ in range(9):
        add_window(canvas, heavy)
    with pytest.raises(MisuseError):
        finished(canvas, as_f32=True)
