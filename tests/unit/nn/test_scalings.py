"""Scaling of inputs: the published constants by hand, and what is easily mixed up between the networks."""

import pytest
import torch

from eomap.errors import MisuseError
from eomap.nn.occlusion import NATURALNESS_GROUPS
from eomap.nn.scalings import NATURALNESS_INPUT, SETTLEMENT_INPUT, Scaling, scaled, sen12tp_radar


def _one_pixel(**values):
    channels = NATURALNESS_INPUT.channels
    x = torch.tensor([values.get(name, 0.3) for name in channels]).view(1, -1, 1, 1)
    return dict(zip(channels, scaled(x, NATURALNESS_INPUT).flatten().tolist(), strict=True))


def test_naturalness_by_hand():
    low = _one_pixel(land_cover=10.0, VV=-11.05775, VH=-18.36266, night_lights=2.03817)
    assert [low[k] for k in ("land_cover", "VV", "VH", "night_lights")] == [0, 0, 0, 0]
    high = _one_pixel(
        land_cover=100.0, VV=-11.05775 + 3.73917, VH=-18.36266 + 4.63934, night_lights=2.03817 + 12.64091
    )
    assert [high[k] for k in ("land_cover", "VV", "VH", "night_lights")] == pytest.approx([1, 1, 1, 1])
    assert high["B8A"] == pytest.approx(0.3)


def test_sentinel_2_stands_first():
    names = NATURALNESS_INPUT.channels
    assert [names[c] for c in NATURALNESS_GROUPS["sentinel-2"]] == list(SETTLEMENT_INPUT.channels)
    assert [names[c] for c in NATURALNESS_GROUPS["sentinel-1"]] == ["VV", "VH"]
    assert [names[c] for c in NATURALNESS_GROUPS["land-cover"]] == ["land_cover"]
    assert [names[c] for c in NATURALNESS_GROUPS["night-lights"]] == ["night_lights"]


def test_settlement_sees_reflectance():
    x = torch.rand(1, 10, 2, 2)
    assert torch.equal(scaled(x, SETTLEMENT_INPUT), x)


def test_mimo_sees_radar_upside_down():
    assert sen12tp_radar(torch.tensor([0.0, -12.5, -25.0])).tolist() == [0, 0.5, 1]


def test_other_channels_are_refused():
    with pytest.raises(MisuseError, match="14 channels"):
        scaled(torch.zeros(1, 13, 2, 2), NATURALNESS_INPUT)
    with pytest.raises(MisuseError, match="deviation above 0"):
        Scaling(("a",), (0.0,), (0.0,))
