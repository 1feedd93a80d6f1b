"""Influence of modalities: nothing for what is not used or not changed, and maps that no cut changes."""

import numpy as np
import pytest
import torch
from torch import nn

from eomap.core.windows import Layout
from eomap.errors import MisuseError
from eomap.nn.modalities import ALL, COORDINATES, Overheard, influences
from eomap.nn.predict import ready
from eomap.nn.windows import Windowed

SOURCES = (("sentinel-2", 3), ("sentinel-1", 2), ("ignored", 1))
ASIDES = ("lon_deg", "lat_deg", "day")
LAYOUT = Layout(16, 12)


class Plain(nn.Module):
    """The sum of the first channels and the place; the last channel has no weight."""

    def __init__(self, *, takes_nowhere=True, featured=True):
        super().__init__()
        self.takes_nowhere, self.featured = takes_nowhere, featured
        self.first = nn.Conv2d(6, 4, 3, padding=1)
        with torch.no_grad():
            self.first.weight[:, 5] = 0

    def forward(self, x, aside):
        place = aside[:, :2].nan_to_num(0.0) if self.takes_nowhere else aside[:, :2]
        f = self.first(x / 1000) + place.sum(dim=1)[:, None, None, None] + aside[:, 2:, None, None]
        return f[:, :2], (f if self.featured else None)


def network(**how):
    torch.manual_seed(2)
    return ready(
        Plain(**how), name="plain", sha256="0", layout=LAYOUT, channels=2, asides=3, of_classes=False
    )


def frame(rows=30, cols=26):
    rng = np.random.default_rng(5)
    side = 2 * LAYOUT.halo_px
    return rng.integers(1, 4_000, (6, rows + side, cols + side)).astype(np.uint16)


def mapped(made, code, wanted=None):
    wanted = np.ones((30, 26), bool) if wanted is None else wanted
    value = Windowed(made)(code, wanted, origin_rc=(40, 60), aside=lambda r, c: (r * 0.1, c * 0.1, 3.0))
    count = len(made.names)
    return dict(zip(made.names, value[:count], strict=True)), dict(
        zip(made.names, value[count:], strict=True)
    )


def test_names_are_the_sensors_the_place_and_all():
    made = influences(network(), SOURCES, ASIDES)
    assert made.names == ("sentinel-2", "sentinel-1", "ignored", COORDINATES, ALL)
    assert influences(network(), SOURCES, ("day", "a", "b")).names[-2:] == ("ignored", ALL)


def test_a_channel_without_weight_has_no_influence_and_others_have():
    length, change = mapped(influences(network(), SOURCES, ASIDES), frame())
    assert (length["ignored"] == 0).all() and (change["ignored"] == 0).all()
    for name in ("sentinel-2", "sentinel-1", COORDINATES, ALL):
        assert (length[name] > 0).all() and np.abs(change[name]).max() > 0


def test_what_was_not_seen_anyway_has_none():
    code = frame()
    code[3:5] = 0
    length, change = mapped(influences(network(), SOURCES, ASIDES), code)
    assert (length["sentinel-1"] == 0).all() and (change["sentinel-1"] == 0).all()


def test_of_a_linear_network_changes_add_up():
    _, change = mapped(influences(network(), SOURCES, ASIDES), frame())
    parts = sum(change[n] for n in ("sentinel-2", "sentinel-1", "ignored", COORDINATES))
    assert np.allclose(parts, change[ALL], atol=1e-3)


def test_a_part_of_the_frame_has_the_bits_of_the_whole():
    made, code = influences(network(), SOURCES, ASIDES), frame()
    wanted = np.zeros((30, 26), bool)
    wanted[3:9, 4:20] = True
    whole, part = mapped(made, code)[0], mapped(made, code, wanted)[0]
    assert all(np.array_equal(whole[n][wanted], part[n][wanted]) for n in made.names)


def test_without_features_it_is_the_answer_that_moves():
    made = influences(network(featured=False), SOURCES, ASIDES)
    length, _ = mapped(made, frame())
    assert (length["sentinel-2"] > 0).all() and (length["ignored"] == 0).all()


def test_a_network_that_must_know_its_place_is_refused():
    with pytest.raises(MisuseError, match="without its place"):
        mapped(influences(network(takes_nowhere=False), SOURCES, ASIDES), frame())


def test_who_listens_changes_nothing_and_hears_the_request():
    code, wanted = frame(), np.ones((30, 26), bool)
    plain, heard = Windowed(network()), Overheard(Windowed(network()))
    how = {"origin_rc": (0, 0), "aside": lambda r, c: (1.0, 2.0, 3.0)}
    assert np.array_equal(plain(code, wanted, **how), heard(code, wanted, **how))
    (request,) = heard.requests
    assert request.code_byx is code and request.aside(0, 0) == (1.0, 2.0, 3.0)
