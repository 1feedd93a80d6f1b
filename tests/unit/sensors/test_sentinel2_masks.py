"""Which mask `auto` means for a Sentinel-2 scene, and that frames cut anywhere get the same one."""

import numpy as np
import pytest
import torch

from eomap.core.grid import Frame
from eomap.core.sensor import Beside
from eomap.core.source import Band, Scene
from eomap.io.cloud_weights import load_cloud_network
from eomap.sensors.cloudmask import NETWORK_BANDS
from eomap.sensors.sentinel2.sensor import SENSOR


def scene(*names):
    bands = tuple(Band(n, "", 1e-4, 0.0, 0.0, categorical=n == "SCL") for n in names)
    return Scene("a", "sentinel-2-l2a", "2024-06-01T10:00:00Z", "L2A", bands, "", "")


def pixels(frame):
    """Clouds over plants that hang on the zone, not on the frame."""
    row, col = -frame.y0 // 10 + np.arange(frame.height)[:, None], frame.x0 // 10 + np.arange(frame.width)
    wave = np.sin(row / 37.0) * np.cos(col / 53.0) + 0.3 * np.sin(row / 5.0 + col / 7.0)
    light = 1 + 0.1 * np.sin(row / 3.0 + col / 4.0)
    kinds = np.array([(250, 450, 300, 2_600, 1_400, 700), (4_800, 4_700, 4_800, 5_300, 4_300, 3_300)])
    dn = kinds[(wave > 0.7).astype(int)] * light[..., None]
    return {n: dn[..., k].astype(np.uint16) for k, n in enumerate(NETWORK_BANDS)}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_frames_cut_anywhere_agree():
    seen = scene(*NETWORK_BANDS)
    margin = SENSOR.margin_px(seen, "auto")
    whole = Frame(32633, 400_110, 5_800_230, 420, 400)
    clear = SENSOR.clear_beside(pixels(whole), seen, "auto", Beside(whole, load_cloud_network))
    assert 0.05 < clear.mean() < 0.95
    part = whole.sub(13, 73 + 2 * margin, 7, 57 + 2 * margin)
    found = SENSOR.clear_beside(pixels(part), seen, "auto", Beside(part, load_cloud_network))
    inner = np.s_[margin : margin + 60, margin : margin + 50]
    np.testing.assert_array_equal(found[inner], clear[13 + margin :, 7 + margin :][:60, :50])


def test_the_classification_comes_first_and_loads_no_network():
    frame = Frame(32633, 400_000, 5_800_000, 40, 40)
    seen = {"SCL": np.full((40, 40), 4, np.uint8), **pixels(frame)}

    def never():
        raise AssertionError

    made = SENSOR.clear_beside(seen, scene(*NETWORK_BANDS, "SCL"), "auto", Beside(frame, never))
    assert made.all()
    assert SENSOR.margin_px(scene(*NETWORK_BANDS, "SCL"), "auto") == 0


def test_auto_without_a_network_is_the_spectral_rule():
    frame = Frame(32633, 400_000, 5_800_000, 60, 60)
    seen = scene(*NETWORK_BANDS)
    made = SENSOR.clear(pixels(frame), seen, "auto")
    np.testing.assert_array_equal(made, SENSOR.clear(pixels(frame), seen, "spectral"))
