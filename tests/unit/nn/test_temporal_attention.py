"""Temporal attention: days as in the reference, norms over what is there, sums of frames by head."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from eomap.nn.temporal_attention import encoded_days, gathered, masked_group_norm


def test_days_are_encoded_as_in_the_reference():
    # fmt: off
    expected = [
        -.993902, -.110267, -.884124, -.467253, .289269, -.957248, -.575491, .817808,
        -.305322, -.952249, .914094, .405503, .835838, -.548975, -.403618, -.914928,
    ]
    # fmt: on
    assert encoded_days(torch.tensor([[1500]]), 16).flatten().tolist() == pytest.approx(expected, abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_masked_norm_is_the_plain_one_over_what_is_there(seed):
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.normal(3, 2, (5, 8, 4)).astype(np.float32))
    norm = nn.GroupNorm(2, 8).requires_grad_(False)
    norm.weight.copy_(torch.from_numpy(rng.normal(size=8)))
    there = torch.from_numpy(rng.random((5, 4)) < 0.6)
    there[:, 0] = True
    normal = masked_group_norm(x, norm, there)
    for p in range(len(x)):
        alone = norm(x[p : p + 1][:, :, there[p]])
        assert torch.allclose(normal[p : p + 1][:, :, there[p]], alone, atol=1e-5)


def test_gathering_is_the_weighed_sum_head_by_head():
    x, weight = torch.rand(2, 3, 8, 6, 5), torch.rand(4, 2, 3, 6, 5)
    expected = torch.einsum("nthkyx,hntyx->nhkyx", x.unflatten(2, (4, 2)), weight).flatten(1, 2)
    assert torch.allclose(gathered(x, weight, nn.Identity()), expected, atol=1e-6)
