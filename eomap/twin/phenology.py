"""When plants are green: leaves, grass and crops through the year, climate by climate.

Curves are straight between knots (day of the year in the north, share of 1) and go round the year; in the
south they run half a year later. Days are those of textbook crop calendars (USDA Agriculture Handbook 664;
Sacks and others 2010, doi:10.1111/j.1466-8238.2010.00551.x), rounded; shares of crops are round numbers.
None is fitted to an image. Axis letters: p place (climates of the north, then of the south), n parcel level.
"""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np

from eomap.twin.climate import CLIMATES
from eomap.twin.earth import F32, F64

YEAR_DAYS = 365.25
LEVELS = 4096
"""Parcels are told apart in so many steps of their own number."""
_SOWING_DAYS = 30
"""Between the first and the last farmer to sow the same crop."""
_POOREST = 0.75
"""Green cover of the thinnest stand of a crop beside the best."""
Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Crop:
    """What covers a field through the year; what neither does is soil."""

    share: float
    """Of the climate's fields."""
    green: Curve
    straw: Curve
    """Ripe crop, stubble and litter."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The year of a climate's plants."""

    leaf: Curve
    """Share of their leaves that broad-leaved trees have."""
    grass: Curve
    """Share of grass that is green."""
    crops: tuple[Crop, ...]


