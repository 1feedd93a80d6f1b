"""Our own network of settlement and local climate zones: a narrow Sen2-MT that also says how sure it is.

Of ten Sentinel-2 bands, trained on both processing levels; see models/eomap-settlement-s. Axis letters:
n window, c channel, d feature, k number given, y and x pixels of 10 m, rows and cols cells of 20 m.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eomap.nn.normalised import Normalised
from eomap.nn.sen2mt import N_BANDS, N_CLASSES, Sen2MT, TaskWeights

CELL_PX = 2
WIDTH = 8
"""Half of the published one: a quarter of its multiplications."""
OUTPUTS = ("settlement", "variance", *(f"lcz_{c}" for c in range(1, N_CLASSES + 1)))
"""What it gives, in order: share of sealed ground 0..1, variance of its error, probabilities of the zones."""
FEATURE_CELLS = 8
"""Features are means over so many cells, 160 m."""
_HIDDEN = 32
_LOG_VARIANCES = (-9.0, 1.0)
"""Deviations from .011 to 1.6."""


class SettlementS(nn.Module):
    """The body: normalised codes in, both maps on 20 m cells and features out.

    While training it gives two channels more, everywhere alike: the logs of the variances that weigh the two
    tasks (`TaskWeights`), so that a loss that is a function of the answer can learn them.
    """

    variance_gain: Tensor
    variance_power: Tensor

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.maps = Sen2MT(width)
        self.log_variance = nn.Sequential(
            nn.Conv2d(16 * width, _HIDDEN, 1), nn.ReLU(), nn.Conv2d(_HIDDEN, 1, 1)
        )
        self.task_weights = TaskWeights()
        self.register_buffer("variance_gain", torch.ones(()))
        self.register_buffer("variance_power", torch.ones(()))

    def calibrate(self, gain: float, power: float) -> None:
        """Give gain times this power of what the head says as variance; raise ValueError unless above 0."""
        if not (gain > 0 and power > 0):
            raise ValueError(f"a gain and a power above 0, not {gain} and {power}")
        self.variance_gain.fill_(gain)
        self.variance_power.fill_(power)

    def forward(self, x: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
        """Return (n, k, rows, cols), as OUTPUTS, and features (n, d, rows / 8, cols / 8) of (n, c, y, x)."""
        made = self.maps.maps(x)
        # The head reads what the maps have learnt and teaches them nothing: no map is worse for it.
        log_variance = self.log_variance(made.features.detach()).float().clamp(*_LOG_VARIANCES)
        lcz = F.avg_pool2d(made.lcz, CELL_PX)
        variance = torch.exp(log_variance * self.variance_power) * self.variance_gain
        parts = [made.settlement.float(), variance, lcz.float()]
        if self.training:
            shape = (len(x), 2, *lcz.shape[2:])
            parts.append(self.task_weights.log_variances[None, :, None, None].expand(shape))
        return torch.cat(parts, dim=1), F.avg_pool2d(made.features, FEATURE_CELLS)


def settlement_s() -> Normalised:
    """Return the network as it is shipped, weights and constants not yet loaded."""
    return Normalised(SettlementS(), [0.0] * N_BANDS, [1.0] * N_BANDS)
