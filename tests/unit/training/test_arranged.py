"""Looks arranged for the network that clears one of them: order, truth, and nothing copied."""

import numpy as np
import pytest

from eomap.nn.cloud_free import BANDS, LOOKS, OBSCURED, RADAR
from eomap.products.cloudfree.training import RECIPE
from eomap.training.arranged import TIMES, arranged
from eomap.training.samples import Array, Samples, Spec
from eomap.training.windows import Windows

SIDE, T = 30, 4


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    n = 5
    clear = rng.random((n, T, SIDE, SIDE)) > np.array([0.9, 0.6, 0.3, 0.1])[None, :, None, None]
    clear[4] = True
    values = {
        "s2_l2a_looks": rng.integers(1, 9000, (n, T, len(BANDS), SIDE, SIDE)).astype(np.uint16),
        "s2_l2a_clear": clear,
        "s2_l2a_cloudless": rng.integers(1, 9000, (n, T, len(BANDS), SIDE, SIDE)).astype(np.uint16),
        "s1_l2a_looks": rng.integers(30_000, 45_000, (n, T, len(RADAR), SIDE, SIDE)).astype(np.uint16),
        "s2_l2a_days": np.tile(19_000 + 10 * np.arange(T, dtype=np.int32), (n, 1)),
    }
    arrays = {k: Array(Spec(k, v.shape[1:], str(v.dtype)), v) for k, v in values.items()}
    splits = np.array(["train", "train", "val", "test", "train"])
    return Samples("made up", arrays, splits, np.zeros((n, 2), np.float32), synthetic=True)


@pytest.fixture(scope="module")
def made(samples):
    return arranged(samples, [("L2A", n) for n in range(5)])


def test_places_are_seen_in_several_orders_and_clear_ones_are_left_out(made):
    counts = {s: int((made.splits_n == s).sum()) for s in TIMES}
    assert counts == {"train": 2 * TIMES["train"], "val": TIMES["val"], "test": TIMES["test"]}
    assert made.synthetic and set(made.kinds_n.tolist()) == {"L2A"}


def test_the_least_cloudy_look_mostly_comes_first(made):
    first, last = [], []
    for n in range(len(made.splits_n)):
        code = made.array("optical").rows[n][...].reshape(LOOKS, len(BANDS), SIDE, SIDE)
        cover = (code >= OBSCURED).mean(axis=(1, 2, 3))
        first.append(cover[0])
        last.append(cover[-1])
    assert np.mean(first) < np.mean(last) - 0.3


def test_truth_is_the_first_look_without_clouds_and_only_where_it_is_not_clear(samples, made):
    for n in (0, 5, len(made.splits_n) - 1):
        hidden = made.array("optical").rows[n][...][0] >= OBSCURED
        truth, surface = made.array("cloudless").rows[n][...], made.array("surface").rows[n][...]
        assert np.array_equal(truth > 0, np.broadcast_to(hidden, truth.shape))
        assert np.array_equal(truth[:, hidden], surface[:, hidden])
        first = int(made.array("day_1").rows[n][0] - 19_000) // 10
        place = {0: 0, 5: 0}.get(n, 3)
        assert np.array_equal(surface, samples.array("s2_l2a_cloudless").rows[place][first])
        assert len({int(made.array(f"day_{t}").rows[n][0]) for t in (1, 2, 3)}) == LOOKS


def test_a_part_is_the_part_of_the_whole(made):
    at = np.s_[..., 3:17, 5:29]
    for name in ("optical", "radar", "cloudless", "surface"):
        rows = made.array(name).rows
        assert np.array_equal(rows[1][at], np.asarray(rows[1])[at]), name
        assert rows[1][...].shape == made.array(name).spec.shape


def test_the_recipe_reads_them(made):
    from dataclasses import replace

    windows = Windows(replace(RECIPE, side_px=16, step_px=16, batch=3), made)
    batch = windows.batch(1, 0)
    assert batch.code_ncyx.shape == (3, RECIPE.channels, 16, 16)
    assert batch.aside_na.shape == (3, LOOKS) and np.isfinite(batch.target_nkrc).any()
