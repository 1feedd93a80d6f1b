"""Map networks as the engine asks them: codes in, what is mapped and features out.

Axis letters: n window, c channel (of all needs in order; looks as t x b), k number beside the pixels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Normalised(nn.Module):
    """A body that is fed codes brought to mean 0 and deviation 1, channel by channel.

    The constants are buffers, so that they travel in the weights. What was not seen (code 0) is 0 after it,
    the mean of the channel; with `groups` (channels of each look or need, in order) one channel more for each
    of them says where it was seen, 1 or 0. `body(x, aside)` gives what is mapped, and features.
    """

    mean_c: Tensor
    std_c: Tensor

    def __init__(
        self, body: nn.Module, mean: Sequence[float], std: Sequence[float], *, groups: Sequence[int] = ()
    ) -> None:
        super().__init__()
        if len(mean) != len(std) or (groups and sum(groups) != len(mean)):
            raise ValueError(f"{len(mean)} means, {len(std)} deviations, groups {tuple(groups)}")
        self.body, self.groups = body, tuple(groups)
        self.register_buffer("mean_c", torch.tensor(list(mean), dtype=torch.float32))
        self.register_buffer("std_c", torch.tensor(list(std), dtype=torch.float32))

    def restate(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Take other constants; raise ValueError for another number of channels or a deviation of 0."""
        if len(mean) != len(self.mean_c) or len(std) != len(self.std_c) or min(std) <= 0:
            raise ValueError(f"expected {len(self.mean_c)} means and deviations above 0")
        self.mean_c.copy_(torch.tensor(list(mean), dtype=torch.float32))
        self.std_c.copy_(torch.tensor(list(std), dtype=torch.float32))

    def forward(self, x: Tensor, aside: Tensor) -> tuple[Tensor, Tensor]:
        """Return (n, k, rows, cols) and features for codes (n, c, y, x), float32, 0 where unseen."""
        shape = (1, -1, 1, 1)
        seen = x > 0
        normal = torch.where(seen, (x - self.mean_c.view(shape)) / self.std_c.view(shape), 0.0)
        if self.groups:
            parts = [part.all(dim=1, keepdim=True) for part in seen.split(self.groups, dim=1)]
            normal = torch.cat([normal, *(p.to(normal.dtype) for p in parts)], dim=1)
        y, features = self.body(normal, aside)
        return y, features
