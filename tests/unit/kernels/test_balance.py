"""Balanced scenes: made gains and offsets come back, clouds do not matter, and no seam is left."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.kernels.balance import Overlap, balanced, overlap_of
from eomap.kernels.scores.seam import REACH_CELLS, Seam

SIDE, SHARED = 160, 64
STEP = SIDE - SHARED
COUNT = 3


def ground(rng):
    """Return two bands of smooth ground in DN, COUNT x COUNT scenes wide."""
    side = COUNT * STEP + SHARED
    y, x = np.mgrid[:side, :side]
    low = 1500 + 500 * np.sin(x / 37 + rng.uniform(0, 6)) + 400 * np.cos(y / 29 + rng.uniform(0, 6))
    return np.stack([low, 0.5 * low + 700 + 300 * np.sin((x + y) / 23)])


def scenes_of(rng, *, noise=20.0, error=0.05, haze=40.0):
    """Return scenes in rows and columns, each with its own gain, offset and noise, and what was put in."""
    land = ground(rng)
    gain = rng.uniform(1 - error, 1 + error, (COUNT**2, 2))
    offset = rng.uniform(-haze, haze, (COUNT**2, 2))
    made = []
    for s in range(COUNT**2):
        r, c = (n * STEP for n in divmod(s, COUNT))
        cut = land[:, r : r + SIDE, c : c + SIDE]
        made.append(cut * gain[s][:, None, None] + offset[s][:, None, None] + rng.normal(0, noise, cut.shape))
    return land, made, gain, offset


def pair(first, second, made, a, b):
    one, other = made[first][a], made[second][b]
    return overlap_of(first, second, first_byx=one, second_byx=other, seen_yx=np.ones(one.shape[1:], bool))


def overlaps_of(made):
    found = []
    for s in range(COUNT**2):
        row, col = divmod(s, COUNT)
        if col + 1 < COUNT:
            found.append(pair(s, s + 1, made, np.s_[..., STEP:], np.s_[..., :SHARED]))
        if row + 1 < COUNT:
            found.append(pair(s, s + COUNT, made, np.s_[..., STEP:, :], np.s_[..., :SHARED, :]))
    return found


def mosaic(made):
    """Return the first band with each scene's own corner, so that scenes meet without a blend."""
    cells = [[made[r * COUNT + c][0][:STEP, :STEP] for c in range(COUNT)] for r in range(COUNT)]
    return np.block(cells)


def seam(values):
    return Seam.of(
        np.pad(values, REACH_CELLS, constant_values=np.nan), first=(0, 0), every=STEP, halo=REACH_CELLS
    ).ratio


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_what_was_put_in_comes_back(seed):
    land, made, *_ = scenes_of(np.random.default_rng(seed))
    balance = balanced(overlaps_of(made), COUNT**2)
    for band in range(2):
        # Up to a gain that all scenes share, which no overlap can tell.
        slopes = []
        for s, scene in enumerate(made):
            r, c = (n * STEP for n in divmod(s, COUNT))
            x = land[band, r : r + SIDE, c : c + SIDE].ravel()
            slopes.append(np.polyfit(x, balance.applied(scene, s)[band].ravel(), 1)[0])
        assert np.ptp(slopes) < 0.02 and 0.9 < slopes[0] < 1.1


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_no_seam_is_left(seed):
    _, made, *_ = scenes_of(np.random.default_rng(seed))
    balance = balanced(overlaps_of(made), COUNT**2)
    after = seam(mosaic([balance.applied(scene, s) for s, scene in enumerate(made)]))
    assert seam(mosaic(made)) > 1.5 * after
    assert after <= 1.2


def test_an_unmasked_cloud_changes_little():
    rng = np.random.default_rng(7)
    _, made, *_ = scenes_of(rng)
    clean = balanced(overlaps_of(made), COUNT**2)
    made[4][:, 100:125, 100:130] += 4000
    cloudy = balanced(overlaps_of(made), COUNT**2)
    assert np.abs(cloudy.gain_sb - clean.gain_sb).max() < 0.02


def test_order_changes_no_bit_and_equal_scenes_nothing():
    rng = np.random.default_rng(8)
    _, made, *_ = scenes_of(rng)
    overlaps = overlaps_of(made)
    one, other = balanced(overlaps, COUNT**2), balanced(overlaps[::-1], COUNT**2)
    assert np.array_equal(one.gain_sb, other.gain_sb) and np.array_equal(one.offset_sb, other.offset_sb)
    _, made, *_ = scenes_of(rng, noise=0, error=0, haze=0)
    same = balanced(overlaps_of(made), COUNT**2)
    assert np.allclose(same.gain_sb, 1, atol=1e-9) and np.allclose(same.offset_sb, 0, atol=1e-6)


def test_a_scene_without_overlap_keeps_its_values():
    overlap = Overlap(0, 1, np.linspace(1, 2, 16)[:, None], np.linspace(1.1, 2.2, 16)[:, None], 99.0)
    balance = balanced([overlap], 3)
    assert balance.gain_sb[2, 0] == 1 and balance.offset_sb[2, 0] == 0
    assert balance.gain_sb[0, 0] / balance.gain_sb[1, 0] == pytest.approx(1.1, rel=0.01)


def test_too_little_seen_gives_no_overlap_and_strangers_are_refused():
    value = np.ones((1, 64, 64))
    assert overlap_of(0, 1, first_byx=value, second_byx=value, seen_yx=np.zeros((64, 64), bool)) is None
    overlap = overlap_of(0, 5, first_byx=value, second_byx=value, seen_yx=np.ones((64, 64), bool))
    with pytest.raises(MisuseError):
        balanced([overlap], 3)
    with pytest.raises(MisuseError):
        overlap_of(0, 1, first_byx=value, second_byx=value[:, 1:], seen_yx=np.ones((64, 64), bool))
