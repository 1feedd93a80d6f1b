"""Weights and inputs without chance, as the golden numbers of the published networks were made."""

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def ramp(
    shape: Sequence[int], step: float = 0.37, phase: float = 0.0, *, low: float = 0.0, high: float = 1.0
):
    """Return numbers from low to high along a sine over the flat index, float32."""
    n = torch.arange(math.prod(shape), dtype=torch.float64)
    return (low + (high - low) * (0.5 + 0.5 * torch.sin(step * n + phase))).float().reshape(*shape)


def filled(network: nn.Module) -> nn.Module:
    """Return the network with the j-th parameter 0.08 sin(0.37 n + j), its norms neutral, in eval mode.

    In float32, as the golden numbers were made: of large arguments its sine is another one.
    """
    with torch.no_grad():
        for j, parameter in enumerate(network.parameters()):
            n = torch.arange(parameter.numel(), dtype=torch.float32)
            parameter.copy_((0.08 * torch.sin(0.37 * n + j)).reshape(parameter.shape))
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)
    return network.eval()


def n_parameters(network: nn.Module) -> int:
    """Return the trained numbers of a network."""
    return sum(p.numel() for p in network.parameters())


def gflop(make, *shape: int) -> float:
    """Return 2 x multiplications in 1e9 of one pass over zeros, on no device: nothing is computed."""
    with torch.device("meta"):
        network, x = make().eval(), torch.zeros(shape)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(x)
    return counter.get_total_flops() / 1e9
