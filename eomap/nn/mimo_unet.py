"""Probabilistic MIMO U-Net: several members of an ensemble in one pass, each with its own spread.

Every member has its own first two sizes and its own last step; the core in between is shared. State keys are
those of the published program, which came without weights; `rename_checkpoint` takes its prefix off.
Axis letters: n window, m member, c channel, k output, y row, x column.
"""

import torch
from torch import Tensor, nn

from eomap.errors import MisuseError
from eomap.nn.double_conv import DoubleConv, Down, RiseBilinear, check_window

STRIDE_PX = 16
_PREFIXES = ("model._orig_mod.", "model.")


class _Encoder(nn.Module):
    def __init__(self, width: int, n_in: int, members: int) -> None:
        super().__init__()
        self.in_convs = nn.ModuleList(_double(n_in, width) for _ in range(members))
        self.down1s = nn.ModuleList(_down(width, 2 * width) for _ in range(members))

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        kept = [conv(x[:, m]) for m, conv in enumerate(self.in_convs)]
        below = [down(own) for down, own in zip(self.down1s, kept, strict=True)]
        return kept, torch.cat(below, dim=1)


class _Core(nn.Module):
    def __init__(self, joint: int) -> None:
        super().__init__()
        self.down2 = _down(2 * joint, 4 * joint)
        self.down3 = _down(4 * joint, 8 * joint)
        self.down4 = _down(8 * joint, 8 * joint)
        self.up1 = _up(8 * joint, 8 * joint, 4 * joint)
        self.up2 = _up(4 * joint, 4 * joint, 2 * joint)
        self.up3 = _up(2 * joint, 2 * joint, joint)

    def forward(self, x1: Tensor) -> tuple[Tensor, Tensor]:
        x2 = self.down2(x1)
        x3 = self.down3(x2)
        x4 = self.down4(x3)
        return self.up3(self.up2(self.up1(x4, x3), x2), x1), x4


class _Decoder(nn.Module):
    def __init__(self, width: int, members: int, n_out: int) -> None:
        super().__init__()
        self.up4s = nn.ModuleList(_up(width * members, width, width) for _ in range(members))
        self.outcs = nn.ModuleList(_Head(width, 2 * n_out) for _ in range(members))

    def forward(self, below: Tensor, kept: list[Tensor]) -> Tensor:
        steps = zip(self.up4s, self.outcs, kept, strict=True)
        return torch.stack([head(up(below, own)) for up, head, own in steps], dim=1)


class _Head(nn.Module):
    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class MimoUNet(nn.Module):
    """The network of `members` with `width` features each at the window's size (30 and 2 as published)."""

    def __init__(self, n_in: int, *, members: int = 2, width: int = 30, n_out: int = 1) -> None:
        super().__init__()
        self.n_in, self.members, self.n_out = n_in, members, n_out
        self.encoder = _Encoder(width, n_in, members)
        self.core = _Core(width * members)
        self.decoder = _Decoder(width, members, n_out)

    def forward_with_features(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return means and log-scales (n, m, k, y, x) and the bottleneck (n, d, y / 16, x / 16).

        `x`: scaled channels of each member (n, m, c, y, x); a map gives every member the same, see
        `for_every_member`. Raises MisuseError on other members or channels, or other sides than
        multiples of STRIDE_PX.
        """
        if x.ndim != 5 or x.shape[1] != self.members:
            raise MisuseError("MIMO U-Net", expected=f"(n, {self.members}, c, y, x)", got=f"{tuple(x.shape)}")
        check_window("MIMO U-Net", x.shape, n_in=self.n_in, stride_px=STRIDE_PX)
        kept, joined = self.encoder(x)
        below, bottleneck = self.core(joined)
        mean, log_scale = self.decoder(below, kept).split(self.n_out, dim=2)
        return mean, log_scale, bottleneck

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and log-scales (n, m, k, y, x); see `forward_with_features`."""
        return self.forward_with_features(x)[:2]


def rename_checkpoint(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the state of a `MimoUNet` in a published program's checkpoint, its prefix taken off.

    >>> list(rename_checkpoint({"model._orig_mod.core.up1.w": torch.zeros(1), "loss": torch.zeros(1)}))
    ['core.up1.w']
    """
    for prefix in _PREFIXES:
        ours = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        if ours:
            return ours
    return dict(state)


def for_every_member(x: Tensor, members: int) -> Tensor:
    """Return the same channels (n, c, y, x) for each member (n, m, c, y, x), without a copy."""
    return x[:, None].expand(-1, members, -1, -1, -1)


def members_samples(n: int, members: int, *, shared: float = 0.0, repetitions: int = 1, seed: int) -> Tensor:
    """Return which sample of a batch each member is trained on, (repetitions * n, m), int64.

    Every member sees every sample `repetitions` times. A share `shared` of the rows gives all members one
    sample, the others one each: independent members learn best on independent samples, and at 1 they all see
    what a map will give them. Index inputs and targets with it.

    >>> members_samples(4, 2, shared=1.0, seed=0).diff(dim=1).flatten().tolist()
    [0, 0, 0, 0]
    """
    if not 0 <= shared <= 1:
        raise MisuseError("training of a MIMO U-Net", expected="a share from 0 to 1", got=f"{shared}")
    noise = torch.Generator().manual_seed(seed)
    order = torch.randperm(n, generator=noise).repeat(repetitions)
    n_own = int(len(order) * (1 - shared))
    own, same = order[:n_own], order[n_own:]
    columns = [torch.cat([own[torch.randperm(n_own, generator=noise)], same]) for _ in range(members)]
    return torch.stack(columns, dim=1)


def _double(n_in: int, n_out: int) -> DoubleConv:
    return DoubleConv(n_in, n_out, padding_mode="reflect")


def _down(n_in: int, n_out: int) -> Down:
    return Down(n_in, n_out, padding_mode="reflect")


def _up(n_below: int, n_kept: int, n_out: int) -> RiseBilinear:
    return RiseBilinear(n_below, n_kept, n_out, padding_mode="reflect")
