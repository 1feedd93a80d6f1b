"""Sen2LCZ-Net-MF: local climate zones from 32x32 pixel windows of Sentinel-2 L1C.

Qiu et al. 2020, "Multilevel Feature Fusion-Based CNN for Local Climate Zone Classification from
Sentinel-2 Images", doi:10.1109/JSTARS.2020.2995711. Axis letters: n window, b band, c class.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

N_BANDS, N_CLASSES = 10, 17
_STAGES, _CONVS_PER_STAGE = 4, 4
_KERAS_EPS = 1e-3


class Sen2LCZ(nn.Module):
    """Four stages of four 3x3 convolutions; the mean of four softmax heads, one per stage."""

    def __init__(self, dim: int = 16) -> None:
        super().__init__()
        widths = [dim * 2**i for i in range(_STAGES)]
        self.stages = nn.ModuleList()
        self.heads = nn.ModuleList()
        n_in = N_BANDS
        for i, width in enumerate(widths):
            self.stages.append(_stage(n_in, width))
            n_in = 2 * width  # maximum and mean pooling, side by side
            self.heads.append(nn.Linear(width if i == _STAGES - 1 else n_in, N_CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        """Return probabilities (n, c) for reflectance 0..1 windows (n, b, 32, 32)."""
        probabilities = []
        for i, (stage, head) in enumerate(zip(self.stages, self.heads, strict=True)):
            x = stage(x)
            if i < _STAGES - 1:
                x = torch.cat([F.max_pool2d(x, 2), F.avg_pool2d(x, 2)], dim=1)
            probabilities.append(torch.softmax(head(x.mean(dim=(2, 3))), dim=1))
        return torch.stack(probabilities).mean(dim=0)


def _stage(n_in: int, width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i in range(_CONVS_PER_STAGE):
        layers += [
            nn.Conv2d(n_in if i == 0 else width, width, 3, padding=1),
            nn.BatchNorm2d(width, eps=_KERAS_EPS),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers)


def sen2lcz_mf() -> Sen2LCZ:
    """Return the published network (depth 17, width 16, fusion), weights not yet loaded."""
    return Sen2LCZ(dim=16)


def keras_layers() -> dict[str, str]:
    """Return the layer names of the published Keras file and the modules of `Sen2LCZ` they fill."""
    names = {}
    for n in range(_STAGES * _CONVS_PER_STAGE):
        stage, conv = divmod(n, _CONVS_PER_STAGE)
        names[f"conv2d_{n + 1}"] = f"stages.{stage}.{3 * conv}"
        names[f"batch_normalization_{n + 1}"] = f"stages.{stage}.{3 * conv + 1}"
    # The heads were created in this order; dense_3 belongs to a branch that was dropped.
    heads = {"dense_1": "heads.0", "dense_2": "heads.1", "dense_5": "heads.2", "dense_4": "heads.3"}
    return names | heads
