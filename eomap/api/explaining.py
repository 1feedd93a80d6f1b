"""What each sensor, and the place, does to a map: for a small area, by leaving one after the other out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.api.planning import Notify, silent
from eomap.api.running import _network, _reader, _weights, job_of
from eomap.core.grid import Window
from eomap.core.plan import Plan
from eomap.errors import MisuseError

LARGEST_KM2 = 2_500.0
"""Every modality is one more pass of the network, and all of it is held in memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """What modalities do to a map, on the cells of one window."""

    names: tuple[str, ...]
    window: Window
    length_gyx: npt.NDArray[np.float32]
    """Length of the difference of the network's features without each modality; NaN where not mapped."""
    change_gyx: npt.NDArray[np.float32]
    """Change of the network's first number without it, or how much probability of classes moves."""


def explain(
    plan: Plan, *, out: str | Path | None = None, png: str | Path | None = None, notify: Notify = silent
) -> dict[str, Any]:
    """Return the mean influence of every modality on a plan's map; write it as JSON (`out`), maps as `png`.

    The same scenes are read, and the same windows asked, as `run` would. Raises MisuseError for a product
    without a network, and for more than LARGEST_KM2.
    """
    from eomap.io.registry import model
    from eomap.nn.modalities import influences
    from eomap.nn.runtime import REFERENCE
    from eomap.planner import task_km2
    from eomap.worker import sight_of

    area_km2 = sum(task_km2(t) for t in plan.tasks)
    _vet(plan, area_km2)
    entry, weights = model(plan.model), _weights(plan, notify)
    networks = cache(partial(_network, REFERENCE, weights, device="cpu"))
    made = influences(networks(plan.model), [(s.of, s.channels) for s in entry.sources], entry.asides)
    reader, parts = _reader(), []
    notify("begin", {"tasks": len(plan.tasks), "todo": len(plan.tasks), "km2": area_km2, "km2_done": 0.0})
    try:
        for task in plan.tasks:
            job = job_of(plan, task)
            parts.append(_part(job, sight_of(job, reader), networks(plan.model), made))
    finally:
        reader.close()
    whole = _joined(parts)
    about = {
        "product": plan.product,
        "product_version": plan.product_version,
        "model": plan.model,
        "model_sha256": plan.model_sha256,
        "period": plan.period,
        "synthetic": entry.synthetic or any(bool(s.get("synthetic")) for s in plan.scenes.values()),
        "instead": "nothing seen, no place told",
        "km2": round(area_km2, 3),
        "cells": int(np.isfinite(whole.length_gyx[0]).sum()),
        "modalities": _means(whole),
    }
    if out is not None:
        _write(Path(out), about)
    if png is not None:
        from eomap.io.influence_picture import draw

        draw(png, about, whole)
    return about


def _vet(plan: Plan, area_km2: float) -> None:
    where = f"explain {plan.product}"
    if not plan.model:
        raise MisuseError(where, expected="a product with a network", got="one without")
    if not plan.tasks:
        raise MisuseError(where, expected="an area that scenes cover", got="none in the period")
    if area_km2 > LARGEST_KM2:
        raise MisuseError(where, expected=f"at most {LARGEST_KM2:,.0f} km2", got=f"{area_km2:,.0f} km2")
    if len({t.tile.epsg for t in plan.tasks}) > 1:
        raise MisuseError(
            where, expected="an area in one zone", got="more", hint="--grid lattice, or EPSG:<zone>"
        )


def _part(job: Any, sight: Any, network: Any, made: Any) -> Explained:
    """Return the influences of a task's window, asked just as its product asks for its map."""
    from eomap.nn.mapping import Cells
    from eomap.nn.modalities import Overheard
    from eomap.nn.windows import Windowed
    from eomap.worker import inputs_of

    inputs, heard = inputs_of(job, sight), Overheard(Windowed(network))
    job.product.compute(inputs, heard)
    (asked,) = heard.requests
    value = Windowed(made)(asked.code_byx, asked.wanted_rc, origin_rc=asked.origin_rc, aside=asked.aside)
    row, col = (cells := Cells.of(inputs, job.product.cell_px)).row, cells.col
    known = inputs.wanted_yx & asked.wanted_rc[row, col]
    placed = np.where(known, value[..., row, col], np.float32(np.nan))
    count = len(made.names)
    return Explained(made.names, job.task.window, placed[:count], placed[count:])


def _joined(parts: list[Explained]) -> Explained:
    """Return the parts in one window."""
    windows = [p.window for p in parts]
    row0, col0 = min(w.row0 for w in windows), min(w.col0 for w in windows)
    whole = replace(
        windows[0],
        row0=row0,
        row1=max(w.row1 for w in windows),
        col0=col0,
        col1=max(w.col1 for w in windows),
    )
    names = parts[0].names
    length, change = (np.full((len(names), *whole.shape), np.nan, np.float32) for _ in range(2))
    for p in parts:
        rows = slice(p.window.row0 - row0, p.window.row1 - row0)
        cols = slice(p.window.col0 - col0, p.window.col1 - col0)
        length[:, rows, cols], change[:, rows, cols] = p.length_gyx, p.change_gyx
    return Explained(names, whole, length, change)


def _means(of: Explained) -> dict[str, Mapping[str, float | None]]:
    """Return means over the cells of the map, by modality; None where nothing was mapped."""
    found: dict[str, Mapping[str, float | None]] = {}
    for k, name in enumerate(of.names):
        known = np.isfinite(of.length_gyx[k])
        length, change = of.length_gyx[k][known], of.change_gyx[k][known]
        found[name] = {
            "influence": _mean(length),
            "change": _mean(change),
            "absolute_change": _mean(np.abs(change)),
        }
    return found


def _mean(values: npt.NDArray[np.float32]) -> float | None:
    return float(f"{values.mean(dtype=np.float64):.6g}") if values.size else None


def _write(path: Path, about: Mapping[str, Any]) -> None:
    from eomap.io.place import whole_file

    with whole_file(path) as part:
        part.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