_WINTER_CEREAL = (
    ((255, 0), (270, 0.05), (288, 0.40), (305, 0.60), (335, 0.65), (60, 0.60), (95, 0.75), (120, 0.93),
     (165, 0.93), (185, 0.40), (200, 0.05), (240, 0.08)),
    ((120, 0.04), (165, 0.04), (185, 0.50), (200, 0.90), (213, 0.90), (222, 0.50), (245, 0.40), (255, 0.10),
     (60, 0.08)),
)  # fmt: skip
"""Sown in the middle of September, green a month later, harvested in the first days of August."""
_WINTER_RAPE = (
    ((230, 0), (243, 0.10), (262, 0.60), (283, 0.85), (335, 0.75), (60, 0.65), (90, 0.85), (115, 0.95),
     (175, 0.90), (190, 0.30), (203, 0.03)),
    ((175, 0.05), (190, 0.55), (203, 0.90), (212, 0.60), (228, 0.20), (262, 0.05)),
)  # fmt: skip
_SPRING_CEREAL = (
    ((85, 0.05), (105, 0.10), (130, 0.70), (150, 0.92), (185, 0.90), (205, 0.30), (220, 0.05), (260, 0.20),
     (60, 0.15)),
    ((84, 0.05), (130, 0.02), (185, 0.05), (205, 0.55), (218, 0.85), (228, 0.50), (300, 0.35), (60, 0.25)),
)  # fmt: skip
_WITH_CATCH_CROP = (
    ((75, 0.20), (85, 0.02), (105, 0.10), (130, 0.70), (150, 0.92), (185, 0.90), (205, 0.30), (222, 0.10),
     (240, 0.30), (265, 0.70), (290, 0.85), (330, 0.75), (45, 0.55)),
    ((84, 0.05), (130, 0.02), (185, 0.05), (205, 0.55), (218, 0.80), (228, 0.50), (250, 0.25), (290, 0.10),
     (60, 0.15)),
)  # fmt: skip
_MAIZE_OR_BEET = (
    ((125, 0), (145, 0.10), (170, 0.50), (190, 0.90), (255, 0.90), (275, 0.60), (295, 0.15), (60, 0.08)),
    ((110, 0.10), (140, 0.02), (255, 0.05), (275, 0.30), (290, 0.50), (310, 0.40), (60, 0.25)),
)
_LEY = (
    ((30, 0.78), (75, 0.80), (120, 0.94), (148, 0.94), (155, 0.60), (185, 0.92), (198, 0.65), (230, 0.92),
     (245, 0.70), (280, 0.92), (330, 0.85)),
    ((0, 0.06),),
)  # fmt: skip
"""Grass and clover in rotation, cut three times."""
_HARDY_CEREAL = (
    ((250, 0), (262, 0.05), (285, 0.40), (310, 0.40), (80, 0.30), (105, 0.50), (135, 0.92), (165, 0.92),
     (185, 0.35), (198, 0.03), (230, 0.05)),
    ((165, 0.03), (185, 0.60), (198, 0.90), (208, 0.90), (215, 0.50), (245, 0.30), (252, 0.10), (80, 0.15),
     (120, 0.03)),
)  # fmt: skip
"""Under snow in winter, thinner for the frost."""
_LATE_SPRING_CEREAL = (
    ((120, 0), (140, 0.20), (165, 0.85), (195, 0.90), (215, 0.35), (230, 0.03), (250, 0.10), (290, 0.10)),
    ((195, 0.05), (215, 0.55), (230, 0.85), (238, 0.85), (248, 0.45), (310, 0.35), (100, 0.30), (120, 0.10),
     (150, 0.03)),
)  # fmt: skip
_MAIZE_OR_SOY = (
    ((130, 0), (150, 0.10), (175, 0.60), (195, 0.94), (240, 0.94), (265, 0.35), (280, 0.03)),
    ((240, 0.03), (265, 0.55), (280, 0.85), (295, 0.60), (320, 0.50), (100, 0.40), (130, 0.20), (165, 0.03)),
)
_HAY = (
    ((90, 0.10), (125, 0.90), (155, 0.90), (160, 0.50), (185, 0.90), (205, 0.55), (235, 0.90), (275, 0.75),
     (305, 0.30), (330, 0.10)),
    ((90, 0.60), (125, 0.05), (280, 0.10), (310, 0.50)),
)  # fmt: skip
_RAINED_WINTER_CEREAL = (
    ((310, 0), (335, 0.15), (15, 0.45), (60, 0.80), (95, 0.92), (120, 0.85), (140, 0.30), (155, 0.03)),
    ((120, 0.05), (140, 0.60), (152, 0.90), (170, 0.90), (180, 0.55), (260, 0.40), (300, 0.15), (335, 0.05)),
)
"""Of the Mediterranean: sown with the rains of November."""
_WATERED_SUMMER_CROP = (
    ((100, 0), (120, 0.20), (150, 0.80), (170, 0.92), (235, 0.90), (265, 0.40), (285, 0.05)),
    ((100, 0.10), (235, 0.05), (265, 0.40), (285, 0.50), (330, 0.25)),
)
_ORCHARD = (((60, 0.35), (110, 0.45), (200, 0.40), (300, 0.35)), ((0, 0.20),))
_TWO_CROPS = (
    ((305, 0), (325, 0.15), (355, 0.60), (30, 0.85), (70, 0.93), (90, 0.60), (105, 0.05), (150, 0.05),
     (165, 0.10), (185, 0.50), (205, 0.90), (255, 0.90), (280, 0.40), (295, 0.03)),
    ((70, 0.05), (90, 0.35), (105, 0.85), (118, 0.60), (150, 0.30), (170, 0.05), (255, 0.05), (280, 0.50),
     (292, 0.80), (300, 0.40), (320, 0.10)),
)  # fmt: skip
"""Wheat or rape in winter, rice, maize or soy in summer, on the same field."""
_MILD_SUMMER_CROP = (
    ((105, 0.05), (135, 0.30), (160, 0.85), (225, 0.90), (255, 0.30), (270, 0.05), (330, 0.15), (80, 0.15)),
    ((105, 0.10), (140, 0.02), (225, 0.05), (255, 0.50), (270, 0.70), (300, 0.40), (60, 0.30)),
)
_MILD_LEY = (
    ((30, 0.45), (75, 0.55), (120, 0.90), (280, 0.92), (345, 0.50)),
    ((30, 0.45), (120, 0.08), (280, 0.06)),
)
_RAINS_CROP = (
    ((145, 0), (165, 0.20), (195, 0.75), (220, 0.92), (260, 0.85), (285, 0.35), (305, 0.03)),
    ((100, 0.25), (145, 0.05), (180, 0.02), (260, 0.05), (285, 0.50), (305, 0.70), (330, 0.35), (0, 0.28)),
)
"""Of the savanna: sown with the rains, harvested after them; cattle eat the stubble."""
_RAINS_FALLOW = (
    ((145, 0.05), (190, 0.50), (270, 0.50), (320, 0.20), (30, 0.05)),
    ((30, 0.40), (120, 0.30), (160, 0.10), (190, 0.10), (300, 0.30)),
)
_DRY_FALLOW = (((90, 0.10), (130, 0.25), (180, 0.05), (300, 0.08)), ((90, 0.20), (180, 0.30), (300, 0.25)))
_TROPICAL_CROPS = (
    ((100, 0.05), (120, 0.30), (150, 0.90), (190, 0.85), (215, 0.20), (225, 0.10), (250, 0.15), (275, 0.60),
     (300, 0.92), (340, 0.85), (0, 0.30), (15, 0.15), (90, 0.20)),
    ((95, 0.15), (120, 0.02), (190, 0.05), (215, 0.50), (230, 0.25), (260, 0.05), (340, 0.05), (0, 0.45),
     (20, 0.30)),
)  # fmt: skip


