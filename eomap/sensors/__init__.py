"""What was seen, made physical: one folder a family of sensors, each with its `SENSORS`."""

from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules

from eomap.core.methods import BY_BAND
from eomap.core.product import Need
from eomap.core.sensor import Sensor
from eomap.core.source import Scene
from eomap.errors import MisuseError


@lru_cache(maxsize=1)
def sensors() -> dict[str, Sensor]:
    """Return every sensor by name; a folder that does not load stops the program."""
    folders = (import_module(f"{__name__}.{m.name}") for m in iter_modules(__path__) if m.ispkg)
    return {s.name: s for folder in folders for s in folder.SENSORS}


def sensor(name: str) -> Sensor:
    """Return the sensor of that name; raise MisuseError listing the names there are."""
    try:
        return sensors()[name]
    except KeyError:
        raise MisuseError("--sensor", expected=f"one of {', '.join(sensors())}", got=name) from None


def reads_by_band(need: Need, mask: str, scenes: Sequence[Scene]) -> bool:
    """Say whether frames are read band after band: where the method allows it and nothing is read twice.

    Bands of one file are best read at once: a block of it may hold the pixels of all of them.
    """
    masking = sensor(need.of).mask_bands
    if need.speckle != "none" or need.method not in BY_BAND:
        return False
    if any(set(masking(s, mask)) & set(need.bands) for s in scenes):
        return False
    return not any(_shares_files(need, s) for s in scenes)


def _shares_files(need: Need, scene: Scene) -> bool:
    places = [b.place for b in scene.bands if b.name in need.bands]
    return len(set(places)) < len(places)
