"""The predictor actor: windows of several callers share a call, and each gets its own."""

import asyncio

import numpy as np
import pytest

from eomap.core.windows import Layout
from eomap.engine.on_ray import Predictor


class Adds:
    """A network that adds one, and remembers how many windows each call had."""

    layout = Layout(4, 4, batch=6)

    def __init__(self):
        self.calls = []

    def __call__(self, code_nbyx, aside_nk):
        self.calls.append(len(code_nbyx))
        if (code_nbyx == 13).any():
            raise ValueError("thirteen")
        return code_nbyx.astype(np.float32) + aside_nk.sum(axis=1)[:, None, None, None]


def windows(count, value):
    return np.full((count, 1, 4, 4), value, np.uint16), np.ones((count, 1), np.float32)


async def asked(predictor, *requests):
    return await asyncio.gather(
        *(predictor.said(name, *windows(n, value)) for name, n, value in requests), return_exceptions=True
    )


@pytest.fixture
def networks(monkeypatch):
    monkeypatch.setattr("ray.get_gpu_ids", lambda: [])
    return {"a": Adds(), "b": Adds()}


def test_windows_of_several_tiles_share_a_call(networks):
    predictor = Predictor(lambda name, device: networks[name])
    said = asyncio.run(asked(predictor, ("a", 2, 1), ("a", 3, 2), ("a", 2, 3), ("b", 4, 4), ("a", 1, 5)))
    assert [s.shape[0] for s in said] == [2, 3, 2, 4, 1]
    assert [float(s[0, 0, 0, 0]) for s in said] == [2, 3, 4, 5, 6]
    assert networks["a"].calls == [5, 2, 1] and networks["b"].calls == [4]  # in order, up to a batch


def test_what_fails_fails_for_those_who_asked(networks):
    predictor = Predictor(lambda name, device: networks[name])
    bad, unknown, good = asyncio.run(asked(predictor, ("a", 6, 13), ("c", 1, 1), ("a", 1, 1)))
    assert isinstance(bad, ValueError) and isinstance(unknown, KeyError) and good.shape == (1, 1, 4, 4)
