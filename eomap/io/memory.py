"""Memory that was used before is warm: the C library is asked to keep some of it for what comes next."""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Of glibc's mallopt(3)."""
KEPT_BYTES, LARGEST_BYTES = 256 << 20, 32 << 20
"""What stays free for the next array at most, and the largest that may lie there."""


def keep_warm() -> bool:
    """Ask for it and return whether the C library took it: glibc does.

    Else every array beyond some MB is mapped anew, and every page of it a fault and zeroed: 170,000 faults of
    the peers' composite (bench/README.md), 100,000 with this.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    return bool(mallopt(_TRIM_THRESHOLD, KEPT_BYTES)) and bool(mallopt(_MMAP_THRESHOLD, LARGEST_BYTES))
