"""The ResNet-20 of the So2Sat GUL product: local climate zones from 32x32 windows of Sentinel-2 L1C.

A pre-activation bottleneck ResNet (He et al. 2016, doi:10.1007/978-3-319-46493-0_38) as trained by
Zhu et al. 2022 for 1692 cities, doi:10.1016/j.rse.2021.112794 (So2Sat GUL).
Axis letters: n window, b band, c class.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

N_BANDS, N_CLASSES = 10, 17
_KERAS_EPS = 1e-3
_STAGES, _BLOCKS_PER_STAGE = 3, 2


class _Block(nn.Module):
    """1x1, 3x3, 1x1 convolutions, each after normalisation and ReLU, added to the shortcut."""

    def __init__(self, n_in: int, n_mid: int, n_out: int, *, stride: int, first: bool, project: bool) -> None:
        super().__init__()
        # The very first block follows the stem's own ReLU and has no normalisation of its own.
        self.norm_a = nn.Identity() if first else nn.BatchNorm2d(n_in, eps=_KERAS_EPS)
        self.conv_a = nn.Conv2d(n_in, n_mid, 1, stride=stride)
        self.norm_b = nn.BatchNorm2d(n_mid, eps=_KERAS_EPS)
        self.conv_b = nn.Conv2d(n_mid, n_mid, 3, padding=1)
        self.norm_c = nn.BatchNorm2d(n_mid, eps=_KERAS_EPS)
        self.conv_c = nn.Conv2d(n_mid, n_out, 1)
        self.shortcut = nn.Conv2d(n_in, n_out, 1, stride=stride) if project else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm_a(x)
        y = self.conv_a(y if isinstance(self.norm_a, nn.Identity) else F.relu(y))
        y = self.conv_b(F.relu(self.norm_b(y)))
        y = self.conv_c(F.relu(self.norm_c(y)))
        return y + self.shortcut(x)


class ResNet20(nn.Module):
    """Stem of 16 filters, three stages of two blocks (64, 128, 256), mean pooling, one softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(N_BANDS, 16, 3, padding=1)
        self.stem_norm = nn.BatchNorm2d(16, eps=_KERAS_EPS)
        self.blocks = nn.ModuleList()
        n_in = 16
        for stage in range(_STAGES):
            n_mid = 16 if stage == 0 else n_in
            n_out = 64 * 2**stage
            for block in range(_BLOCKS_PER_STAGE):
                opening = block == 0
                stride = 2 if opening and stage > 0 else 1
                first = opening and stage == 0
                self.blocks.append(_Block(n_in, n_mid, n_out, stride=stride, first=first, project=opening))
                n_in = n_out
        self.norm = nn.BatchNorm2d(n_in, eps=_KERAS_EPS)
        self.head = nn.Linear(n_in, N_CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Return probabilities (n, c) for reflectance 0..1 windows (n, b, 32, 32)."""
        x = F.relu(self.stem_norm(self.stem(x)))
        for block in self.blocks:
            x = block(x)
        x = F.relu(self.norm(x)).mean(dim=(2, 3))
        return torch.softmax(self.head(x), dim=1)


def so2sat_resnet20() -> ResNet20:
    """Return the published network, weights not yet loaded."""
    return ResNet20()


def keras_layers() -> dict[str, str]:
    """Return the layer names of the published Keras file and the modules of `ResNet20` they fill."""
    convs, norms = ["stem"], ["stem_norm"]
    for i in range(_STAGES * _BLOCKS_PER_STAGE):
        convs += [f"blocks.{i}.conv_{part}" for part in "abc"]
        norms += [f"blocks.{i}.norm_{part}" for part in ("bc" if i == 0 else "abc")]
        if i % _BLOCKS_PER_STAGE == 0:
            convs.append(f"blocks.{i}.shortcut")
    norms.append("norm")
    names = {f"conv2d_{n}": module for n, module in enumerate(convs, start=1)}
    names |= {f"batch_normalization_{n}": module for n, module in enumerate(norms, start=1)}
    return names | {"dense_1": "head"}