def _always(green: float, straw: float) -> tuple[Curve, Curve]:
    return ((0, green),), ((0, straw),)


def _rotation(*crops: tuple[float, tuple[Curve, Curve]]) -> tuple[Crop, ...]:
    return tuple(Crop(share, green, straw) for share, (green, straw) in crops)


_COLD = Calendar(
    leaf=((150, 0.05), (180, 1), (230, 1), (255, 0.05)),
    grass=((150, 0.10), (190, 1), (225, 0.90), (255, 0.20), (275, 0.10)),
    crops=_rotation((1.0, _HAY)),
)
CALENDARS: dict[str, Calendar] = {
    "rain forest": Calendar(
        leaf=((0, 0.97),),
        grass=((0, 0.95),),
        crops=_rotation((0.35, _TROPICAL_CROPS), (0.50, _always(0.88, 0.06)), (0.15, _always(0.70, 0.10))),
    ),
    "savanna": Calendar(  # leaves hold on through half of the dry season, grass does not
        leaf=((15, 0.85), (75, 0.55), (105, 0.50), (140, 0.95), (180, 1), (330, 1)),
        grass=((60, 0.20), (105, 0.25), (145, 0.85), (180, 1), (270, 0.95), (310, 0.60), (350, 0.35)),
        crops=_rotation((0.72, _RAINS_CROP), (0.20, _RAINS_FALLOW), (0.08, _TWO_CROPS)),
    ),
    "desert": Calendar(
        leaf=((0, 0.85),),
        grass=((60, 0.50), (110, 0.35), (200, 0.20), (300, 0.25)),
        crops=_rotation(
            (0.40, _RAINED_WINTER_CEREAL), (0.25, _WATERED_SUMMER_CROP), (0.35, _always(0.70, 0.1))
        ),
    ),
    "steppe": Calendar(
        leaf=((75, 0.40), (130, 1), (270, 1), (320, 0.40)),
        grass=((75, 0.15), (120, 0.90), (165, 1), (200, 0.60), (240, 0.35), (290, 0.30), (330, 0.15)),
        crops=_rotation(
            (0.30, _HARDY_CEREAL),
            (0.20, _LATE_SPRING_CEREAL),
            (0.10, _HAY),
            (0.20, _DRY_FALLOW),
            (0.20, _MAIZE_OR_SOY),
        ),
    ),
    "mediterranean": Calendar(
        leaf=((75, 0.75), (120, 1), (290, 1), (345, 0.75)),
        grass=((20, 0.90), (90, 1), (130, 0.80), (165, 0.25), (265, 0.15), (310, 0.60), (345, 0.85)),
        crops=_rotation(
            (0.50, _RAINED_WINTER_CEREAL), (0.18, _ORCHARD), (0.10, _DRY_FALLOW), (0.22, _WATERED_SUMMER_CROP)
        ),
    ),
    "temperate": Calendar(  # of the Atlantic: meadows are green in winter
        leaf=((80, 0.10), (105, 0.12), (135, 1), (275, 1), (298, 0.60), (322, 0.10)),
        grass=(
            (30, 0.80),
            (60, 0.82),
            (105, 0.97),
            (165, 1),
            (215, 0.90),
            (255, 0.95),
            (300, 0.95),
            (345, 0.85),
        ),
        crops=_rotation(
            (0.40, _WINTER_CEREAL),
            (0.08, _WINTER_RAPE),
            (0.12, _WITH_CATCH_CROP),
            (0.10, _SPRING_CEREAL),
            (0.16, _LEY),
            (0.14, _MAIZE_OR_BEET),
        ),
    ),
    "continental": Calendar(
        leaf=((100, 0.05), (140, 1), (260, 1), (285, 0.50), (300, 0.05)),
        grass=(
            (75, 0.15),
            (95, 0.25),
            (130, 0.95),
            (180, 1),
            (225, 0.85),
            (270, 0.80),
            (300, 0.45),
            (325, 0.15),
        ),
        crops=_rotation(
            (0.28, _HARDY_CEREAL), (0.20, _LATE_SPRING_CEREAL), (0.14, _HAY), (0.38, _MAIZE_OR_SOY)
        ),
    ),
    "boreal": Calendar(
        leaf=((125, 0.05), (160, 1), (245, 1), (265, 0.40), (275, 0.05)),
        grass=((115, 0.10), (155, 0.90), (190, 1), (240, 0.90), (270, 0.40), (295, 0.10)),
        crops=_rotation((0.50, _LATE_SPRING_CEREAL), (0.50, _HAY)),
    ),
    "tundra": _COLD,
    "ice": _COLD,
    "subtropical": Calendar(  # half of the broad-leaved trees are evergreen
        leaf=((60, 0.70), (110, 1), (300, 1), (350, 0.70)),
        grass=((30, 0.40), (75, 0.50), (120, 0.95), (270, 1), (310, 0.75), (345, 0.45)),
        crops=_rotation(
            (0.45, _TWO_CROPS), (0.15, _always(0.80, 0.10)), (0.10, _MILD_LEY), (0.30, _MILD_SUMMER_CROP)
        ),
    ),
}


