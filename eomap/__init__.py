"""eomap: turn satellite archives into verified, planet-scale map cubes.

>>> import eomap
>>> plan = eomap.plan("africa.geojson", product="lcz")      # doctest: +SKIP
>>> eomap.run(plan, "africa-lcz.zarr")                      # doctest: +SKIP

Heavy packages (torch, ray, xarray, zarr) are imported when a call first needs them.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["export", "open_cube", "plan", "query", "run", "status", "verify"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("eomap.api"), name)
    raise AttributeError(f"module 'eomap' has no attribute {name!r}")
