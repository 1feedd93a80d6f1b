"""What an atmospheric correction leaves behind: no product of surface reflectance is quite right.

Sizes follow the specification by which corrections are judged, an uncertainty of 0.005 + 0.05 x reflectance
(ACIX, Doxani and others 2018, doi 10.3390/rs10020352): a gain per scene and per band, and a bias that is
largest in the blue, because the usual error is a wrong aerosol. Axis letter: b band.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
SCENE_GAIN, BAND_GAIN = 0.03, 0.015
"""Standard deviation of the gain that all bands share, and of each band's own."""
BLUE_BIAS, BLUE_SPREAD = 0.003, 0.005
"""Mean and standard deviation at BLUE_NM of the bias that falls with the square of the wavelength."""
BAND_BIAS, BLUE_NM = 0.0015, 490.0
DARKEST = np.float32(1e-4)


@dataclass(frozen=True, slots=True, eq=False)
class Residual:
    """The error of one scene: corrected = gain x true + bias."""

    gain_b: F32
    bias_b: F32
    """Reflectance."""


def residual(seed: int, scene: str, *, centre_nm: F32) -> Residual:
    """Return the error of a scene in bands of these centres (b): equal arguments give equal bits.

    Draws are cut at two standard deviations, so that no scene is absurd.
    """
    digest = hashlib.sha256(f"{seed}/{scene}".encode()).digest()
    draw = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    bands = len(centre_nm)
    scene_gain, blue = np.clip(draw.standard_normal(2), -2, 2)
    own_gain, own_bias = np.clip(draw.standard_normal((2, bands)), -2, 2)
    gain_b = 1 + SCENE_GAIN * scene_gain + BAND_GAIN * own_gain
    bias_b = (BLUE_BIAS + BLUE_SPREAD * blue) * (BLUE_NM / centre_nm) ** 2 + BAND_BIAS * own_bias
    return Residual(gain_b.astype(np.float32), bias_b.astype(np.float32))


def corrected(surface: F32, *, gain: np.float32, bias: np.float32) -> F32:
    """Return what a product gives for true surface reflectance in one band, at least DARKEST."""
    return np.maximum(surface * np.float32(gain) + np.float32(bias), DARKEST)
