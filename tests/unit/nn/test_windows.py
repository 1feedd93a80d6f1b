"""Law of the scheduler: whatever a network is, a part of a frame gives the bits of the whole."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.core.windows import Layout
from eomap.errors import MisuseError
from eomap.kernels.mosaic import feather
from eomap.nn.windows import Windowed

LAYOUTS = {
    "one cell a window": Layout(32, 10, 10, 11, batch=5),
    "valid, side by side": Layout(18, 12, 3, 3, batch=2),
    "overlapping": Layout(16, 10, 2, batch=3),
    "overlapping, with a lead": Layout(20, 8, 2, 2, batch=4),
    "pixel by pixel": Layout(12, 7, batch=7),
}


@dataclass(eq=False)
class Whole:
    """A network whose every answer depends on all pixels of its window and on what it is told beside."""

    layout: Layout
    name: str = "whole"
    sha256: str = ""
    channels: int = 2
    asides: int = 2
    most: int = 0

    def __call__(self, code_nbyx, aside_nk):
        assert len(code_nbyx) == len(aside_nk) <= self.layout.batch
        self.most = max(self.most, len(code_nbyx))
        n = self.layout.cells
        total = code_nbyx.astype(np.float64).sum(axis=(1, 2, 3)) + aside_nk @ [7.0, 13.0]
        ramp = np.arange(n * n).reshape(n, n) % 17
        return np.stack(
            [total[:, None, None] * 1e-3 + ramp, np.sin(total)[:, None, None] * ramp], axis=1
        ).astype(np.float32)


def told(row, col):
    return (row % 50, col % 40)


def frame_of(layout, rows, cols, seed=3):
    shape = (2, rows * layout.cell_px + 2 * layout.halo_px, cols * layout.cell_px + 2 * layout.halo_px)
    return np.random.default_rng(seed).integers(0, 9000, shape, dtype=np.uint16)


@pytest.mark.parametrize("name", [n for n in LAYOUTS if "valid" not in n])  # those: test_predict.py
@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_part_gives_the_bits_of_the_whole(name, data):
    layout, rows, cols, origin = LAYOUTS[name], 23, 19, (-4, 31)
    code = frame_of(layout, rows, cols)
    ask = Windowed(Whole(layout))
    expected = ask(code, np.ones((rows, cols), bool), origin_rc=origin, aside=told)
    row0, col0 = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, cols - 1))
    row1, col1 = data.draw(st.integers(row0 + 1, rows)), data.draw(st.integers(col0 + 1, cols))
    wanted = np.random.default_rng(data.draw(st.integers(0, 9))).random((row1 - row0, col1 - col0)) < 0.4
    px, halo = layout.cell_px, 2 * layout.halo_px
    part = code[:, row0 * px : row1 * px + halo, col0 * px : col1 * px + halo]
    got = ask(part, wanted, origin_rc=(origin[0] + row0, origin[1] + col0), aside=told)
    assert np.array_equal(got, np.where(wanted, expected[:, row0:row1, col0:col1], np.float32(0)))


@pytest.mark.parametrize("name", LAYOUTS)
def test_it_is_the_weighted_mean_of_what_every_window_says(name):
    layout, rows, cols, origin = LAYOUTS[name], 13, 11, (5, -3)
    code, network = frame_of(layout, rows, cols), Whole(layout)
    got = Windowed(network)(code, np.ones((rows, cols), bool), origin_rc=origin, aside=told)
    along = feather(layout.cells, layout.overlap).astype(float)
    total, weight = np.zeros((2, rows, cols)), np.zeros((rows, cols))
    margin = layout.halo_px - layout.lead_px
    padded = np.pad(code, ((0, 0), (99, 99), (99, 99)))  # windows that say nothing inside may reach out
    for r in range(-60, rows):
        for c in range(-60, cols):
            if (origin[0] + r) % layout.step or (origin[1] + c) % layout.step:
                continue
            at = [99 + n * layout.cell_px + margin for n in (r, c)]
            side = layout.side_px
            if at[0] < 0 or at[1] < 0 or r + layout.cells <= 0 or c + layout.cells <= 0:
                continue
            window = padded[None, :, at[0] : at[0] + side, at[1] : at[1] + side]
            said = network(window, np.array([told(origin[0] + r, origin[1] + c)], np.float32))[0]
            for i in range(max(r, 0), min(r + layout.cells, rows)):
                for j in range(max(c, 0), min(c + layout.cells, cols)):
                    w = along[i - r] * along[j - c]
                    total[:, i, j] += w * said[:, i - r, j - c]
                    weight[i, j] += w
    np.testing.assert_allclose(got, total / weight, rtol=2e-6, atol=1e-5)


def test_windows_are_called_together_and_only_where_something_is_wanted():
    layout = LAYOUTS["overlapping"]
    network, wanted = Whole(layout), np.zeros((20, 20), bool)
    code = frame_of(layout, 20, 20)
    assert not Windowed(network)(code, wanted, origin_rc=(0, 0)).any() and network.most == 0
    wanted[10, 10] = True
    Windowed(network)(code, wanted, origin_rc=(0, 0))
    assert 0 < network.most <= 4  # the windows that hold one cell
    Windowed(network)(code, np.ones_like(wanted), origin_rc=(0, 0))
    assert network.most == layout.batch


def test_strips_are_few_rows_of_windows_however_tall_the_frame():
    layout = LAYOUTS["overlapping"]
    rows, tallest = 400, 0
    at = 0
    for strip in Windowed(Whole(layout)).strips(
        frame_of(layout, rows, 6), np.ones((rows, 6), bool), origin_rc=(2, 2)
    ):
        assert strip.rows.start == at and strip.value_krc.shape[1] == strip.rows.stop - at
        at, tallest = strip.rows.stop, max(tallest, strip.rows.stop - at)
    assert at == rows and tallest <= 3 * layout.cells


def test_pixels_that_do_not_fit_the_cells_are_a_bug():
    layout = LAYOUTS["overlapping"]
    with pytest.raises(ValueError, match="expected uint16 pixels"):
        Windowed(Whole(layout))(frame_of(layout, 3, 3)[:, 1:], np.ones((3, 3), bool), origin_rc=(0, 0))


@pytest.mark.parametrize(
    "said",
    [
        {"side_px": 31, "step_px": 10, "cell_px": 10, "lead_px": 11},
        {"side_px": 32, "step_px": 12, "cell_px": 10, "lead_px": 11},
        {"side_px": 32, "step_px": 0},
        {"side_px": 32, "step_px": 5, "cell_px": 2},
        {"side_px": 32, "step_px": 32, "batch": 0},
    ],
)
def test_windows_that_leave_cells_out_are_refused(said):
    with pytest.raises(MisuseError, match="windows"):
        Layout(**said)
