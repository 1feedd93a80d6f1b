"""What frames leave over of blocks is what the file holds, fits its budget, and is not inflated twice."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_blocks import HEIGHT, WIDTH, write

from eomap.io.blocks import blocks_of
from eomap.io.rests import TURNS, Rests, rests_of


def spans(size):
    return st.tuples(st.integers(0, size - 1), st.integers(1, size)).map(
        lambda s: (min(s), max(*s, min(s) + 1))
    )


@given(
    st.lists(st.tuples(spans(HEIGHT), spans(WIDTH), st.sampled_from([1, 2]), st.booleans()), max_size=8),
    st.sampled_from([0, 5_000, 1 << 20]),
    st.tuples(st.integers(0, 70), st.integers(0, 70)),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_windows_are_the_same_whatever_is_held(tmp_path, asked, budget, slack):
    path = tmp_path / "a.tif"
    values = write(path, count=2, predictor=2)
    blocks, rests = blocks_of(str(path)), Rests(budget)
    for rows, cols, index, turns in asked:
        out = np.zeros((rows[1] - rows[0], cols[1] - cols[0]), values.dtype)
        blocks.fill(out, rows, cols, index=index, rests=rests, slack_yx=slack)
        assert np.array_equal(out, values[index - 1, slice(*rows), slice(*cols)])
        assert rests.held_bytes <= budget
        if turns:
            rests.turn()
    for _ in range(TURNS):
        rests.turn()
    assert rests.held_bytes == 0
    blocks.close()


def test_four_frames_inflate_a_file_once(tmp_path):
    write(tmp_path / "a.tif")
    blocks, rests, inflated = blocks_of(str(tmp_path / "a.tif")), Rests(), 0
    for rows in ((0, 100), (100, HEIGHT)):
        for cols in ((0, 200), (200, WIDTH)):
            out = np.zeros((rows[1] - rows[0], cols[1] - cols[0]), np.uint16)
            inflated += blocks.fill(out, rows, cols, index=1, rests=rests)
    blocks.close()
    assert inflated == HEIGHT * WIDTH * 2


def test_frames_askew_overlap_in_their_rests():
    below = rests_of((0, 100, 0, 64), (128, 64), (30, 0))
    assert below == {"below": (70, 128, 0, 64)}
    assert rests_of((5, 128, 5, 64), (128, 64), (30, 30)) == {}, "an edge that cuts nothing leaves nothing"