def at_day(curve: Curve, day: float | F64) -> F64:
    """Return a curve's value on days of the northern year, which may lie beyond its ends.

    >>> round(float(at_day(((350, 0.0), (20, 1.0)), 365.25 + 2.375)), 3)
    0.5
    """
    knots, values = np.array(curve, float).T
    found: F64 = np.interp(day, knots, values, period=YEAR_DAYS)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class PlantTables:
    """The plants of one day; read-only."""

    leaf_p: F32
    grass_p: F32
    green_pn: F32
    """Of fields, by the level of their parcel."""
    straw_pn: F32


@lru_cache(maxsize=8)
def plant_tables(day: date, crop_share: float) -> PlantTables:
    """Return the plants of a day. Parcels with a number below `crop_share` are fields.

    A parcel grows the same crop every year; its farmer has his own day for it, and his own soil.
    """
    parcel = (np.arange(LEVELS) + 0.5) / LEVELS
    late = _SOWING_DAYS * ((997 * parcel) % 1 - 0.5)
    stand = _POOREST + (1 - _POOREST) * ((1871 * parcel) % 1)
    leaf: list[F64] = []
    grass: list[F64] = []
    green: list[F64] = []
    straw: list[F64] = []
    for half in (0.0, YEAR_DAYS / 2):
        today = day.timetuple().tm_yday - half
        for climate in CLIMATES:
            calendar = CALENDARS[climate.name]
            leaf.append(at_day(calendar.leaf, today))
            grass.append(at_day(calendar.grass, today))
            edges = np.cumsum([c.share for c in calendar.crops])[:-1]
            kind = np.searchsorted(edges, parcel / crop_share, side="right")
            green.append(stand * np.choose(kind, [at_day(c.green, today - late) for c in calendar.crops]))
            straw.append(np.choose(kind, [at_day(c.straw, today - late) for c in calendar.crops]))
    tables = [np.array(t, np.float32) for t in (leaf, grass, green, straw)]
    for table in tables:
        table.flags.writeable = False
    return PlantTables(*tables)
