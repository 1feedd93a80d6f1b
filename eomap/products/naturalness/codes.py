"""Numbers as naturalness stores them."""

import numpy as np

from eomap.core.ports import F32, U16

PER_UNIT = 10_000
"""Stored value of a naturalness of 1."""
FILL_U16 = 65_535


def as_code(value: F32) -> U16:
    """Return numbers from 0 to 6.5 as they are stored, 1e-4 a step.

    >>> as_code(np.float32([0, 0.25, 1])).tolist()
    [0, 2500, 10000]
    """
    return np.rint(value * np.float32(PER_UNIT)).astype(np.uint16)
