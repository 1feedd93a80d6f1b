"""What was seen, made physical: one folder a family of sensors, each with its `SENSORS`."""

from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules

from eomap.core.sensor import Sensor
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
