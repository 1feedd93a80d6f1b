"""Faster ways to ask a network: they say nearly the same, are measured, and are never taken on hope."""

import time

import numpy as np
import pytest
import torch
from torch import nn

from eomap.core.windows import Layout
from eomap.errors import MisuseError
from eomap.nn.predict import example_of, ready
from eomap.nn.runtime import REFERENCE, RUNTIMES, alike, fastest, runtime_of, there

LAYOUT = Layout(32, 24, 2, 2, batch=2)


class Small(nn.Module):
    """Two convolutions of codes; what is told beside moves the first channel."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.first, self.second = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 2, 3, padding=1)

    def forward(self, x, aside):
        deep = torch.relu(self.first(x / 5_000))
        y = nn.functional.avg_pool2d(self.second(deep)[:, :, 2:-2, 2:-2], 2)
        return torch.cat([y[:, :1] + aside.sum(dim=1)[:, None, None, None], y[:, 1:]], dim=1), deep.mean(
            dim=(2, 3)
        )


def network(runtime):
    return ready(
        Small(), name="small", sha256="", layout=LAYOUT, channels=2, asides=1, bands=3, runtime=runtime
    )


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_way_says_nearly_the_same(runtime):
    if not there(runtime):
        pytest.skip("OpenVINO is not installed: pip install 'eomap[fast]'")
    codes = np.random.default_rng(0).integers(0, 5_000, (2, 3, 32, 32), dtype=np.uint16)
    beside = np.float32([[0.5], [0.25]])
    wanted, got = network(REFERENCE)(codes, beside), network(runtime)(codes, beside)
    assert got.dtype == np.float32 and got.shape == (2, 2, 14, 14)
    error, enough = alike(wanted, got, of_classes=False)
    assert enough and (runtime != REFERENCE or error == 0)
    alone = network(runtime)(codes[1:], beside[1:])
    assert np.array_equal(alone[0], got[1])


def test_ways_that_are_not_there_are_refused(monkeypatch):
    example = example_of(LAYOUT, 3, 1)
    with pytest.raises(MisuseError, match="--runtime; expected one of auto, float32"):
        runtime_of("float8", Small(), example)
    monkeypatch.setattr("eomap.nn.runtime.there", lambda _: False)
    with pytest.raises(MisuseError, match=r"OpenVINO.*eomap\[fast\]"):
        runtime_of("openvino", Small(), example)


def test_alike_is_the_same_class_or_a_small_share_of_the_range():
    a = np.zeros((1, 2, 10, 100), np.float32)
    a[:, 0] = 1
    b = a.copy()
    b[0, :, 0, :5] = [[0], [1]]
    assert alike(a, b, of_classes=True) == (0.995, True)
    b[0, :, 0, 5] = [0, 1]
    assert not alike(a, b, of_classes=True)[1]
    ramp = np.linspace(0, 50, 1000, dtype=np.float32).reshape(1, 1, 10, 100)
    assert alike(ramp, ramp + np.float32(0.49), of_classes=False)[1]
    assert not alike(ramp, ramp + np.float32(0.51), of_classes=False)[1]


def test_the_fastest_is_the_one_measured_so():
    def busy(seconds):
        def ask(*_):
            end = time.process_time() + seconds
            while time.process_time() < end:
                pass

        return ask

    taken = fastest([("slow", busy(0.05)), ("fast", busy(0.005))], example_of(LAYOUT, 3, 1))
    assert list(taken) == ["fast", "slow"] and taken["fast"] < taken["slow"]
