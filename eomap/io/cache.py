"""Where eomap keeps on a user's machine what would cost to get or make again."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the user's cache: EOMAP_CACHE, or where the system keeps such things."""
    if named := os.environ.get("EOMAP_CACHE"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eomap"
