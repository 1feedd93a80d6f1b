"""Building a made-up Earth: a catalogue of synthetic scenes, and the truth beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eomap.api.planning import Notify, silent
from eomap.errors import MisuseError

LARGEST_SPAN_DEG = 20.0
"""Of the bounds: beyond, scenes come in thousands and no disk holds them."""


def build_twin(
    out: str | Path,
    *,
    bbox: str | None = None,
    aoi: str | Path | None = None,
    period: str,
    sensors: Sequence[str] = ("s2",),
    seed: int = 0,
    levels: Sequence[str] = ("L2A",),
    quirks: Sequence[str] = (),
    whole_scenes: bool = False,
    dated_truth: bool = False,
    shift: str = "none",
    strength: float = 1.0,
    threads: int | None = None,
    notify: Notify = silent,
) -> Any:
    """Write a static STAC catalogue of synthetic scenes into a folder; return a `twin.build.Built`.

    Give `bbox` as "west,south,east,north" or `aoi` as a vector file. Equal arguments give equal bytes; the
    same call continues an interrupted one. Raises MisuseError for what cannot be done as asked.
    """
    from eomap.core.aoi import from_bbox
    from eomap.core.period import Period
    from eomap.io.vectors import read_aoi
    from eomap.twin.build import Order, bounds_around, build
    from eomap.twin.quirks import quirks_named

    if (aoi is None) == (bbox is None):
        raise MisuseError(
            "area", expected="either --aoi FILE or --bbox west,south,east,north", got="both or none"
        )
    area = from_bbox(bbox) if bbox is not None else read_aoi(str(aoi))
    bounds = bounds_around(area.geometry)
    if max(bounds[2] - bounds[0], bounds[3] - bounds[1]) > LARGEST_SPAN_DEG:
        raise MisuseError(
            "area",
            expected=f"at most {LARGEST_SPAN_DEG:g} degrees from edge to edge",
            got=f"{bounds[2] - bounds[0]:.1f} by {bounds[3] - bounds[1]:.1f}",
            hint="several builds",
        )
    _vet_shift(shift, sensors)
    order = Order(
        bounds_deg=bounds,
        period=Period.parse(period),
        sensors=tuple(dict.fromkeys(sensors)),
        seed=seed,
        levels=tuple(dict.fromkeys(levels)),
        quirks=quirks_named([*quirks, *(("offset-undeclared",) if shift == "offset" else ())]),
        whole_scenes=whole_scenes,
        dated_truth=dated_truth,
    )
    return build(
        Path(out), order, _world(seed, order.period, shift, strength), threads=threads, notify=notify
    )


def _vet_shift(shift: str, sensors: Sequence[str]) -> None:
    """Refuse a shift that there is none of, or that changes nothing that any of the sensors sees."""
    from eomap.twin.shift import REACHES, Kind

    kinds = [k.value for k in Kind]
    if shift not in kinds:
        raise MisuseError("--shift", expected=f"one of {', '.join(kinds)}", got=shift)
    reached = REACHES[Kind(shift)]
    if shift != Kind.NONE and not set(sensors) & set(reached):
        raise MisuseError(
            f"--shift {shift}",
            expected=f"some of {', '.join(reached)} among the sensors: it is nothing to others",
            got=", ".join(sensors) or "none",
        )


def _world(seed: int, period: Any, shift: str, strength: float) -> Any:
    """Return the pixel source of a seed; what a composite should show is the middle day of the period."""
    from eomap.twin.shift import Kind, Shift
    from eomap.twin.world import World

    middle = period.start + (period.end - period.start) / 2
    return World(seed, shift=Shift(Kind(shift), strength), middle=middle)
